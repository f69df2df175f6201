#include "service/reader.h"

#include <fmt/format.h>

#include "base/id.h"
#include "base/text.h"
#include "service/keys.h"
#include "service/service.h"

namespace busker::service {

std::string Reader::Of(const Member& member) const {
  const std::string key = Quoted(member.name);
  return table_.empty() ? key : fmt::format("{} in {}", key, table_);
}

void Reader::MustBe(const Member& member, std::string_view what) {
  std::string example;
  if (key_ != nullptr && key_->name == member.name) {
    example = fmt::format(", such as {}", key_->example);
  }
  Fault(member.value.at,
        fmt::format("{} must be {}{}, not {}", Of(member), what, example, Describe(member.value)));
}

void Reader::Unknown(const Member& member, const std::vector<std::string>& names) {
  std::string message = fmt::format("unknown key {}", Quoted(member.name));
  message += table_.empty() ? " at the top level" : " in " + table_;
  if (const auto nearest = Nearest(member.name, names)) {
    message += fmt::format(", did you mean \"{}\"?", *nearest);
  } else if (const auto elsewhere = TableWithKey(member.name)) {
    message += fmt::format("; it belongs in {}", *elsewhere);
  } else {
    message += "; there are " + Join(names, ", ");
  }
  Fault(member.at, message);
}

std::optional<std::string> Reader::String(const Node& node, const std::string& what) {
  if (node.kind != Node::Kind::kString) {
    Fault(node.at, fmt::format("{} must be a string, not {}", what, Describe(node)));
  } else if (node.text.find('\0') != std::string::npos) {
    Fault(node.at, fmt::format("{} must not have a NUL character", what));
  } else {
    return node.text;
  }
  return std::nullopt;
}

std::optional<std::string> Reader::String(const Member& member) {
  if (member.value.kind != Node::Kind::kString || member.value.text.empty()) {
    MustBe(member, "a string");
    return std::nullopt;
  }
  return String(member.value, Of(member));
}

std::optional<std::int64_t> Reader::Integer(const Member& member, std::int64_t least,
                                            std::int64_t most) {
  const Node& value = member.value;
  if (value.kind != Node::Kind::kInteger || value.integer < least || value.integer > most) {
    MustBe(member, most == INT64_MAX ? fmt::format("an integer of {} or more", least)
                                     : fmt::format("an integer from {} to {}", least, most));
    return std::nullopt;
  }
  return value.integer;
}

std::optional<bool> Reader::Bool(const Member& member) {
  if (member.value.kind != Node::Kind::kBool) {
    MustBe(member, "true or false");
    return std::nullopt;
  }
  return member.value.boolean;
}

std::optional<std::string> Reader::Name(const Member& member) {
  auto name = String(member);
  if (name && !IsName(*name)) {
    Fault(member.value.at,
          fmt::format("{}: {} is no name; a name has a-z, 0-9, \".\", \"_\" and \"-\", begins with "
                      "a letter or digit, and is at most 63 long",
                      Of(member), Quoted(*name)));
    return std::nullopt;
  }
  return name;
}

std::optional<Milliseconds> Reader::Duration(const Member& member) {
  const auto text = String(member);
  if (!text) return std::nullopt;
  const auto duration = ParseDuration(*text);
  if (!duration) {
    Fault(member.value.at, fmt::format("{}: {} is no duration such as 90s, 15m, 2h or 1h30m",
                                       Of(member), Quoted(*text)));
    return std::nullopt;
  }
  return *duration;
}

std::optional<std::string> Reader::Choice(const Member& member,
                                          const std::vector<std::string>& choices) {
  auto text = String(member);
  if (!text) return std::nullopt;
  for (const auto& choice : choices) {
    if (*text == choice) return text;
  }
  const auto nearest = Nearest(*text, choices);
  Fault(member.value.at, fmt::format("{}: unknown value {}{}", Of(member), Quoted(*text),
                                     nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                             : "; there are \"" + Join(choices, "\", \"") + "\""));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Reader::Command(const Member& member) {
  const auto text = String(member);
  if (!text) return std::nullopt;
  auto words = SplitWords(*text);
  if (!words) {
    Fault(member.value.at, fmt::format("{}: {}", Of(member), words.error().message));
    return std::nullopt;
  }
  if (words->empty() || words->front().empty()) {
    Fault(member.value.at, fmt::format("{} names no program", Of(member)));
    return std::nullopt;
  }
  return std::move(*words);
}

const Node* Reader::Table(const Member& member) {
  if (member.value.kind == Node::Kind::kTable) return &member.value;
  MustBe(member, "a table");
  return nullptr;
}

bool IsPlainRelativePath(std::string_view path) {
  for (const std::string& part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  return true;
}

}  // namespace busker::service

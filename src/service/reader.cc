#include "service/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <span>

#include "base/bytes.h"
#include "base/id.h"
#include "base/text.h"
#include "plan/cron.h"
#include "service/keys.h"
#include "service/log_setting.h"
#include "service/service.h"
#include "service/shell_signs.h"

namespace busker::service {

Reader::Reader(Faults& faults, std::string table)
    : Reader(faults, std::move(table), KeyHelp{nullptr, &TableWithKey, &NearestKey}) {}

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
  const auto refusal = help_.refusal == nullptr ? std::nullopt : help_.refusal(member.name);
  if (refusal) {
    Fault(member.at, *refusal);
    return;
  }
  const auto elsewhere = help_.home == nullptr ? std::nullopt : help_.home(member.name);
  std::string message = fmt::format("unknown key {}", Quoted(member.name));
  message += table_.empty() ? " at the top level" : " in " + table_;
  if (const auto nearest = Nearest(member.name, names)) {
    message += fmt::format(", did you mean \"{}\"?", *nearest);
  } else if (elsewhere) {
    message += fmt::format("; it belongs in {}", *elsewhere);
  } else if (const auto other = help_.nearest_elsewhere == nullptr
                                    ? std::nullopt
                                    : help_.nearest_elsewhere(member.name)) {
    message += fmt::format(", did you mean \"{}\", which belongs in {}?", *other,
                           help_.home(*other).value_or("another table"));
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
    Fault(
        member.value.at,
        fmt::format(
            "{}: {} is not a valid name; a name has a-z, 0-9, \".\", \"_\" and \"-\", begins with "
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
    Fault(member.value.at, fmt::format("{}: {} is not a duration, such as 90s, 15m, 2h or 1h30m",
                                       Of(member), Quoted(*text)));
    return std::nullopt;
  }
  return *duration;
}

std::optional<Milliseconds> Reader::Limit(const Member& member) {
  const auto limit = Duration(member);
  if (limit && limit->count() == 0) {
    Fault(member.value.at,
          fmt::format("{} must be longer than nothing; leave the key out for no limit",
                      Quoted(member.name)));
    return std::nullopt;
  }
  return limit;
}

std::optional<std::string> Reader::Schedule(const Member& member) {
  auto text = String(member);
  if (!text) return std::nullopt;
  const auto cron = plan::ParseCron(*text);
  if (cron) return text;
  Fault(member.value.at, fmt::format("{}: {}", Quoted(member.name), cron.error().message));
  return std::nullopt;
}

std::optional<std::string> Reader::TimeZone(const Member& member) {
  auto zone = String(member);
  if (!zone) return std::nullopt;
  const auto known = plan::CheckZone(*zone);
  if (known) return zone;
  Fault(member.value.at, fmt::format("{}: {}", Quoted(member.name), known.error().message));
  return std::nullopt;
}

std::optional<int> Reader::Cpus(const Member& member) {
  const Node& value = member.value;
  double cpus = value.number;
  if (value.kind == Node::Kind::kInteger) cpus = static_cast<double>(value.integer);
  const bool number = value.kind == Node::Kind::kInteger || value.kind == Node::Kind::kFloat;
  if (!number || !(cpus >= 0.001 && cpus <= 1024)) {
    MustBe(member, "a number of processors from 0.001 to 1024");
    return std::nullopt;
  }
  return static_cast<int>(std::lround(cpus * 1000));
}

std::optional<std::uint64_t> Reader::Memory(const Member& member) {
  const auto text = String(member);
  if (!text) return std::nullopt;
  const auto bytes = ParseBytes(*text);
  if (!bytes || *bytes == 0) {
    Fault(member.value.at,
          fmt::format("{}: {}", Of(member),
                      bytes ? "more than nothing is needed" : bytes.error().message));
    return std::nullopt;
  }
  return *bytes;
}

std::optional<std::uint64_t> Reader::LogBytes(const Member& member) {
  const auto text = String(member);
  if (!text) return std::nullopt;
  const auto bytes = ParseBytes(*text);
  if (!bytes || *bytes < kLogBytesLeast || *bytes > kLogBytesMost) {
    Fault(member.value.at, fmt::format("{}: {}", Of(member),
                                       bytes ? "must be from 64KiB to 1GiB, such as \"16MiB\""
                                             : bytes.error().message));
    return std::nullopt;
  }
  return *bytes;
}

std::optional<std::string> Reader::Path(const Member& member, const std::string& folder) {
  const auto text = String(member);
  if (!text) return std::nullopt;
  for (char c : *text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      Fault(member.value.at, fmt::format("{}: {} has a control character, which no path may have",
                                         Of(member), Quoted(*text)));
      return std::nullopt;
    }
  }
  if (text->front() == '~') {
    Fault(member.value.at, fmt::format("{}: {} is read as it stands, and \"~\" is nobody's home; "
                                       "write the path in full",
                                       Of(member), Quoted(*text)));
    return std::nullopt;
  }
  return (std::filesystem::path(folder) / *text).lexically_normal().string();
}

std::optional<std::string> Reader::Url(const Member& member,
                                       const std::vector<std::string>& schemes) {
  auto url = String(member);
  if (!url) return std::nullopt;
  bool good = false;
  for (const auto& scheme : schemes) {
    good = good || (url->starts_with(scheme + "://") && url->size() > scheme.size() + 3 &&
                    (*url)[scheme.size() + 3] != '/');
  }
  for (char c : *url) good = good && static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
  if (good) return url;
  Fault(member.value.at, fmt::format("{}: {} is not an address such as {}://HOST", Of(member),
                                     Quoted(*url), schemes.front()));
  return std::nullopt;
}

std::optional<std::string> Reader::Choice(const Member& member,
                                          const std::vector<std::string>& choices) {
  auto text = String(member);
  if (!text) return std::nullopt;
  for (const auto& choice : choices) {
    if (*text == choice) return text;
  }
  UnknownValue(member, *text, choices);
  return std::nullopt;
}

void Reader::UnknownValue(const Member& member, const std::string& value,
                          const std::vector<std::string>& choices) {
  const auto nearest = Nearest(value, choices);
  Fault(member.value.at, fmt::format("{}: unknown value {}{}", Of(member), Quoted(value),
                                     nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                             : "; there are \"" + Join(choices, "\", \"") + "\""));
}

namespace {

// ">" and "&&" are ordinary characters here: there is no shell; ...
std::string NoShell(const std::vector<std::string>& signs) {
  bool characters = true;
  std::vector<std::string> quoted;
  for (const std::string& sign : signs) {
    characters = characters && sign.find_first_not_of("|&;<>") == std::string::npos;
    quoted.push_back(Quoted(sign));
  }
  const bool one = signs.size() == 1;
  return fmt::format(
      "{} {} here: there is no shell; sh -c '...' has one. Put {} in quotes when it is "
      "meant so",
      Join(quoted, ", "),
      characters ? (one ? "is an ordinary character" : "are ordinary characters")
                 : (one ? "is ordinary text" : "are ordinary text"),
      one ? "it" : "each");
}

}  // namespace

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
  const std::vector<std::string> signs = ShellSigns(*text);
  if (!signs.empty()) faults_.Warn(member.value.at, Of(member) + ": " + NoShell(signs));
  return std::move(*words);
}

std::optional<std::vector<std::string>> Reader::Strings(const Member& member,
                                                        const std::string& what) {
  std::vector<std::string> texts;
  const bool array = member.value.kind == Node::Kind::kArray;
  if (!array && member.value.kind != Node::Kind::kString) {
    MustBe(member, "a string or an array of strings");
    return std::nullopt;
  }
  const Node* first = array ? member.value.items.data() : &member.value;
  for (const Node& item : std::span(first, array ? member.value.items.size() : 1)) {
    auto text = String(item, fmt::format("{} in {}", what, Quoted(member.name)));
    if (!text) return std::nullopt;
    if (text->empty()) {
      Fault(item.at, fmt::format("{} in {} must not be empty", what, Quoted(member.name)));
      return std::nullopt;
    }
    texts.push_back(std::move(*text));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (seen.insert(texts[i]).second) continue;
    Fault(std::span(first, texts.size())[i].at,
          fmt::format("{} is in {} already", Quoted(texts[i]), Quoted(member.name)));
    return std::nullopt;
  }
  return texts;
}

std::optional<std::vector<std::string>> Reader::Emails(const Member& member) {
  auto emails = Strings(member, "an address");
  if (!emails) return std::nullopt;
  for (const auto& email : *emails) {
    if (IsEmail(email) || IsNamedEmail(email)) continue;
    Fault(member.value.at,
          fmt::format("{}: {} is not an address, such as \"ops@example.com\" or \"Ann Ops "
                      "<ann@example.com>\"",
                      Of(member), Quoted(email)));
    return std::nullopt;
  }
  return emails;
}

const Node* Reader::Table(const Member& member) {
  if (member.value.kind == Node::Kind::kTable) return &member.value;
  MustBe(member, member.value.json ? "an object" : "a table");
  return nullptr;
}

// "Ann Ops <ann@example.com>", as the mail is written to (notify::ParseMailbox).
bool IsNamedEmail(std::string_view text) {
  const auto open = text.find('<');
  if (open == std::string_view::npos || open == 0 || !text.ends_with('>')) return false;
  const std::string_view name = text.substr(0, open);
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '>';
  });
  return plain && IsUtf8(name) && IsEmail(text.substr(open + 1, text.size() - open - 2));
}

bool IsEmail(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.size() > 254 ||
      text.find('@', at + 1) != std::string_view::npos || text.front() == '-') {
    return false;
  }
  for (char c : text) {
    const bool control = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (control || std::string_view("<>,;:\"()[]\\").find(c) != std::string_view::npos)
      return false;
  }
  return true;
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

bool CanBeImage(std::string_view text) {
  return !text.starts_with('-') && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("./_:@-").find(c) != std::string_view::npos;
  });
}

}  // namespace busker::service

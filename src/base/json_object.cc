#include "base/json_object.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "base/json_syntax.h"
#include "base/text.h"

namespace busker {
namespace {

using nlohmann::ordered_json;

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::optional<std::string> FromHex(const std::string& hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto high = kDigits.find(hex[i]);
    const auto low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return hex.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

std::optional<std::string> FromJsonBytes(const ordered_json& value) {
  std::optional<std::string> bytes;
  if (value.is_string()) bytes = value.get<std::string>();
  if (value.is_object() && value.size() == 1 && value.contains("hex") && value["hex"].is_string()) {
    bytes = FromHex(value["hex"].get<std::string>());
  }
  if (bytes && bytes->find('\0') != std::string::npos) return std::nullopt;
  return bytes;
}

// The value that is parsed. The library's own looks through all members of an object for each that
// comes, which takes seconds for the ten thousand files of a manifest. Parsing ends at a name that
// occurs twice.
// NOLINTNEXTLINE(bugprone-exception-escape): a value of the library is moved without one
class ValueBuilder : public nlohmann::json_sax<ordered_json> {
 public:
  ordered_json Take() { return std::move(root_); }
  const std::string& twice() const { return twice_; }
  const std::string& fault() const { return fault_; }  // a number out of range

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& value) override { return Add(std::move(value)); }
  bool start_object(std::size_t) override { return Open(ordered_json::object()); }
  bool start_array(std::size_t) override { return Open(ordered_json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (!open_.back().names.insert(name).second) {
      twice_ = name;
      return false;
    }
    name_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& fault) override {
    fault_ = fault.what();
    return false;
  }

 private:
  // What is open is the last of what it is in, to which nothing is added meanwhile.
  struct Opened {
    ordered_json* value;
    std::set<std::string> names;  // of an object's members
  };

  ordered_json& Put(ordered_json value) {
    if (open_.empty()) return root_ = std::move(value);
    ordered_json& within = *open_.back().value;
    if (within.is_array()) {
      return within.get_ref<ordered_json::array_t&>().emplace_back(std::move(value));
    }
    auto& members = within.get_ref<ordered_json::object_t&>();
    return members.emplace_back(std::move(name_), std::move(value)).second;
  }
  bool Add(ordered_json value) {
    Put(std::move(value));
    return true;
  }
  bool Open(ordered_json value) {
    open_.push_back({&Put(std::move(value)), {}});
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  ordered_json root_;
  std::vector<Opened> open_;
  std::string name_;  // of the member that comes
  std::string twice_, fault_;
};

}  // namespace

Result<void> CheckJson(std::string_view text, std::string_view what) {
  const auto fault = FindJsonFault(text);
  if (!fault) return {};
  return Invalid(fmt::format("{}:{}:{}: {}", what, fault->line, fault->column, fault->reason));
}

Result<ordered_json> ParseJson(std::string_view text, std::string_view what) {
  TRY(CheckJson(text, what));
  ValueBuilder builder;
  const bool is_whole = ordered_json::sax_parse(text, &builder);
  if (!is_whole && builder.fault().empty()) {
    return Invalid(fmt::format("{}: \"{}\" is there twice", what, builder.twice()));
  }
  if (!is_whole) return Invalid(fmt::format("{}: {}", what, builder.fault()));
  return builder.Take();
}

Result<ordered_json> ParseOwnJson(std::string_view text, std::string_view what) {
  ordered_json value = ordered_json::parse(text, nullptr, false);
  if (value.is_discarded()) return ParseJson(text, what);  // to say what is wrong
  return value;
}

std::string JsonText(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json JsonBytes(const std::string& bytes) {
  if (IsUtf8(bytes)) return bytes;
  return {{"hex", Hex(bytes)}};
}

ordered_json JsonBytes(const std::vector<std::string>& all) {
  ordered_json array = ordered_json::array();
  for (const std::string& bytes : all) array.push_back(JsonBytes(bytes));
  return array;
}

JsonObject::JsonObject(const ordered_json& value, std::string what)
    : value_(value), what_(std::move(what)) {
  if (!value_.is_object()) fault_ = Error{ErrorKind::kInvalid, what_ + ": it is not an object"};
}

void JsonObject::Fault(std::string message) {
  if (Good()) fault_ = Error{ErrorKind::kInvalid, what_ + ": " + std::move(message)};
}

const ordered_json& JsonObject::Member(const char* name) {
  static const ordered_json kNothing;
  asked_.insert(name);
  if (!Good()) return kNothing;
  const auto member = value_.find(name);
  return member == value_.end() ? kNothing : *member;
}

const ordered_json* JsonObject::Find(const char* name, const char* wanted,
                                     bool (ordered_json::*is)() const noexcept) {
  const ordered_json& member = Member(name);
  if (!Good()) return nullptr;
  if ((member.*is)()) return &member;
  Fault(member.is_null() ? fmt::format("\"{}\" is missing", name)
                         : fmt::format("\"{}\" is not {}", name, wanted));
  return nullptr;
}

void JsonObject::Require(const char* name) {
  if (Member(name).is_null()) Fault(fmt::format("\"{}\" is missing", name));
}

void JsonObject::Get(const char* name, std::string& to) {
  if (const auto* member = Find(name, "text", &ordered_json::is_string))
    to = member->get<std::string>();
}

void JsonObject::Get(const char* name, int& to) {
  const auto* member = Find(name, "a whole number", &ordered_json::is_number_integer);
  if (member == nullptr) return;
  const auto number = member->get<std::int64_t>();
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) {
    return Fault(fmt::format("\"{}\" is out of range", name));
  }
  to = static_cast<int>(number);
}

void JsonObject::Get(const char* name, bool& to) {
  const auto* member = Find(name, "true or false", &ordered_json::is_boolean);
  if (member != nullptr) to = member->get<bool>();
}

void JsonObject::Get(const char* name, std::uint64_t& to) {
  const auto* member =
      Find(name, "a whole number of at least 0", &ordered_json::is_number_unsigned);
  if (member != nullptr) to = member->get<std::uint64_t>();
}

void JsonObject::Get(const char* name, Milliseconds& to) {
  std::uint64_t count = 0;
  Get(name, count);
  if (!Good()) return;
  if (count > 1'000'000'000'000'000) return Fault(fmt::format("\"{}\" is out of range", name));
  to = Milliseconds(count);
}

void JsonObject::Get(const char* name, Instant& to) {
  if (Member(name).is_null()) return;
  std::string text;
  Get(name, text);
  if (!Good()) return;
  auto instant = ParseRfc3339(text);
  if (!instant) return Fault(fmt::format("\"{}\": {}", name, instant.error().message));
  to = *instant;
}

void JsonObject::Get(const char* name, std::optional<std::string>& to) {
  if (Member(name).is_null()) return;
  std::string text;
  Get(name, text);
  if (Good()) to = std::move(text);
}

void JsonObject::Get(const char* name, std::optional<Milliseconds>& to) {
  if (Member(name).is_null()) return;
  Milliseconds duration{};
  Get(name, duration);
  if (Good()) to = duration;
}

void JsonObject::Get(const char* name, std::map<std::string, double>& to) {
  const auto* member = Find(name, "an object", &ordered_json::is_object);
  if (member == nullptr) return;
  for (const auto& [key, value] : member->items()) {
    if (!value.is_number()) return Fault(fmt::format("\"{}\": \"{}\" is not a number", name, key));
    to[key] = value.get<double>();
  }
}

void JsonObject::GetBytes(const char* name, std::string& to) {
  const ordered_json& member = Member(name);
  if (!Good()) return;
  auto bytes = FromJsonBytes(member);
  if (!bytes) return Fault(fmt::format("\"{}\" is missing or no text", name));
  to = std::move(*bytes);
}

void JsonObject::GetBytes(const char* name, std::vector<std::string>& to) {
  const auto* member = Find(name, "an array", &ordered_json::is_array);
  if (member == nullptr) return;
  for (const ordered_json& entry : *member) {
    auto bytes = FromJsonBytes(entry);
    if (!bytes) return Fault(fmt::format("\"{}\" holds something that is not text", name));
    to.push_back(std::move(*bytes));
  }
}

void JsonObject::GetBytes(const char* name, std::map<std::string, std::string>& to) {
  const auto* member = Find(name, "an object", &ordered_json::is_object);
  if (member == nullptr) return;
  for (const auto& [key, value] : member->items()) {
    auto bytes = FromJsonBytes(value);
    if (!bytes) return Fault(fmt::format("\"{}\": \"{}\" is not text", name, key));
    to[key] = std::move(*bytes);
  }
}

void JsonObject::RefuseOthers() {
  if (!Good()) return;
  for (const auto& [name, _] : value_.items()) {
    if (!asked_.contains(name)) return Fault(fmt::format("unknown key \"{}\"", name));
  }
}

Result<void> JsonObject::Done() const {
  if (fault_) return tl::unexpected(*fault_);
  return {};
}

}  // namespace busker

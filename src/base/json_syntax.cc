#include "base/json_syntax.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace busker {
namespace {

using nlohmann::ordered_json;

// Accepts everything and keeps nothing but where and why the text is no JSON, so that a config of
// any depth is checked in constant memory per level.
class SyntaxCheck : public nlohmann::json_sax<ordered_json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& fault) override {
    read = position;
    why = fault.what();
    return false;
  }

  std::size_t read = 0;  // characters, up to and with the one that was wrong
  std::string why;
};

// "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error while parsing
// value - invalid literal; last read: 'x'" -> "invalid literal; last read: 'x'"
std::string Reason(const std::string& why) {
  for (const std::string_view mark : {" - ", ": "}) {
    const auto at = why.find(mark);
    if (at != std::string::npos) return why.substr(at + mark.size());
  }
  return why;
}

// Where the offending token begins, of which the last character is at read - 1.
std::size_t FaultOffset(std::string_view text, std::size_t read, std::string_view reason) {
  if (read == 0 || read > text.size()) return text.size();
  const std::size_t last = read - 1;
  std::size_t before = std::string_view::npos;  // the character before the token
  if (reason.starts_with("unexpected string") && last > 0) {
    before = text.rfind('"', last - 1);
    return before == std::string_view::npos ? last : before;
  }
  if (!reason.starts_with("unexpected number")) return last;
  before = text.find_last_not_of("+-.0123456789eE", last);
  return before == std::string_view::npos ? 0 : before + 1;
}

}  // namespace

std::optional<JsonFault> FindJsonFault(std::string_view text) {
  SyntaxCheck check;
  if (ordered_json::sax_parse(text, &check)) return std::nullopt;
  const std::string reason = Reason(check.why);
  const std::size_t offset = FaultOffset(text, check.read, reason);
  const std::string_view before = text.substr(0, offset);
  const std::string_view line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  JsonFault fault;
  fault.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  fault.column = static_cast<int>(std::count_if(
                     line.begin(), line.end(),
                     [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; })) +
                 1;
  fault.reason = Printable(reason).substr(0, 200);
  return fault;
}

}  // namespace busker

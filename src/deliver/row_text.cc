#include "deliver/row_text.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/time.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kShownBytesMax = 40;  // of a value, in a message

// "1.500000000" -> "1.5", "2.000000000" -> "2".
std::string_view WithoutZeros(std::string_view decimal) {
  if (decimal.find('.') == std::string_view::npos) return decimal;
  while (decimal.ends_with('0')) decimal.remove_suffix(1);
  if (decimal.ends_with('.')) decimal.remove_suffix(1);
  return decimal;
}

// "2026-02-03 10:00:00.5+00" -> "2026-02-03T10:00:00.5Z"; without an offset, without a Z.
std::string AsRfc3339(std::string_view text) {
  std::string instant(text);
  if (const auto blank = instant.find(' '); blank != std::string::npos) instant[blank] = 'T';
  if (instant.ends_with("+00")) instant.replace(instant.size() - 3, 3, "Z");
  return instant;
}

tl::unexpected<Error> NoValue(const Column& column, std::string_view text, const char* example) {
  const std::string shown(text.substr(0, kShownBytesMax));
  return Invalid(fmt::format("\"{}\" is not a valid {} for \"{}\"; one looks like {}",
                             Printable(shown), column.type, column.name, example));
}

}  // namespace

bool CanBeKey(std::string_view type) {
  return type == "STRING" || type == "INT64" || type == "BOOL" || type == "DATE";
}

void AddJsonText(std::string_view text, std::string& json) {
  constexpr char kDigits[] = "0123456789abcdef";
  json += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    json.append(text, from, i - from);
    from = i + 1;
    if (c == '"' || c == '\\') {
      json += '\\';
      json += text[i];
    } else {
      json += "\\u00";
      json += kDigits[c >> 4];
      json += kDigits[c & 15];
    }
  }
  json.append(text, from, text.size() - from);
  json += '"';
}

void AddJsonNumber(double number, std::string& json) {
  if (std::isnan(number)) {
    json += "\"NaN\"";
    return;
  }
  if (std::isinf(number)) {
    json += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  // As people write them, unless that is long: 100000, and not 1e+05.
  const double size = std::abs(number);
  const bool plain = size == 0 || (size >= 1e-5 && size < 1e17);
  std::array<char, 64> text;
  const auto end = plain ? std::to_chars(text.begin(), text.end(), number, std::chars_format::fixed)
                         : std::to_chars(text.begin(), text.end(), number);
  json.append(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
}

void AddJsonOf(std::string_view type, std::string_view text, std::string& json) {
  if (type == "NUMERIC" || type == "BIGNUMERIC") {
    AddJsonText(WithoutZeros(text), json);
  } else if (type == "DATETIME" || type == "TIMESTAMP") {
    AddJsonText(AsRfc3339(text), json);
  } else {
    AddJsonText(text, json);
  }
}

Result<void> AddKeyText(const Column& column, std::string_view text, std::string& json) {
  if (column.type == "INT64") {
    std::int64_t number = 0;
    const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, number);
    const bool twice = text.starts_with('+') && digits.starts_with('-');
    if (error != std::errc() || rest != end || twice) return NoValue(column, text, "42");
    json += std::to_string(number);
    return {};
  }
  if (column.type == "BOOL") {
    if (text != "true" && text != "false") return NoValue(column, text, "true");
    json += text;
    return {};
  }
  if (column.type == "DATE" && !ParseDate(text)) return NoValue(column, text, "2026-11-01");
  AddJsonText(text, json);
  return {};
}

}  // namespace busker::deliver

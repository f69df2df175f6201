#include "deliver/value_look.h"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

namespace busker::deliver {
namespace {

constexpr std::size_t kDigitsAlwaysExact = 15;  // a double keeps any 15
constexpr std::size_t kDigitsMax = 40;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t DigitsFrom(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && IsDigit(text[end])) ++end;
  return end - at;
}

bool SameInAnyCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
  }
  return true;
}

// ---- numbers

struct Number {
  std::string_view whole, fraction;  // digits
  bool negative = false;
  bool has_point = false, has_exponent = false;
  int exponent = 0;
};

// An exponent as programs write it, so that 1E5 and 12e4 stay the ids that they are: one digit
// before the point, and a sign (1e-05, 1e+16, 1E-05) or a point (1.0E10).
bool ReadExponent(std::string_view text, Number& number) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E') || number.whole.size() != 1) return false;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  const bool has_sign = negative || text.starts_with('+');
  if (has_sign) text.remove_prefix(1);
  if (!has_sign && !number.has_point) return false;
  if (text.empty() || text.size() > 3 || DigitsFrom(text, 0) != text.size()) return false;
  number.has_exponent = true;
  for (const char c : text) number.exponent = number.exponent * 10 + (c - '0');
  if (negative) number.exponent = -number.exponent;
  return true;
}

std::optional<Number> ReadNumber(std::string_view text) {
  Number number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  const std::size_t whole = DigitsFrom(text, 0);
  if (whole == 0 || (whole > 1 && text[0] == '0')) return std::nullopt;
  number.whole = text.substr(0, whole);
  text.remove_prefix(whole);
  if (text.starts_with('.')) {
    number.has_point = true;
    number.fraction = text.substr(1, DigitsFrom(text, 1));
    if (number.fraction.empty()) return std::nullopt;
    text.remove_prefix(1 + number.fraction.size());
  }
  if (!text.empty() && !ReadExponent(text, number)) return std::nullopt;
  return number;
}

// Whether |double| written with as many decimals as the text has, `decimals`, gives `digits` (all
// of the text's as one integer), without rounding anywhere. Says no where 128 bits do not suffice.
bool GivesDigits(double value, std::uint64_t digits, int decimals) {
  constexpr int kPowerMax = 22;
  if (decimals < 1 || decimals > kPowerMax) return false;
  int exponent = 0;
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(std::frexp(value, &exponent), 53));
  const int shift = 53 - exponent;  // value = mantissa / 2^shift
  if (shift < 1 || shift > 68) return false;
  __extension__ typedef unsigned __int128 Wide;
  Wide power = 1;
  for (int i = 0; i < decimals; ++i) power *= 10;
  const Wide is = Wide{mantissa} * power;  // both times 2^shift and 10^decimals
  const Wide should_be = Wide{digits} << shift;
  const Wide difference = is > should_be ? is - should_be : should_be - is;
  return difference < (Wide{1} << (shift - 1));
}

// Whether the double that is nearest to the number has the number's digits when it is written with
// as many.
bool KeepsDigits(const Number& number, std::string_view text) {
  std::array<char, kDigitsMax + 1> digits{};  // without the zeros at both ends
  std::size_t count = 0;
  std::size_t zeros = 0;  // seen since the last other digit
  int point = 0;          // of the first digit: its power of ten
  int place = static_cast<int>(number.whole.size());
  for (const std::string_view part : {number.whole, number.fraction}) {
    for (const char c : part) {
      --place;
      if (c == '0') {
        zeros += count > 0 ? 1 : 0;
        continue;
      }
      if (count == 0) point = place;
      if (count + zeros + 1 > kDigitsMax) return false;
      for (; zeros > 0; --zeros) digits[count++] = '0';
      digits[count++] = c;
    }
  }
  if (count == 0) return true;  // a zero
  const int power = point + number.exponent;
  if (count <= kDigitsAlwaysExact && power > -290 && power < 290) return true;
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || !std::isfinite(value)) return false;
  if (count <= 19 && !number.has_exponent) {
    std::uint64_t all = 0;
    std::from_chars(digits.data(), digits.data() + count, all);
    if (GivesDigits(std::fabs(value), all, static_cast<int>(count) - 1 - power)) return true;
  }
  std::array<char, kDigitsMax + 16> written{};
  const auto end = std::to_chars(written.data(), written.data() + written.size(), std::fabs(value),
                                 std::chars_format::scientific, static_cast<int>(count) - 1);
  const std::string_view back(written.data(), static_cast<std::size_t>(end.ptr - written.data()));
  const std::size_t e = back.find('e');
  if (e == std::string_view::npos || back[0] != digits[0]) return false;
  if (count > 1 && back.substr(2, e - 2) != std::string_view(digits.data() + 1, count - 1))
    return false;
  return std::atoi(written.data() + e + 1) == power;
}

ValueLook LookAtInteger(std::string_view text) {
  if (text == "-0") return {.look = Look::kNegativeZero};
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return {};
  std::uint64_t size = static_cast<std::uint64_t>(value);
  if (value < 0) size = ~size + 1;
  const bool exact = size == 0 || std::bit_width(size) - std::countr_zero(size) <= 53;
  return {.look = Look::kInteger, .exact_as_double = exact};
}

ValueLook LookAtNumber(std::string_view text) {
  const auto number = ReadNumber(text);
  if (!number) return {};
  if (!number->has_point && !number->has_exponent) return LookAtInteger(text);
  if (!KeepsDigits(*number, text)) return {};
  const std::string_view fraction = number->fraction;
  return {.look = Look::kDecimal,
          .decimals = static_cast<int>(fraction.size()),
          .padded = fraction.size() > 1 && fraction.back() == '0'};
}

// ---- dates and times

int TwoDigits(std::string_view text, std::size_t at) {
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

// Takes "2026-02-03" from the front of `text`, when it is a day.
bool TakeDate(std::string_view& text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  if (DigitsFrom(text, 0) != 4 || DigitsFrom(text, 5) != 2 ||
      DigitsFrom(text.substr(0, 10), 8) != 2)
    return false;
  const int year = TwoDigits(text, 0) * 100 + TwoDigits(text, 2);
  const std::chrono::year_month_day date{
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(TwoDigits(text, 5))),
      std::chrono::day(static_cast<unsigned>(TwoDigits(text, 8)))};
  if (year < 1 || !date.ok()) return false;
  text.remove_prefix(10);
  return true;
}

// Takes "10:00", "10:00:00" or "10:00:00.123456" from the front.
bool TakeTime(std::string_view& text, ValueLook& look, bool& has_seconds) {
  const auto two = [&](std::size_t at, int below) {
    return text.size() >= at + 2 && IsDigit(text[at]) && IsDigit(text[at + 1]) &&
           TwoDigits(text, at) < below;
  };
  if (!two(0, 24) || text.size() < 5 || text[2] != ':' || !two(3, 60)) return false;
  has_seconds = text.size() > 5 && text[5] == ':';
  if (!has_seconds) {
    text.remove_prefix(5);
    return true;
  }
  if (!two(6, 60)) return false;
  text.remove_prefix(8);
  if (!text.starts_with('.')) return true;
  const std::size_t digits = DigitsFrom(text, 1);
  if (digits < 1 || digits > 6) return false;  // a seventh would be lost
  look.decimals = static_cast<int>(digits);
  look.padded = text[digits] == '0';
  text.remove_prefix(1 + digits);
  return true;
}

// +hh, +hhmm or +hh:mm, as far from UTC as a zone can be.
bool IsOffset(std::string_view text) {
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return false;
  text.remove_prefix(1);
  if (text.size() == 5 && text[2] == ':') {
    if (DigitsFrom(text, 0) != 2 || DigitsFrom(text, 3) != 2) return false;
  } else if ((text.size() != 2 && text.size() != 4) || DigitsFrom(text, 0) != text.size()) {
    return false;
  }
  return TwoDigits(text, 0) <= 14 && (text.size() == 2 || TwoDigits(text, text.size() - 2) < 60);
}

ValueLook LookAtDate(std::string_view text) {
  if (!TakeDate(text)) return {};
  if (text.empty()) return {.look = Look::kDate};
  const bool has_t = text[0] == 'T';
  if (!has_t && text[0] != ' ') return {};
  text.remove_prefix(1);
  ValueLook look;
  bool has_seconds = false;
  if (!TakeTime(text, look, has_seconds)) return {};
  look.form = (has_t ? 1 : 0) + (has_seconds ? 2 : 0);
  if (text.empty()) {
    look.look = Look::kDatetime;
  } else if (text == "Z" || text == " UTC" || IsOffset(text)) {
    look.look = Look::kTimestamp;
  } else {
    return {};
  }
  return look;
}

// Without seconds it is a ratio as well as a time.
ValueLook LookAtTime(std::string_view text) {
  ValueLook look;
  bool has_seconds = false;
  if (!TakeTime(text, look, has_seconds) || !has_seconds || !text.empty()) return {};
  look.look = Look::kTime;
  return look;
}

bool IsNotFinite(std::string_view text) {
  if (text == "nan" || text == "NaN") return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  return text == "inf" || text == "Inf" || text == "Infinity";
}

}  // namespace

ValueLook LookAt(std::string_view text) {
  if (text.empty()) return {};
  const char first = text[0];
  if (IsDigit(first) || (first == '-' && text.size() > 1 && IsDigit(text[1]))) {
    if (text.size() > 4 && text[4] == '-' && IsDigit(first)) {
      const ValueLook date = LookAtDate(text);
      if (date.look != Look::kText) return date;  // else it may be 1e-05 spelled 1.0e-5
    }
    if (text.size() > 2 && text[2] == ':') return LookAtTime(text);
    return LookAtNumber(text);
  }
  if (SameInAnyCase(text, "true") || SameInAnyCase(text, "false")) return {.look = Look::kBool};
  if (IsNotFinite(text)) return {.look = Look::kNotFinite};
  return {};
}

bool LooksLikeValue(std::string_view text) { return LookAt(text).look != Look::kText; }

}  // namespace busker::deliver

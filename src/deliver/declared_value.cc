#include "deliver/declared_value.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "base/json_syntax.h"
#include "deliver/value_look.h"

namespace busker::deliver {
namespace {

constexpr int kSecondDecimals = 6;  // of TIME, DATETIME and TIMESTAMP

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

char LowerOf(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A text that is taken from the front, part by part.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // Takes any of `from`; '\0' when another character comes.
  char TakeOneOf(std::string_view from) {
    if (rest_.empty() || from.find(rest_[0]) == std::string_view::npos) return '\0';
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }
  std::string_view TakeDigits(std::size_t count_max = std::string_view::npos) {
    std::size_t count = 0;
    while (count < rest_.size() && count < count_max && IsDigit(rest_[count])) ++count;
    const std::string_view digits = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return digits;
  }
  // Takes a number of so many digits; -1 when it is shorter.
  int TakeNumber(std::size_t digits_min, std::size_t digits_max) {
    const std::string_view digits = TakeDigits(digits_max);
    if (digits.size() < digits_min) return -1;
    int number = 0;
    for (const char c : digits) number = number * 10 + (c - '0');
    return number;
  }

 private:
  std::string_view rest_;
};

// Blanks around a number or a DATE are not part of it: people align columns with them.
std::string_view WithoutBlanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// ---- numbers

// +1.25e-3, .5 and 5. are numbers; 1_000 and 0x1F are none.
struct Number {
  bool negative = false;
  std::string_view whole, fraction;  // digits
  int exponent = 0;

  bool IsZero() const {
    const auto is_zero = [](char c) { return c == '0'; };
    return std::all_of(whole.begin(), whole.end(), is_zero) &&
           std::all_of(fraction.begin(), fraction.end(), is_zero);
  }
};

// Of three digits at most: no type has more, and DuckDB fails at a 0 with more.
bool TakeExponent(Scan& scan, int& exponent) {
  const bool negative = scan.TakeOneOf("+-") == '-';
  exponent = scan.TakeNumber(1, 3);
  if (exponent < 0) return false;
  if (negative) exponent = -exponent;
  return true;
}

bool ReadNumber(std::string_view text, Number& number) {
  Scan scan(WithoutBlanks(text));
  number.negative = scan.TakeOneOf("+-") == '-';
  number.whole = scan.TakeDigits();
  if (scan.Take('.')) number.fraction = scan.TakeDigits();
  if (number.whole.empty() && number.fraction.empty()) return false;
  if (scan.TakeOneOf("eE") != '\0' && !TakeExponent(scan, number.exponent)) return false;
  return scan.at_end();
}

// Which powers of ten the first and the last digit that count have: 2 and -1 in 0120.50.
struct Extent {
  std::int64_t highest = 0, lowest = 0;
};

Extent ExtentOf(const Number& number) {
  Extent extent;
  bool some = false;
  std::int64_t power = static_cast<std::int64_t>(number.whole.size()) + number.exponent;
  for (const std::string_view part : {number.whole, number.fraction}) {
    for (const char c : part) {
      --power;
      if (c == '0') continue;
      if (!some) extent.highest = power;
      extent.lowest = power;
      some = true;
    }
  }
  return extent;
}

// Of a whole number with at most 19 digits: whether INT64 has it.
bool FitsInt64(const Number& number, const Extent& extent) {
  std::uint64_t value = 0;
  std::int64_t power = static_cast<std::int64_t>(number.whole.size()) + number.exponent;
  for (const std::string_view part : {number.whole, number.fraction}) {
    for (const char c : part) {
      if (--power >= 0 && power <= extent.highest)
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
  }
  for (; power > 0; --power) value *= 10;
  return value <= static_cast<std::uint64_t>(INT64_MAX) + (number.negative ? 1 : 0);
}

Misfit JudgeInt64(std::string_view text) {
  Number number;
  if (!ReadNumber(text, number)) return Misfit::kOtherKind;
  if (number.IsZero()) return Misfit::kNone;
  const Extent extent = ExtentOf(number);
  if (extent.lowest < 0) return Misfit::kTooManyDecimals;
  // DuckDB has to hold what stands before the exponent, too; where it does not, it fails.
  if (number.exponent != 0 && extent.highest - number.exponent > 17) return Misfit::kOutOfRange;
  const bool fits = extent.highest < 18 || (extent.highest == 18 && FitsInt64(number, extent));
  return fits ? Misfit::kNone : Misfit::kOutOfRange;
}

template <int kWholeDigits, int kDecimals>
Misfit JudgeDecimal(std::string_view text) {
  Number number;
  if (!ReadNumber(text, number)) return Misfit::kOtherKind;
  if (number.IsZero()) return Misfit::kNone;
  const Extent extent = ExtentOf(number);
  const std::int64_t exponent = number.exponent;  // DuckDB has to hold what stands before it, too
  if (std::max({extent.highest, extent.highest - exponent, exponent - 1}) >= kWholeDigits) {
    return Misfit::kOutOfRange;
  }
  return extent.lowest < -kDecimals ? Misfit::kTooManyDecimals : Misfit::kNone;
}

// inf, -Infinity, nan: infinity is that which is spelled out. C's printf writes "-nan".
bool IsNotFinite(std::string_view text) {
  Scan scan(WithoutBlanks(text));
  scan.TakeOneOf("+-");
  for (const std::string_view word : {"inf", "infinity", "nan"}) {
    if (std::equal(scan.rest().begin(), scan.rest().end(), word.begin(), word.end(),
                   [](char c, char lower) { return LowerOf(c) == lower; })) {
      return true;
    }
  }
  return false;
}

Misfit JudgeFloat64(std::string_view text) {
  Number number;
  if (!ReadNumber(text, number)) {
    return IsNotFinite(text) ? Misfit::kNone : Misfit::kOtherKind;
  }
  if (number.IsZero()) return Misfit::kNone;
  const Extent extent = ExtentOf(number);
  if (extent.highest > 308 || extent.highest < -324) return Misfit::kOutOfRange;
  if (extent.highest < 308 && extent.highest > -308) return Misfit::kNone;
  std::string_view digits = WithoutBlanks(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool fits = read.ec == std::errc() && std::isfinite(value) && value != 0;
  return fits ? Misfit::kNone : Misfit::kOutOfRange;
}

// ---- dates and times

// 2026-02-03, also 2026-2-3; the year has four digits, so that 26-02-03 is none.
bool TakeDay(Scan& scan, std::chrono::sys_days& day) {
  const int year = scan.TakeNumber(4, 4);
  if (year < 1 || !scan.Take('-')) return false;
  const int month = scan.TakeNumber(1, 2);
  if (month < 1 || !scan.Take('-')) return false;
  const int day_of_month = scan.TakeNumber(1, 2);
  if (day_of_month < 1) return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month))};
  if (!date.ok()) return false;
  day = date;
  return true;
}

// 10:05, 10:05:30 or 10:05:30.25, also with one digit for the hour.
Misfit TakeClock(Scan& scan, std::chrono::seconds& time) {
  const int hour = scan.TakeNumber(1, 2);
  if (hour < 0 || hour > 23 || !scan.Take(':')) return Misfit::kOtherKind;
  const int minute = scan.TakeNumber(2, 2);
  if (minute < 0 || minute > 59) return Misfit::kOtherKind;
  time = std::chrono::hours(hour) + std::chrono::minutes(minute);
  if (!scan.Take(':')) return Misfit::kNone;
  const int second = scan.TakeNumber(2, 2);
  if (second < 0 || second > 59) return Misfit::kOtherKind;
  time += std::chrono::seconds(second);
  if (!scan.Take('.')) return Misfit::kNone;
  std::string_view decimals = scan.TakeDigits();
  if (decimals.empty()) return Misfit::kOtherKind;
  while (decimals.size() > kSecondDecimals && decimals.ends_with('0')) decimals.remove_suffix(1);
  return decimals.size() > kSecondDecimals ? Misfit::kTooManyDecimals : Misfit::kNone;
}

// Z, UTC or an offset such as +02:00, +0200, +02 or +2, also with a blank before it.
bool TakeZone(Scan& scan, std::chrono::minutes& offset) {
  scan.Take(' ');
  if (scan.TakeOneOf("Zz") != '\0' || scan.Take("UTC")) return true;
  const char sign = scan.TakeOneOf("+-");
  if (sign == '\0') return false;
  const int hours = scan.TakeNumber(1, 2);
  if (hours < 0 || hours > 14) return false;
  int minutes = 0;
  if (scan.Take(':') || !scan.at_end()) minutes = scan.TakeNumber(2, 2);
  if (minutes < 0 || minutes > 59) return false;
  offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  if (sign == '-') offset = -offset;
  return true;
}

Misfit JudgeDate(std::string_view text) {
  Scan scan(WithoutBlanks(text));
  std::chrono::sys_days day;
  return TakeDay(scan, day) && scan.at_end() ? Misfit::kNone : Misfit::kOtherKind;
}

Misfit JudgeTime(std::string_view text) {
  Scan scan(text);
  std::chrono::seconds time{};
  const Misfit misfit = TakeClock(scan, time);
  return scan.at_end() ? misfit : Misfit::kOtherKind;
}

// A day, and a time behind it unless it is midnight.
Misfit TakeInstant(Scan& scan, std::chrono::sys_seconds& instant) {
  std::chrono::sys_days day;
  if (!TakeDay(scan, day)) return Misfit::kOtherKind;
  instant = day;
  if (scan.at_end()) return Misfit::kNone;
  if (scan.TakeOneOf(" T") == '\0') return Misfit::kOtherKind;
  std::chrono::seconds time{};
  const Misfit misfit = TakeClock(scan, time);
  instant += time;
  return misfit;
}

Misfit JudgeDatetime(std::string_view text) {
  Scan scan(text);
  std::chrono::sys_seconds instant;
  const Misfit misfit = TakeInstant(scan, instant);
  return scan.at_end() ? misfit : Misfit::kOtherKind;
}

Misfit JudgeTimestamp(std::string_view text) {
  Scan scan(text);
  std::chrono::sys_seconds instant;
  const Misfit misfit = TakeInstant(scan, instant);
  if (misfit == Misfit::kOtherKind || scan.at_end()) return misfit;
  std::chrono::minutes offset{};
  if (!TakeZone(scan, offset) || !scan.at_end()) return Misfit::kOtherKind;
  using std::chrono::January, std::chrono::sys_days, std::chrono::year;
  instant -= offset;
  const bool in_range =
      instant >= sys_days(year(1) / January / 1) && instant < sys_days(year(10'000) / January / 1);
  return in_range ? misfit : Misfit::kOutOfRange;
}

// ---- the others

Misfit JudgeString(std::string_view) { return Misfit::kNone; }

// The pairs that BigQuery loads.
Misfit JudgeBool(std::string_view text) {
  constexpr std::array<std::string_view, 10> kWords = {"true", "false", "1",  "0", "t",
                                                       "f",    "yes",   "no", "y", "n"};
  for (const std::string_view word : kWords) {
    if (std::equal(text.begin(), text.end(), word.begin(), word.end(),
                   [](char c, char lower) { return LowerOf(c) == lower; })) {
      return Misfit::kNone;
    }
  }
  return Misfit::kOtherKind;
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (IsDigit(c)) return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Base64 as RFC 4648 has it, with its padding. Bits that stand behind the last whole byte are lost
// when it is decoded, so they have to be 0.
Misfit JudgeBytes(std::string_view text) {
  if (text.size() % 4 != 0) return Misfit::kOtherKind;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return Base64Value(c) >= 0; })) {
    return Misfit::kOtherKind;
  }
  const int bits_lost = padding == 2 ? 0b1111 : padding == 1 ? 0b11 : 0;
  return (Base64Value(text.back()) & bits_lost) == 0 ? Misfit::kNone : Misfit::kOtherKind;
}

Misfit JudgeJson(std::string_view text) {
  const bool has_mark = text.starts_with("\xEF\xBB\xBF");  // which the parser would skip
  return !has_mark && !FindJsonFault(text) ? Misfit::kNone : Misfit::kOtherKind;
}

constexpr std::array<DeclaredType, 12> kTypes{{
    {"STRING", JudgeString},
    {"BYTES", JudgeBytes},
    {"BOOL", JudgeBool},
    {"INT64", JudgeInt64},
    {"FLOAT64", JudgeFloat64},
    {"NUMERIC", JudgeDecimal<29, 9>},
    {"BIGNUMERIC", JudgeDecimal<20, 18>},
    {"DATE", JudgeDate},
    {"TIME", JudgeTime},
    {"DATETIME", JudgeDatetime},
    {"TIMESTAMP", JudgeTimestamp},
    {"JSON", JudgeJson},
}};

// What a text that is of no such kind should have been.
std::string_view FormOf(std::string_view type) {
  if (type == "BYTES") return "; use base64, with its padding";
  if (type == "BOOL") return "; use true or false";
  if (type == "INT64") return "; use digits, such as 1200, or declare STRING";
  if (type == "FLOAT64") return "; use a number such as 0.25, inf or nan, or declare STRING";
  if (type == "NUMERIC" || type == "BIGNUMERIC") {
    return "; use a number such as 0.25, or declare STRING";
  }
  if (type == "DATE") return "; use YYYY-MM-DD";
  if (type == "TIME") return "; use HH:MM:SS";
  if (type == "DATETIME") return "; use YYYY-MM-DD HH:MM:SS";
  if (type == "TIMESTAMP") {
    return "; use YYYY-MM-DD HH:MM:SS, with Z or an offset such as +02:00 unless it is in UTC";
  }
  if (type == "JSON") return "; it has no NaN, and no comma before a closing bracket";
  return "";
}

std::string DecimalsRemedy(std::string_view type) {
  const auto keeps = [&](int decimals, std::string_view others) {
    return fmt::format(", which keeps {} decimals; round it in the program, or declare {}",
                       decimals, others);
  };
  if (type == "INT64") {
    return ", which has no fraction; round it in the program, or declare FLOAT64, NUMERIC or "
           "STRING";
  }
  if (type == "NUMERIC") return keeps(9, "BIGNUMERIC, FLOAT64 or STRING");
  if (type == "BIGNUMERIC") return keeps(18, "FLOAT64 or STRING");
  return keeps(kSecondDecimals, "STRING");
}

std::string RangeRemedy(std::string_view type) {
  if (type == "INT64") return ", which has 64 bits; declare NUMERIC or STRING";
  if (type == "FLOAT64") return ": no double is as large or as small; declare STRING";
  if (type == "NUMERIC") return ", which has 29 digits before the point; declare FLOAT64 or STRING";
  if (type == "BIGNUMERIC") {
    return ", which has 20 digits before the point; declare NUMERIC, FLOAT64 or STRING";
  }
  return ": in UTC it is not of the years 1 to 9999; declare STRING";
}

}  // namespace

const DeclaredType& DeclaredTypeOf(std::string_view name) {
  for (const DeclaredType& type : kTypes) {
    if (type.name == name) return type;
  }
  CHECK(false, "types are canonical by the time a file is loaded");
  return kTypes.front();
}

Misfit JudgeUndeclared(const DeclaredType& type, std::string_view text) {
  const Misfit misfit = type.judge(text);
  if (misfit != Misfit::kNone) return misfit;
  const ValueLook look = LookAt(text);
  const auto unless = [](bool is_plain) { return is_plain ? Misfit::kNone : Misfit::kOtherKind; };
  if (type.name == "BOOL") return unless(look.look == Look::kBool);
  // Beside a missing value pandas writes integers as 8.0.
  if (type.name == "INT64")
    return unless(look.look == Look::kInteger || look.look == Look::kDecimal);
  if (type.name == "FLOAT64") {
    return unless(look.look == Look::kDecimal || look.look == Look::kNegativeZero ||
                  look.look == Look::kNotFinite ||
                  (look.look == Look::kInteger && look.exact_as_double));
  }
  if (type.name == "DATE") return unless(look.look == Look::kDate);
  if (type.name == "TIME") return unless(look.look == Look::kTime);
  // Where all are midnights, pandas writes the days alone.
  if (type.name == "DATETIME")
    return unless(look.look == Look::kDatetime || look.look == Look::kDate);
  if (type.name == "TIMESTAMP") return unless(look.look == Look::kTimestamp);
  return Misfit::kNone;  // of a type that is never inferred: somebody had declared it
}

std::string RemedyFor(const DeclaredType& type, Misfit misfit) {
  switch (misfit) {
    case Misfit::kNone:
      return "";
    case Misfit::kOtherKind:
      return std::string(FormOf(type.name));
    case Misfit::kTooManyDecimals:
      return DecimalsRemedy(type.name);
    case Misfit::kOutOfRange:
      return RangeRemedy(type.name);
  }
  return "";
}

}  // namespace busker::deliver

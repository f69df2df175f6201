#include "base/time.h"

#include <fmt/compile.h>
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <optional>

namespace busker {
namespace {

using std::chrono::days;
using std::chrono::floor;

struct Fields {
  int year;
  unsigned month, day;
  long hour, minute, second, millisecond;
};

Fields Split(Instant instant) {
  const auto day = floor<days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(instant - day);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          clock.hours().count(),
          clock.minutes().count(),
          clock.seconds().count(),
          static_cast<long>(clock.subseconds().count())};
}

// Reads exactly `width` digits at the front of `text`.
std::optional<int> TakeDigits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// YYYY-MM-DD or, without a separator, YYYYMMDD; only days that exist.
std::optional<std::chrono::year_month_day> TakeDate(std::string_view& text, bool dashes) {
  const auto year = TakeDigits(text, 4);
  if (!year || (dashes && !Take(text, '-'))) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || (dashes && !Take(text, '-'))) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return date;
}

std::optional<std::chrono::seconds> TakeClock(std::string_view& text, bool colons) {
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || (colons && !Take(text, ':'))) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59 || (colons && !Take(text, ':'))) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

// ".123456" at the front of `text`, to milliseconds, the rest cut off.
std::optional<Milliseconds> TakeFraction(std::string_view& text) {
  if (!Take(text, '.')) return Milliseconds(0);
  int value = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 3) value = value * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 3; ++digits) value *= 10;
  return Milliseconds(value);
}

// "Z" or "+02:00": how far local time is ahead of UTC.
std::optional<std::chrono::minutes> TakeOffset(std::string_view& text) {
  if (Take(text, 'Z') || Take(text, 'z')) return std::chrono::minutes(0);
  const bool negative = !text.empty() && text.front() == '-';
  if (!Take(text, '-') && !Take(text, '+')) return std::nullopt;
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  const auto offset = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  return negative ? -offset : offset;
}

}  // namespace

Instant Now() {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

std::string FormatRfc3339(Instant instant) {
  const Fields f = Split(instant);
  std::string text = fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}"), f.year,
                                 f.month, f.day, f.hour, f.minute, f.second);
  if (f.millisecond != 0) text += fmt::format(FMT_COMPILE(".{:03}"), f.millisecond);
  return text + "Z";
}

std::string FormatStamp(Instant instant) {
  const Fields f = Split(instant);
  return fmt::format(FMT_COMPILE("{:04}{:02}{:02}T{:02}{:02}{:02}Z"), f.year, f.month, f.day,
                     f.hour, f.minute, f.second);
}

std::string FormatDate(Instant instant) {
  const Fields f = Split(instant);
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}"), f.year, f.month, f.day);
}

std::string FormatDuration(Milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 0) return "-" + FormatDuration(-duration);
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1000, ms / 100 % 10);  // never "60.0s"
  const auto seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {:02}h", seconds / 86'400, seconds / 3600 % 24);
}

Result<Instant> ParseRfc3339(std::string_view text) {
  std::string_view rest = text;
  const auto date = TakeDate(rest, true);
  const bool separated = date && (Take(rest, 'T') || Take(rest, 't') || Take(rest, ' '));
  const auto clock = separated ? TakeClock(rest, true) : std::nullopt;
  const auto fraction = clock ? TakeFraction(rest) : std::nullopt;
  const auto offset = fraction ? TakeOffset(rest) : std::nullopt;
  if (!offset || !rest.empty()) {
    return Invalid(fmt::format("\"{}\" is not an instant, such as 2019-08-01T00:00:00Z", text));
  }
  return Instant(std::chrono::sys_days(*date)) + *clock + *fraction - *offset;
}

Result<Instant> ParseStamp(std::string_view text) {
  std::string_view rest = text;
  const auto date = TakeDate(rest, false);
  const bool separated = date && Take(rest, 'T');
  const auto clock = separated ? TakeClock(rest, false) : std::nullopt;
  if (!clock || !Take(rest, 'Z') || !rest.empty()) {
    return Invalid(fmt::format("\"{}\" is not a time stamp, such as 20190801T000000Z", text));
  }
  return Instant(std::chrono::sys_days(*date)) + *clock;
}

Result<std::chrono::year_month_day> ParseDate(std::string_view text) {
  std::string_view rest = text;
  const auto date = TakeDate(rest, true);
  if (!date || !rest.empty()) {
    return Invalid(fmt::format("\"{}\" is not a date; use YYYY-MM-DD, such as 2019-08-01", text));
  }
  return *date;
}

Result<Milliseconds> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  static constexpr std::array<Unit, 5> kUnits = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kLongest = 3650LL * 86'400'000;
  std::string_view rest = text;
  std::int64_t total = 0;
  bool good = !rest.empty();
  while (good && !rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    good = error == std::errc() && count >= 0 && count <= kLongest && rest.front() != '-';
    if (!good) break;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto letters = rest.substr(0, rest.find_first_of("0123456789"));
    good = false;
    for (const Unit& unit : kUnits) {
      if (unit.name != letters) continue;
      good = count <= kLongest / unit.milliseconds;
      total += good ? count * unit.milliseconds : 0;
    }
    rest.remove_prefix(letters.size());
  }
  if (!good || total > kLongest) {
    return Invalid(fmt::format("\"{}\" is not a duration, such as 90s, 15m, 2h or 1h30m", text));
  }
  return Milliseconds(total);
}

}  // namespace busker

#include "date.h"

#include <fmt/core.h>

#include <algorithm>

namespace {

// The number that `digits` spell, or -1 when one of them is no digit.
int Number(std::string_view digits) {
  int number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    number = 10 * number + (c - '0');
  }
  return number;
}

Result<Date> MakeDate(std::string_view text, int year, int month, int day, const char* form) {
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (std::min({year, month, day}) < 1 || !date.ok()) {
    return Error(fmt::format("\"{}\" is not a date ({})", text, form));
  }
  return Date(date);
}

}  // namespace

Result<Date> ParseDate(std::string_view text) {
  const char* form = "YYYY-MM-DD";
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return MakeDate(text, -1, -1, -1, form);
  }
  return MakeDate(text, Number(text.substr(0, 4)), Number(text.substr(5, 2)),
                  Number(text.substr(8, 2)), form);
}

Result<Date> ParseCompactDate(std::string_view text) {
  const char* form = "YYYYMMDD";
  if (text.size() != 8) return MakeDate(text, -1, -1, -1, form);
  return MakeDate(text, Number(text.substr(0, 4)), Number(text.substr(4, 2)),
                  Number(text.substr(6, 2)), form);
}

std::string FormatDate(Date date) {
  const std::chrono::year_month_day day(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

#include "plan/cron.h"

#include <fmt/core.h>

#include <array>
#include <cctype>
#include <optional>
#include <span>

#include "base/plural.h"
#include "base/text.h"
#include "plan/cron_fault.h"

namespace busker::plan {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

struct Field {
  std::string_view name;
  int first, last;                          // what it may hold
  std::span<const std::string_view> names;  // of first, first + 1, ...
};
constexpr Field kMinute = {"minute", 0, 59, {}};
constexpr Field kHour = {"hour", 0, 23, {}};
constexpr Field kDay = {"day of month", 1, 31, {}};
constexpr Field kMonth = {"month", 1, 12, kMonths};
constexpr Field kWeekday = {"day of week", 0, 7, kWeekdays};

struct Nickname {
  std::string_view name, fields;
};
constexpr std::array<Nickname, 7> kNicknames = {{{"@hourly", "0 * * * *"},
                                                 {"@daily", "0 0 * * *"},
                                                 {"@midnight", "0 0 * * *"},
                                                 {"@weekly", "0 0 * * 0"},
                                                 {"@monthly", "0 0 1 * *"},
                                                 {"@yearly", "0 0 1 1 *"},
                                                 {"@annually", "0 0 1 1 *"}}};

constexpr std::size_t kCronBytesMax = 1000;

std::string Shown(std::string_view text) {
  const bool cut = text.size() > 60;
  return Printable(text.substr(0, 60)) + (cut ? "..." : "");
}

std::string MayHold(const Field& field) {
  std::string range = fmt::format("{}-{}", field.first, field.last);
  if (!field.names.empty()) {
    range += fmt::format(" or {}-{}", field.names.front(), field.names.back());
  }
  return range;
}

// A number within the field, or one of its names.
Result<int> ParseValue(std::string_view text, const Field& field) {
  const std::string lower = LowerCase(text);
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (lower == field.names[i]) return field.first + static_cast<int>(i);
  }
  int value = 0;
  bool good = !text.empty() && text.size() <= 4;
  for (char c : text) {
    good = good && c >= '0' && c <= '9';
    if (good) value = value * 10 + (c - '0');
  }
  if (!good || value < field.first || value > field.last) {
    // Jenkins chooses a number by the job's name.
    const bool hash = text == "H" || text.starts_with("H(");
    return Invalid(fmt::format("{}: \"{}\" is not within {}{}", field.name, Shown(text),
                               MayHold(field), hash ? "; write a number for Jenkins's H" : ""));
  }
  return value;
}

// One part of a list: "*", "5", "1-5", each of the ranges also with "/step". Sets values[...].
Result<void> ParsePart(std::string_view part, const Field& field, std::bitset<60>& values) {
  const auto slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  int first = field.first;
  int last = field.last;
  if (range != "*") {
    const auto dash = range.find('-');
    TRY_ASSIGN(first, ParseValue(range.substr(0, dash), field));
    last = first;
    if (dash != std::string_view::npos) {
      TRY_ASSIGN(last, ParseValue(range.substr(dash + 1), field));
      if (field.last == 7 && last == 0 && first > 0) last = 7;  // fri-sun
    }
    if (dash == std::string_view::npos && slash != std::string_view::npos) {
      return Invalid(fmt::format("{}: a step needs a range, such as {}-{}{}", field.name, first,
                                 field.last, Shown(part.substr(slash))));
    }
    if (last < first) {
      return Invalid(fmt::format("{}: the range \"{}\" runs backwards; write {}-{},{}-{}",
                                 field.name, Shown(range), first, field.last, field.first, last));
    }
  }
  int step = 1;
  if (slash != std::string_view::npos) {
    const std::string_view digits = part.substr(slash + 1);
    const Field steps = {field.name, 1, field.last - field.first + 1, {}};
    const auto parsed = ParseValue(digits, steps);
    if (!parsed) {
      return Invalid(fmt::format("{}: the step \"{}\" is not within 1-{}", field.name,
                                 Shown(digits), steps.last));
    }
    step = *parsed;
  }
  for (int value = first; value <= last; value += step) values.set(static_cast<std::size_t>(value));
  return {};
}

Result<std::bitset<60>> ParseField(std::string_view text, const Field& field) {
  std::bitset<60> values;
  for (const std::string& part : Split(text, ',')) TRY(ParsePart(part, field, values));
  return values;
}

template <std::size_t N>
std::bitset<N> Narrow(const std::bitset<60>& values) {
  std::bitset<N> narrow;
  for (std::size_t i = 0; i < N; ++i) narrow[i] = values[i];
  return narrow;
}

std::vector<std::string> Fields(std::string_view text) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
    const auto end = text.find_first_of(" \t", at);
    fields.emplace_back(text.substr(at, end - at));
    at = end;
    if (end == std::string_view::npos) break;
  }
  return fields;
}

// Whether some month has one of the days. With both day fields restricted either may match, and a
// weekday always comes.
bool EverComes(const Cron& cron) {
  static constexpr std::array<std::size_t, 13> kDays = {0,  31, 29, 31, 30, 31, 30,
                                                        31, 31, 30, 31, 30, 31};
  if (!cron.any_day && !cron.any_weekday) return true;
  for (std::size_t month = 1; month <= 12; ++month) {
    for (std::size_t day = 1; cron.months[month] && day <= kDays[month]; ++day) {
      if (cron.days[day]) return true;
    }
  }
  return false;
}

Result<Cron> ParseFields(const std::vector<std::string>& fields) {
  const auto starred = [](const std::string& field) {
    return field.find('*') != std::string::npos;
  };
  Cron cron;
  TRY_ASSIGN(const auto minutes, ParseField(fields[0], kMinute));
  TRY_ASSIGN(const auto hours, ParseField(fields[1], kHour));
  TRY_ASSIGN(const auto days, ParseField(fields[2], kDay));
  TRY_ASSIGN(const auto months, ParseField(fields[3], kMonth));
  TRY_ASSIGN(auto weekdays, ParseField(fields[4], kWeekday));
  if (weekdays[7]) weekdays.set(0);
  cron.minutes = minutes;
  cron.hours = Narrow<24>(hours);
  cron.days = Narrow<32>(days);
  cron.months = Narrow<13>(months);
  cron.weekdays = Narrow<7>(weekdays);
  cron.any_day = starred(fields[2]);
  cron.any_weekday = starred(fields[4]);
  cron.fixed_time = !starred(fields[0]) && !starred(fields[1]);
  if (!EverComes(cron)) {
    return Invalid(
        fmt::format("day of month: day {} never comes in month {}", fields[2], fields[3]));
  }
  return cron;
}

Result<Cron> ParseNickname(std::string_view text) {
  std::vector<std::string> names;
  for (const Nickname& nickname : kNicknames) {
    if (LowerCase(text) == nickname.name) return ParseFields(Fields(nickname.fields));
    names.emplace_back(nickname.name);
  }
  const auto nearest = Nearest(LowerCase(text), names);
  if (nearest) return Invalid(fmt::format("unknown; did you mean \"{}\"?", *nearest));
  return Invalid("unknown; there are " + Join(names, ", "));
}

}  // namespace

Result<Cron> ParseCron(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const std::string context = fmt::format("cron \"{}\"", Shown(text));
  if (text.size() > kCronBytesMax) return Invalid(context + ": longer than 1,000 bytes");
  if (const auto fault = FindCronFault(text)) return Invalid(context + ": " + *fault);
  if (trimmed.starts_with('@')) {
    auto cron = ParseNickname(trimmed);
    if (!cron) return Wrap(context, cron.error());
    return cron;
  }
  const auto fields = Fields(trimmed);
  if (fields.size() != 5) {
    return Invalid(
        fmt::format("{}: {} where five are meant: minute hour day-of-month "
                    "month day-of-week, such as \"0 7 * * *\"",
                    context, Plural(fields.size(), "field")));
  }
  auto cron = ParseFields(fields);
  if (!cron) return Wrap(context, cron.error());
  return cron;
}

}  // namespace busker::plan

// Time zones and their local days. The only file that includes the time-zone library, which reads
// the time-zone database of the operating system and throws.
#include <date/tz.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <vector>

#include "base/text.h"
#include "plan/cron.h"
#include "plan/zone.h"

namespace busker::plan {
namespace {

bool IsUtc(const std::string& zone) { return zone == "UTC" || zone == "Etc/UTC"; }

// Lower case, and '_' for what people write instead: "New York" finds America/New_York.
std::string Folded(std::string_view text) {
  std::string folded = LowerCase(text);
  for (char& c : folded) {
    if (c == ' ' || c == '-') c = '_';
  }
  return folded;
}

std::vector<std::string> ZoneNames() {
  std::vector<std::string> names;
  for (const auto& zone : date::get_tzdb().zones) {
    if (zone.name() != "localtime") names.push_back(zone.name());
  }
  return names;
}

std::optional<std::string> NearestZone(const std::string& wrong, bool& there_is_a_list) {
  const auto names = ZoneNames();
  there_is_a_list = !names.empty();
  const std::string folded = Folded(wrong);
  for (const auto& name : names) {
    const auto city = name.substr(name.rfind('/') + 1);
    if (Folded(name) == folded || Folded(city) == folded) return name;
  }
  return Nearest(wrong, names);
}

// Never throws. The zone lives as long as the process.
Result<const date::time_zone*> FindZone(const std::string& name) {
  const std::string shown = Printable(std::string_view(name).substr(0, 60));
  std::string why;
  try {
    // "localtime" is whatever the machine happens to be set to.
    if (name != "localtime" && name.size() <= 60) return date::locate_zone(name);
  } catch (const std::exception& e) {
    why = e.what();
  }
  try {
    bool there_is_a_list = false;
    const auto nearest = NearestZone(name, there_is_a_list);
    if (nearest) {
      return Invalid(
          fmt::format("unknown time zone \"{}\", did you mean \"{}\"?", shown, *nearest));
    }
    if (there_is_a_list) {
      return Invalid(
          fmt::format("unknown time zone \"{}\"; it is an IANA name such as "
                      "Europe/Stockholm, or UTC",
                      shown));
    }
  } catch (const std::exception& e) {
    why = e.what();
  }
  return Failed(
      fmt::format("time zone \"{}\": the time-zone database of this machine cannot be read "
                  "(is tzdata installed?): {}",
                  shown, why));
}

// Reads the zone's tables if nobody did yet, and then throws what the library throws.
Stretch Tabled(const date::time_zone& zone, Instant instant) {
  const auto info = zone.get_info(std::chrono::floor<std::chrono::seconds>(instant));
  return {info.begin, info.end, info.offset};
}

// The tables of the database end with 2037, and the library does not know the rule by which the
// changes go on. The rules in use speak of weekdays in a month after February, so a year from March
// to February has its changes on the dates of any other whose 1 March is the same weekday; the last
// eleven years of the tables have all seven. (A zone whose tables go on for longer, as those with
// Ramadan do, is not of this kind.)
constexpr int kFirstModel = 2027;
constexpr int kLastModel = 2037;

Instant FirstOfMarch(int year) {
  return std::chrono::sys_days(std::chrono::year(year) / std::chrono::March / 1);
}

int MarchYear(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const auto year = static_cast<int>(std::chrono::year_month_day(day).year());
  return instant < FirstOfMarch(year) ? year - 1 : year;
}

int ModelOf(int year) {
  const auto weeks = [](Instant instant) {
    return instant.time_since_epoch() % std::chrono::weeks(1);
  };
  int model = kLastModel;
  while (model > kFirstModel && weeks(FirstOfMarch(model)) != weeks(FirstOfMarch(year))) --model;
  return model;
}

// Whether each of the models has changes, and the last of them ends the tables.
bool Repeats(const date::time_zone& zone) {
  for (int year = kFirstModel; year <= kLastModel; ++year) {
    if (Tabled(zone, FirstOfMarch(year)).end >= FirstOfMarch(year + 1)) return false;
  }
  const Stretch last = Tabled(zone, FirstOfMarch(kLastModel + 1));
  return last.begin < FirstOfMarch(kLastModel + 1) && last.end >= FirstOfMarch(20'000);
}

// The database can be installed without the tables of the years to come ("slim"), and the library
// does not know the rules that then stand in for them: New York had summer time from 2007 on for
// ever. The tables are there when any of some zones with summer time changes in the years to come.
bool HasTables() {
  for (const char* name :
       {"America/New_York", "Europe/Berlin", "Australia/Sydney", "Africa/Cairo"}) {
    try {
      if (Repeats(*date::locate_zone(name))) return true;
    } catch (const std::exception&) {
      continue;  // this one is not installed
    }
  }
  return false;
}

}  // namespace

Result<Zone> Zone::Find(const std::string& name) {
  if (IsUtc(name)) return Zone(nullptr, false);
  TRY_ASSIGN(const date::time_zone* zone, FindZone(name));
  static const bool has_tables = HasTables();  // the library reads them once
  if (!has_tables) {
    return Failed(fmt::format(
        "time zone \"{}\": the time-zone database of this machine lacks the tables of the years to "
        "come (it is \"slim\"); install one made with zic -b fat, as Debian's tzdata is, or use "
        "UTC",
        name));
  }
  try {
    return Zone(zone, Repeats(*zone));
  } catch (const std::exception& e) {
    return Failed(fmt::format("time zone \"{}\": {}", name, e.what()));
  }
}

Stretch Zone::At(Instant instant) const {
  if (zone_ == nullptr) return {FirstOfMarch(-32'000), FirstOfMarch(32'000), {}};
  if (repeats_ && instant >= FirstOfMarch(kLastModel)) return Repeated(instant);
  return Tabled(*static_cast<const date::time_zone*>(zone_), instant);
}

Instant Zone::FirstAt(LocalTime local) const {
  // An offset is less than a day: a day ago by UTC's clock they were not yet there.
  Stretch stretch = At(Instant(local.time_since_epoch()) - std::chrono::days(1));
  while (stretch.Local(stretch.end) <= local) stretch = At(stretch.end);
  return std::max(stretch.begin, stretch.At(local));
}

LocalTime Zone::LatestUntil(Instant instant) const {
  Stretch stretch = At(instant);
  LocalTime latest = stretch.Local(instant);
  while (stretch.begin > instant - std::chrono::days(2)) {
    const Instant before = stretch.begin - Milliseconds(1);
    stretch = At(before);
    latest = std::max(latest, stretch.Local(before));
  }
  return latest;
}

// A stretch over 1 March begins and ends in different years, each with a model of its own.
Stretch Zone::Repeated(Instant instant) const {
  const auto& zone = *static_cast<const date::time_zone*>(zone_);
  const int year = MarchYear(std::min(instant, FirstOfMarch(30'000)));
  const auto shift = [](int y) { return FirstOfMarch(y) - FirstOfMarch(ModelOf(y)); };
  const Instant model = FirstOfMarch(ModelOf(year));
  const Instant model_end = model + (FirstOfMarch(year + 1) - FirstOfMarch(year));
  Stretch stretch = Tabled(zone, instant - shift(year));
  if (stretch.begin >= model) {
    stretch.begin += shift(year);
  } else if (year > kLastModel) {
    const Instant eve = FirstOfMarch(year) - Milliseconds(1);
    stretch.begin = Tabled(zone, eve - shift(year - 1)).begin + shift(year - 1);
  }
  if (stretch.end < model_end) {
    stretch.end += shift(year);
  } else {
    stretch.end = Tabled(zone, FirstOfMarch(ModelOf(year + 1))).end + shift(year + 1);
  }
  return stretch;
}

std::string FormatLocal(Instant instant, std::chrono::seconds offset) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset);
  std::string text = FormatRfc3339(instant + minutes);
  text.pop_back();  // Z
  const auto ahead = std::abs(minutes.count());
  return fmt::format("{}{}{:02}:{:02}", text, minutes.count() < 0 ? '-' : '+', ahead / 60,
                     ahead % 60);
}

Result<void> CheckZone(const std::string& zone) {
  TRY(Zone::Find(zone));
  return {};
}

Result<Instant> StartOfDay(std::chrono::year_month_day date, const std::string& zone) {
  if (!date.ok()) return Invalid("the date does not exist");
  TRY_ASSIGN(const Zone found, Zone::Find(zone));
  return found.FirstAt(LocalTime(std::chrono::sys_days(date).time_since_epoch()));
}

Result<std::string> LocalDate(Instant instant, const std::string& zone) {
  TRY_ASSIGN(const Zone found, Zone::Find(zone));
  return FormatDate(instant + found.At(instant).offset);
}

}  // namespace busker::plan

// Local days of a time zone. The only file that includes the time-zone library, which reads the
// time-zone database of the operating system and throws.
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <vector>

#include "base/text.h"
#include "plan/cron.h"

namespace busker::plan {
namespace {

bool IsUtc(const std::string& zone) { return zone == "UTC" || zone == "Etc/UTC"; }

// Lower case, and '_' for what people write instead: "New York" finds America/New_York.
std::string Folded(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
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

}  // namespace

Result<void> CheckZone(const std::string& zone) {
  if (IsUtc(zone)) return {};
  TRY(FindZone(zone));
  return {};
}

Result<Instant> StartOfDay(std::chrono::year_month_day date, const std::string& zone) {
  if (!date.ok()) return Invalid("the date does not exist");
  const std::chrono::sys_days day(date);
  if (IsUtc(zone)) return Instant(day);
  TRY_ASSIGN(const auto* found, FindZone(zone));
  try {
    const date::local_seconds midnight(day.time_since_epoch());
    const auto info = found->get_info(midnight);
    // In a gap `first` ends where the clocks jump; else `first` holds midnight, for the first time.
    if (info.result == date::local_info::nonexistent) return Instant(info.first.end);
    return Instant(midnight.time_since_epoch() - info.first.offset);
  } catch (const std::exception& e) {
    return Failed(fmt::format("time zone \"{}\": {}", zone, e.what()));
  }
}

Result<std::string> LocalDate(Instant instant, const std::string& zone) {
  if (IsUtc(zone)) return FormatDate(instant);
  TRY_ASSIGN(const auto* found, FindZone(zone));
  try {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(instant);
    return FormatDate(instant + found->get_info(seconds).offset);
  } catch (const std::exception& e) {
    return Failed(fmt::format("time zone \"{}\": {}", zone, e.what()));
  }
}

}  // namespace busker::plan

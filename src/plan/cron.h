// Cron expressions: five fields (minute hour day-of-month month day-of-week) with names, ranges,
// steps and lists, or @hourly @daily @weekly @monthly @yearly and their kin. Reading and checking;
// the instants that follow from one are in zoned_cron.h.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace busker::plan {

struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     // of the month, 1-31
  std::bitset<13> months;   // 1-12
  std::bitset<7> weekdays;  // 0 = Sunday (7 is read as 0)
  bool any_day = true;      // "*" in day-of-month; when neither is "*", either may match (OR)
  bool any_weekday = true;
  bool fixed_time = true;  // no "*" in minute and hour: Debian's rule for daylight-saving changes
};

// kInvalid names the field and what it may hold. A date that never comes (30 February) is refused.
Result<Cron> ParseCron(std::string_view text);

// kInvalid for an unknown IANA zone, naming the nearest. "UTC" costs nothing; the first look at
// another zone in a process reads the list of zones (about 2 ms).
Result<void> CheckZone(const std::string& zone);

// The instant of local midnight of `date` in the IANA zone `zone`; where summer time removes
// midnight, the first instant after the gap. kInvalid for an unknown zone, naming the nearest.
Result<Instant> StartOfDay(std::chrono::year_month_day date, const std::string& zone);

// The date in `zone` at `instant`, as 2019-08-01.
Result<std::string> LocalDate(Instant instant, const std::string& zone);

}  // namespace busker::plan

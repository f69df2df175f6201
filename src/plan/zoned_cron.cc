#include "plan/zoned_cron.h"

#include <algorithm>

namespace busker::plan {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr Milliseconds kTick{1};
constexpr local_days kFirstDay{year(0) / 1 / 1};
constexpr local_days kLastDay{year(9999) / 12 / 31};
constexpr days kSearchMax{36'525};

Instant InCalendar(Instant instant) {
  return std::clamp(instant, Instant(kFirstDay.time_since_epoch()),
                    Instant(kLastDay.time_since_epoch() + days(1)));
}

bool Matches(const Cron& cron, local_days day, const year_month_day& date) {
  const auto weekday = std::chrono::weekday(day).c_encoding();
  const bool by_date = cron.days[static_cast<unsigned>(date.day())];
  const bool by_weekday = cron.weekdays[weekday];
  if (cron.any_day || cron.any_weekday) return by_date && by_weekday;
  return by_date || by_weekday;
}

// The first day from `day` on that matches; months that do not are passed over.
std::optional<local_days> NextDay(const Cron& cron, local_days day) {
  const local_days limit = std::min(kLastDay, day + kSearchMax);
  while (day <= limit) {
    const year_month_day date(day);
    if (!cron.months[static_cast<unsigned>(date.month())]) {
      day = local_days((date.year() / date.month() + std::chrono::months(1)) / 1);
    } else if (!Matches(cron, day, date)) {
      day += days(1);
    } else {
      return day;
    }
  }
  return std::nullopt;
}

std::optional<local_days> PreviousDay(const Cron& cron, local_days day) {
  const local_days limit = std::max(kFirstDay, day - kSearchMax);
  while (day >= limit) {
    const year_month_day date(day);
    if (!cron.months[static_cast<unsigned>(date.month())]) {
      day = local_days(date.year() / date.month() / 1) - days(1);
    } else if (!Matches(cron, day, date)) {
      day -= days(1);
    } else {
      return day;
    }
  }
  return std::nullopt;
}

// The first value of the set from `from` on; the set's size when there is none.
template <std::size_t N>
std::size_t From(const std::bitset<N>& set, std::size_t from) {
  while (from < N && !set[from]) ++from;
  return from;
}

// The last value of the set until and with `until`.
template <std::size_t N>
std::optional<std::size_t> Until(const std::bitset<N>& set, std::size_t until) {
  for (std::size_t value = until + 1; value > 0; --value) {
    if (set[value - 1]) return value - 1;
  }
  return std::nullopt;
}

minutes Clock(std::size_t hour, std::size_t minute) { return minutes(hour * 60 + minute); }

// The first time of day from `from` on.
std::optional<minutes> NextClock(const Cron& cron, minutes from) {
  const auto count = static_cast<std::size_t>(from.count());
  std::size_t hour = From(cron.hours, count / 60);
  std::size_t minute = From(cron.minutes, hour == count / 60 ? count % 60 : 0);
  if (minute == 60) {
    hour = From(cron.hours, hour + 1);
    minute = From(cron.minutes, 0);
  }
  if (hour >= 24 || minute == 60) return std::nullopt;
  return Clock(hour, minute);
}

std::optional<minutes> PreviousClock(const Cron& cron, minutes until) {
  const auto count = static_cast<std::size_t>(until.count());
  auto hour = Until(cron.hours, count / 60);
  if (!hour) return std::nullopt;
  auto minute = Until(cron.minutes, *hour == count / 60 ? count % 60 : 59);
  if (!minute) {
    hour = *hour == 0 ? std::nullopt : Until(cron.hours, *hour - 1);
    minute = Until(cron.minutes, 59);
  }
  if (!hour || !minute) return std::nullopt;
  return Clock(*hour, *minute);
}

}  // namespace

Result<ZonedCron> ZonedCron::Make(const Cron& cron, const std::string& zone) {
  TRY_ASSIGN(const Zone found, Zone::Find(zone));
  return ZonedCron(cron, found);
}

std::optional<LocalTime> ZonedCron::NextLocal(LocalTime from) const {
  const auto minute = std::chrono::ceil<minutes>(from);
  const auto first = floor<days>(minute);
  auto day = NextDay(cron_, first);
  if (day == first) {
    if (const auto clock = NextClock(cron_, minute - first)) return *day + *clock;
    day = NextDay(cron_, first + days(1));
  }
  const auto clock = NextClock(cron_, minutes(0));
  if (!day || !clock) return std::nullopt;
  return *day + *clock;
}

std::optional<LocalTime> ZonedCron::PreviousLocal(LocalTime until) const {
  const auto minute = floor<minutes>(until);
  const auto last = floor<days>(minute);
  auto day = PreviousDay(cron_, last);
  if (day == last) {
    if (const auto clock = PreviousClock(cron_, minute - last)) return *day + *clock;
    day = PreviousDay(cron_, last - days(1));
  }
  const auto clock = PreviousClock(cron_, Clock(23, 59));
  if (!day || !clock) return std::nullopt;
  return *day + *clock;
}

// The run of a fixed-time schedule for a local time; nothing when a long gap removes that.
std::optional<Instant> ZonedCron::RunFor(LocalTime local) const {
  const Instant instant = zone_.FirstAt(local);
  const Stretch stretch = zone_.At(instant);
  if (stretch.Local(instant) == local) return instant;
  const auto gap = stretch.offset - zone_.At(stretch.begin - kTick).offset;
  if (gap > kGapMax) return std::nullopt;
  return instant;
}

// The local times that the clocks have come to until and at `after` have had their run.
std::optional<Instant> ZonedCron::NextFixed(Instant after) const {
  auto local = NextLocal(zone_.LatestUntil(after) + kTick);
  while (local) {
    if (const auto instant = RunFor(*local)) return instant;
    local = NextLocal(*local + kTick);
  }
  return std::nullopt;
}

std::optional<Instant> ZonedCron::PreviousFixed(Instant before) const {
  auto local = PreviousLocal(zone_.LatestUntil(before - kTick));
  while (local) {
    if (const auto instant = RunFor(*local)) return instant;
    local = PreviousLocal(*local - kTick);
  }
  return std::nullopt;
}

// Stretch by stretch. When the rest of a stretch is longer than two days, which is more than any
// two offsets differ, its local times are over for good: no match comes before a day before
// `local`.
std::optional<Instant> ZonedCron::NextReal(Instant after) const {
  Instant from = after + kTick;
  for (;;) {
    const Stretch stretch = zone_.At(from);
    const auto local = NextLocal(stretch.Local(from));
    if (!local) return std::nullopt;
    if (stretch.At(*local) < stretch.end) return stretch.At(*local);
    const bool far = stretch.end - from > days(2);
    from = stretch.end;
    if (far) from = std::max(from, Instant(local->time_since_epoch()) - days(1));
  }
}

std::optional<Instant> ZonedCron::PreviousReal(Instant before) const {
  Instant until = before - kTick;
  for (;;) {
    const Stretch stretch = zone_.At(until);
    const auto local = PreviousLocal(stretch.Local(until));
    if (!local) return std::nullopt;
    if (stretch.At(*local) >= stretch.begin) return stretch.At(*local);
    const bool far = until - stretch.begin > days(2);
    until = stretch.begin - kTick;
    if (far) until = std::min(until, Instant(local->time_since_epoch()) + days(1));
  }
}

std::optional<Instant> ZonedCron::Next(Instant after) const {
  after = InCalendar(after);
  return cron_.fixed_time ? NextFixed(after) : NextReal(after);
}

std::optional<Instant> ZonedCron::Previous(Instant before) const {
  before = InCalendar(before);
  return cron_.fixed_time ? PreviousFixed(before) : PreviousReal(before);
}

}  // namespace busker::plan

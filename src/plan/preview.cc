#include "plan/preview.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::plan {
namespace {

using std::chrono::days;
using std::chrono::floor;

constexpr Milliseconds kTick{1};
constexpr std::size_t kMissingShown = 3;

// 02:30, with the seconds if there are any.
std::string ClockText(LocalTime local) {
  const auto seconds = floor<std::chrono::seconds>(local - floor<days>(local)).count();
  std::string text = fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
  if (seconds % 60 != 0) text += fmt::format(":{:02}", seconds % 60);
  return text;
}

// 1h, 30m, 24h, 1h 30m, 44m 30s
std::string LengthText(std::chrono::seconds length) {
  const auto seconds = length.count();
  std::vector<std::string> parts;
  if (seconds >= 3600) parts.push_back(fmt::format("{}h", seconds / 3600));
  if (seconds / 60 % 60 != 0) parts.push_back(fmt::format("{}m", seconds / 60 % 60));
  if (seconds % 60 != 0) parts.push_back(fmt::format("{}s", seconds % 60));
  return Join(parts, " ");
}

// "02:00, 02:15, 02:30 and 1 more do not exist": what the schedule names between `from` and `to`.
std::string Missing(const ZonedCron& schedule, LocalTime from, LocalTime to) {
  std::vector<std::string> shown;
  std::size_t count = 0;
  auto local = schedule.NextLocal(from);
  for (; local && *local < to; local = schedule.NextLocal(*local + kTick)) {
    if (count++ < kMissingShown) shown.push_back(ClockText(*local));
  }
  if (count == 0) return "";
  const std::string more =
      count > kMissingShown ? fmt::format(" and {} more", count - kMissingShown) : "";
  return Join(shown, ", ") + more + (count == 1 ? " does not exist" : " do not exist");
}

// Whether the clocks show the time of `instant` again after the stretch that it is in.
bool ComesAgain(const Zone& zone, Instant instant) {
  const Stretch stretch = zone.At(instant);
  const Stretch after = zone.At(stretch.end);
  const LocalTime local = stretch.Local(instant);
  if (after.begin <= instant) return false;  // there is none after
  return after.Local(after.begin) <= local && local < after.Local(after.end);
}

bool CameBefore(const Zone& zone, Instant instant) {
  const LocalTime local = zone.At(instant).Local(instant);
  return zone.LatestUntil(instant) > local || zone.FirstAt(local) < instant;
}

std::string NoteOn(const ZonedCron& schedule, Instant instant) {
  const Zone& zone = schedule.zone();
  const Stretch stretch = zone.At(instant);
  if (schedule.cron().fixed_time && stretch.begin == instant) {
    const LocalTime gap = zone.At(instant - kTick).Local(instant);
    const std::string missing = Missing(schedule, gap, stretch.Local(instant));
    if (!missing.empty()) return "clocks go forward: " + missing;
  }
  if (CameBefore(zone, instant)) return "clocks go back: second of two";
  if (ComesAgain(zone, instant)) {
    return schedule.cron().fixed_time ? "clocks go back: first of two, runs once"
                                      : "clocks go back: first of two";
  }
  return "";
}

// The times of a day that the expression names, from minute `from` until before minute `to`.
std::uint64_t CountClocks(const Cron& cron, std::size_t from, std::size_t to) {
  std::uint64_t count = 0;
  for (std::size_t hour = from / 60; hour * 60 < to; ++hour) {
    if (!cron.hours[hour]) continue;
    if (hour * 60 >= from && (hour + 1) * 60 <= to) {
      count += cron.minutes.count();
      continue;
    }
    for (std::size_t minute = 0; minute < 60; ++minute) {
      const std::size_t clock = hour * 60 + minute;
      if (cron.minutes[minute] && clock >= from && clock < to) ++count;
    }
  }
  return count;
}

// The local times from `from` until before `to` that the expression names.
std::uint64_t CountLocal(const ZonedCron& schedule, LocalTime from, LocalTime to) {
  using std::chrono::minutes;
  const auto first = std::chrono::ceil<minutes>(from), end = std::chrono::ceil<minutes>(to);
  std::uint64_t count = 0;
  for (auto local = schedule.NextLocal(first); local && *local < end;) {
    const auto day = floor<days>(*local);
    const auto minute_of = [&](auto time) {
      return static_cast<std::size_t>(
          std::clamp(std::chrono::duration_cast<minutes>(time - day), minutes(0), minutes(days(1)))
              .count());
    };
    count += CountClocks(schedule.cron(), minute_of(first), minute_of(end));
    local = schedule.NextLocal(day + days(1));
  }
  return count;
}

// How far apart what is set is, when that is the same all round.
template <std::size_t N>
std::optional<std::size_t> Spacing(const std::bitset<N>& set) {
  if (set.none() || N % set.count() != 0) return std::nullopt;
  const std::size_t spacing = N / set.count();
  for (std::size_t i = 0; i < N; ++i) {
    if (set[i] != set[(i + spacing) % N]) return std::nullopt;
  }
  return spacing;
}

}  // namespace

std::vector<ClockChange> ClockChanges(const Zone& zone, Instant from, Instant to) {
  std::vector<ClockChange> changes;
  Stretch before = zone.At(from - kTick);
  while (before.end < to) {
    const Stretch after = zone.At(before.end);
    if (after.offset != before.offset) {
      changes.push_back({after.begin, before.offset, after.offset});
    }
    before = after;
  }
  return changes;
}

std::string DescribeChange(const ClockChange& change) {
  const LocalTime utc(change.at.time_since_epoch());
  const auto length =
      change.Forward() ? change.after - change.before : change.before - change.after;
  return fmt::format("clocks go {} {}, from {} to {}", change.Forward() ? "forward" : "back",
                     LengthText(length), ClockText(utc + change.before),
                     ClockText(utc + change.after));
}

std::uint64_t CountRuns(const ZonedCron& schedule, Instant from, Instant to) {
  std::uint64_t count = 0;
  while (from < to) {
    const Stretch stretch = schedule.zone().At(from);
    Instant end = std::min(to, stretch.end);
    // What a fixed-time schedule has run before a change, it does not run again after it.
    const Instant calm = stretch.begin + days(2);
    if (schedule.cron().fixed_time && from < calm) {
      end = std::min(end, calm);
      auto next = schedule.Next(from - kTick);
      for (; next && *next < end; next = schedule.Next(*next)) ++count;
    } else {
      count += CountLocal(schedule, stretch.Local(from), stretch.Local(end));
    }
    from = end;
  }
  return count;
}

std::optional<std::chrono::minutes> PaceOf(const Cron& cron) {
  if (!cron.any_day || !cron.any_weekday || cron.months.count() != 12) return std::nullopt;
  if (cron.days.count() != 31 || cron.weekdays.count() != 7) return std::nullopt;
  if (cron.hours.all()) {
    const auto spacing = Spacing(cron.minutes);
    return spacing ? std::optional(std::chrono::minutes(*spacing)) : std::nullopt;
  }
  const auto spacing = cron.minutes.count() == 1 ? Spacing(cron.hours) : std::nullopt;
  return spacing ? std::optional(std::chrono::hours(*spacing)) : std::nullopt;
}

std::string LostBy(const ZonedCron& schedule, const ClockChange& change) {
  if (!change.Forward()) return "";
  const auto gap = change.after - change.before;
  if (schedule.cron().fixed_time) {
    if (gap <= kGapMax) return "";
  } else if (const auto pace = PaceOf(schedule.cron()); pace && *pace <= gap) {
    return "";
  }
  const LocalTime utc(change.at.time_since_epoch());
  const std::string missing = Missing(schedule, utc + change.before, utc + change.after);
  return missing.empty() ? "" : "clocks go forward: " + missing;
}

std::vector<ComingRun> ComingRuns(const ZonedCron& schedule, Instant from, std::size_t count_max,
                                  std::optional<Instant> start, std::optional<Instant> end) {
  if (start) from = std::max(from, *start);
  std::vector<ComingRun> runs;
  Instant since = from;
  auto next = schedule.Next(from - kTick);
  while (next && (!end || *next <= *end) && runs.size() < count_max) {
    ComingRun& run = runs.emplace_back();
    run.at = *next;
    run.offset = schedule.zone().At(*next).offset;
    run.changes = ClockChanges(schedule.zone(), since, *next + kTick);
    run.note = NoteOn(schedule, *next);
    since = *next + kTick;
    next = schedule.Next(*next);
  }
  return runs;
}

}  // namespace busker::plan

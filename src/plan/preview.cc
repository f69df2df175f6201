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

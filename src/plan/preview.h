// The coming runs of a schedule, with what daylight saving does to them: for people who want to
// know before it happens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/zoned_cron.h"

namespace busker::plan {

// The clocks of a zone are put forward or back.
struct ClockChange {
  Instant at;
  std::chrono::seconds before, after;  // ahead of UTC

  bool Forward() const { return after > before; }
};

// The changes from `from` until before `to`, oldest first.
std::vector<ClockChange> ClockChanges(const Zone& zone, Instant from, Instant to);

// What is done: "clocks go forward 1h, from 02:00 to 03:00".
std::string DescribeChange(const ClockChange& change);

struct ComingRun {
  Instant at;
  std::chrono::seconds offset;  // the local time is at + offset
  std::vector<ClockChange>
      changes;       // since the run before (of the first: since `from`), and at `at`
  std::string note;  // "clocks go forward: 02:30 does not exist", "clocks go back: first of two";
                     // empty: nothing is odd about it
};

// The first `count_max` runs at or after `from`, not before `start` and not after `end`.
std::vector<ComingRun> ComingRuns(const ZonedCron& schedule, Instant from, std::size_t count_max,
                                  std::optional<Instant> start = {},
                                  std::optional<Instant> end = {});

// How many runs there are from `from` until before `to`. About 100 ns a day: only within two days
// after a change of the clocks is each run looked at.
std::uint64_t CountRuns(const ZonedCron& schedule, Instant from, Instant to);

// How far apart the runs are, when that is the same all day, of what runs each day: 1 minute of
// "* * * * *", 2 hours of "0 */2 * * *".
std::optional<std::chrono::minutes> PaceOf(const Cron& cron);

// What does not run because the clocks leave it out: "clocks go forward: 02:15 does not exist";
// empty: nothing. Runs that are moved are not among it, nor is what comes again within the gap's
// length.
std::string LostBy(const ZonedCron& schedule, const ClockChange& change);

}  // namespace busker::plan

// A time zone: what its clocks show at an instant, and when they were or will be changed.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace busker::plan {

// A time on the wall, in milliseconds: instant + offset. Some come twice, some never.
using LocalTime = std::chrono::local_time<Milliseconds>;

// From `begin` until before `end` the clocks are ahead of UTC by `offset` (behind it, when that is
// negative). Stretches tile time; neighbours may have one offset (when only the zone's name
// changed). The first begins before the year -30000, the last ends after the year 30000.
struct Stretch {
  Instant begin, end;
  std::chrono::seconds offset;  // always less than a day; whole minutes since 1972

  LocalTime Local(Instant instant) const { return LocalTime(instant.time_since_epoch() + offset); }
  Instant At(LocalTime local) const { return Instant(local.time_since_epoch() - offset); }
};

// Two words; copied like a number. The zone's own data live as long as the process. All threads may
// use one.
class Zone {
 public:
  // kInvalid for what is no IANA name, naming the nearest; kFailed when this machine's time-zone
  // database cannot be read. "UTC" costs nothing; the first look at another zone in a process reads
  // the list of zones (about 2 ms).
  static Result<Zone> Find(const std::string& name);

  // About 100 ns. After 2037, where the database's tables end, the changes of a zone with summer
  // time go on by the rule of its last years. (Not so in Gaza and Hebron, whose tables end with
  // 2086.)
  Stretch At(Instant instant) const;

  // The first instant at which the clocks have come to `local`: where it comes twice, the first;
  // where it never comes, the end of the gap that removes it.
  Instant FirstAt(LocalTime local) const;

  // The other way round: the latest time that the clocks showed until and at `instant`. Less than
  // they just showed never; more than they show while they repeat an hour.
  LocalTime LatestUntil(Instant instant) const;

 private:
  Zone(const void* zone, bool repeats) : zone_(zone), repeats_(repeats) {}
  Stretch Repeated(Instant instant) const;

  const void* zone_;  // of the time-zone library; null: UTC
  bool repeats_;      // whether its changes go on after the tables end
};

// The time on the wall as RFC 3339 with a numeric offset: 2026-03-29T03:00:00+02:00. The standard
// has no seconds in offsets: those of before 1972 are left out of the offset and of the time.
std::string FormatLocal(Instant instant, std::chrono::seconds offset);

}  // namespace busker::plan

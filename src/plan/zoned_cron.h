// When a cron schedule runs: the instants that follow from an expression and a time zone.
//
// The key of a run is its UTC instant. When the clocks are changed, Debian's rule holds, made
// deterministic:
//  - A fixed-time schedule (no "*" in minute and hour) runs once for each local time it names: at
//    the first of two; at the end of the gap when the gap removes it, and not at all when that gap
//    is longer than three hours (a zone that changes sides of the date line). Runs that fall on one
//    instant are one.
//  - Any other schedule runs at every instant that begins a local minute that matches.
// Where both day of month and day of week are restricted, either may match.
#pragma once

#include <optional>
#include <string>

#include "plan/cron.h"
#include "plan/zone.h"

namespace busker::plan {

// About 64 bytes and no allocation. All threads may use one.
class ZonedCron {
 public:
  // kInvalid and kFailed as Zone::Find.
  static Result<ZonedCron> Make(const Cron& cron, const std::string& zone);
  ZonedCron(const Cron& cron, const Zone& zone) : cron_(cron), zone_(zone) {}

  // The first instant strictly after `after`; nothing when there is none before the year 9999 ends
  // or within 100 years (the longest wait of an expression is 40: "0 0 29 2 */7"). Less than a
  // microsecond, and never more than a few hundred.
  std::optional<Instant> Next(Instant after) const;

  // The last instant strictly before `before`, with the like limits, back to the year 0.
  std::optional<Instant> Previous(Instant before) const;

  // The first local time from `from` on that the expression names, whether or not the clocks show
  // it.
  std::optional<LocalTime> NextLocal(LocalTime from) const;
  // The last such time until and with `until`.
  std::optional<LocalTime> PreviousLocal(LocalTime until) const;

  const Cron& cron() const { return cron_; }
  const Zone& zone() const { return zone_; }

 private:
  std::optional<Instant> NextFixed(Instant after) const;
  std::optional<Instant> NextReal(Instant after) const;
  std::optional<Instant> PreviousFixed(Instant before) const;
  std::optional<Instant> PreviousReal(Instant before) const;
  std::optional<Instant> RunFor(LocalTime local) const;

  Cron cron_;
  Zone zone_;
};

// A fixed-time schedule leaves out what a gap longer than this removes.
inline constexpr std::chrono::hours kGapMax{3};

}  // namespace busker::plan

// What may run, and when: the definition of a graph, as the plan needs it. Values only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "plan/graph_key.h"
#include "plan/policy.h"
#include "plan/zoned_cron.h"

namespace busker::plan {

struct Graph {
  GraphKey key;
  std::string zone = "UTC";  // of its schedule and of the data dates of its runs

  // Nothing of it starts by itself, and what is remembered of its schedule stays as it is.
  bool by_hand = false;
  std::string schedule_text;          // "0 7 * * *", "@once"; empty: none
  std::optional<ZonedCron> schedule;  // none: by hand, after another, or `once`
  bool once = false;                  // a single scheduled run, at `start`
  // As with Airflow's data intervals: a run is for the instant of the schedule before the one at
  // which it begins, and `start` and `end` bound the former.
  bool interval = false;
  std::optional<Instant> start, end;  // no instants before, none after
  CatchUp catch_up = CatchUp::kLatest;
  std::optional<Milliseconds> catch_up_window;  // what is older is not caught up

  Overlap overlap = Overlap::kQueue;
  int runs_at_once = 1;
  bool depends_on_past = false;  // a scheduled run waits until the one before it has succeeded
  // The tasks that wait for no other, if each of them depends on its past (Task::depends_on_past):
  // a scheduled run is not prepared before one of them may start.
  std::vector<std::string> past_roots;
  std::vector<GraphKey> after;  // runs when each of these has succeeded since it last ran so
  int priority = 0;             // higher first
  std::optional<Milliseconds> run_timeout;

  // Each day (or week, ...) by when the newest scheduled run has to have succeeded.
  std::optional<ZonedCron> expected_by;
};

// What its people were told of a graph last, and no success since.
enum class Trouble : std::uint8_t { kNone, kFailed, kLate, kNeverStarted };
std::string_view NameOf(Trouble trouble);  // "", "failed", "late", "never-started"
std::optional<Trouble> ParseTrouble(std::string_view name);

// How a task that depends on its past ended in the newest scheduled run that has ended.
struct TaskPast {
  Instant due{};  // of that run
  bool good = false;
  std::string run;
};

// What is remembered of a graph between starts of Busker.
struct GraphMemory {
  GraphKey key;
  std::string schedule_text, zone;  // that `cursor` belongs to
  std::optional<Instant> cursor;    // instants of the schedule up to here are dealt with
  bool paused = false;
  std::string paused_by;
  // Of the newest instant whose scheduled run has ended, after it had begun.
  std::optional<Instant> last_due;
  bool last_succeeded = false;
  std::optional<Instant> last_success;  // when a run of it, not of a backfill, last succeeded
  Trouble trouble = Trouble::kNone;
  std::optional<Instant> last_after;       // when it last ran after others (Graph::after)
  std::optional<Instant> expected_cursor;  // expectations up to here are dealt with
  std::map<std::string, TaskPast> pasts;   // by task
  // The cursor was set back with the clock: instants up to here may have had their run.
  std::optional<Instant> ran_until;
};

// What all runs share.
struct Capacity {
  int slots = 16;                    // tasks at once
  int cpus_milli = 0;                // 0: not bounded
  std::uint64_t memory_bytes = 0;    // 0: not bounded
  std::map<std::string, int> pools;  // slots by name
};

}  // namespace busker::plan

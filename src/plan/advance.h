// The engine's mind: what follows from what happened. Pure: no clock, no file, no thread.
//
// A task starts once every task it waits for has succeeded; a failed attempt is followed by another
// while retries are left; what waits for a task that did not succeed is skipped; a run ends when
// all its tasks have. So the state of a run is a function of the states of its tasks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "plan/run.h"

namespace busker::plan {

// What happened.
struct RunRequested {
  DagRun run;
};
struct AttemptEnded {
  std::string run, task;
  int number = 0;
  bool succeeded = false;
  bool cancelled = false;  // it was told to stop; never retried
  std::string message;     // why, when it did not succeed
};
struct CancelRequested {
  std::string run;
  std::string by;  // "control-C", a user's name
};
using Event = std::variant<RunRequested, AttemptEnded, CancelRequested>;

// What to do. Everything but StartAttempt and StopAttempt is a change of state, to be recorded.
struct StartAttempt {
  std::string run, task;
  int number = 0;
};
struct StopAttempt {
  std::string run, task;
  int number = 0;
};
struct TaskChanged {
  std::string run, task;
  State from = State::kQueued, to = State::kQueued;
  std::string message;
};
struct RunChanged {
  std::string run;
  State from = State::kQueued, to = State::kQueued;
  std::string message;
};
// The attempt failed; another begins at `at`.
struct RetryPlanned {
  std::string run, task;
  int number = 0;  // of the attempt to come
  Instant at{};
  std::string message;
};
using Decision = std::variant<StartAttempt, StopAttempt, TaskChanged, RunChanged, RetryPlanned>;

struct Advanced {
  std::vector<Decision> decisions;  // in the order in which they are to be carried out
  std::optional<Instant> wake_at;   // call again then, even if nothing happens
};

// Takes in `events`, brings `runs` up to date and says what to do. Events about unknown runs or
// attempts that are not running are stale and change nothing. Runs that ended leave `runs`.
Advanced Advance(Runs& runs, std::span<const Event> events, Instant now);

}  // namespace busker::plan

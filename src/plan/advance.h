// What can happen, and what can follow from it: the two lists that explain the engine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "plan/run.h"

namespace busker::plan {

// --- What happened.

// Somebody or something wants a run: graph, scheduled_at, trigger and so on are filled in, the id
// may be; tasks are not. Of a run that has not ended, or that was requested in the same turn, a
// second request with its id is ignored; of one that has ended, it must not come here.
struct RunRequested {
  DagRun run;
};
// The tasks of a queued run were decided.
struct RunPrepared {
  std::string run;
  std::vector<Task> tasks;
  std::optional<Milliseconds> timeout;  // of the whole run, from its first task's start
};
// They cannot be: nothing is live yet, a placeholder is unknown, ... The run fails. What may pass
// (`passing`: a busy store, a disk) is tried again (kBeginTriesMax).
struct RunNotPrepared {
  std::string run, message;
  bool passing = false;
};
struct AttemptEnded {
  std::string run, task;
  int number = 0;
  bool succeeded = false;
  bool cancelled = false;  // it was told to stop; never retried
  std::string message;     // why, when it did not succeed
  bool permanent = false;  // a next attempt would end so, too; never retried
  bool preempted = false;  // whoever lent the machine took it away (Task::preemptions_max)
};
// An attempt that was decided on could not be begun, for a reason that passes, and nothing of it
// was: there was no room for a process, a quota was used up. It is begun again later
// (kBeginTriesMax), and uses up no try.
struct AttemptNotBegun {
  std::string run, task;
  int number = 0;
  std::string message;
};
struct CancelRequested {
  std::string run;
  std::string by;  // "control-C", a user's name
};
// A run that has ended is taken up again from what did not succeed. `run` as it is on record.
struct RetryRequested {
  DagRun run;
  std::string by;
  std::string waive;  // a task that is skipped this time (SkipRequested); empty: none
};
// A task that is not running is not to run: what waits for it goes on as if it had succeeded.
struct SkipRequested {
  std::string run, task, by;
};
// A definition is new, or has another content than before.
struct GraphDefined {
  std::shared_ptr<const Graph> graph;  // kept as it is: whoever defined it has the same one
  std::string pauses;  // who has graphs begin paused that were never seen; empty: nobody

  explicit GraphDefined(std::shared_ptr<const Graph> what, std::string who_pauses = {})
      : graph(std::move(what)), pauses(std::move(who_pauses)) {}
  explicit GraphDefined(Graph what, std::string who_pauses = {})
      : GraphDefined(std::make_shared<const Graph>(std::move(what)), std::move(who_pauses)) {}
};
// Nothing defines it, or what does is at fault: its runs that wait go on waiting.
struct GraphRemoved {
  GraphKey graph;
  std::string why = "no file defines it any more; it runs when one does again";  // of a run
};
struct GraphPaused {
  GraphKey graph;
  bool paused = true;  // false: resumed
  std::string by;
};
// An instant of a schedule that lies ahead and has had its run: the clock was ahead before.
struct RunAhead {
  GraphKey graph;
  Instant due{};
};
// The wall clock was set, by so much: what waits for a span of time waits as long as it did, and
// schedules go on from now. `ahead`: all that there is, when it was set back.
struct ClockStepped {
  Milliseconds by{};
  std::vector<RunAhead> ahead = {};
};
struct CapacityChanged {
  Capacity capacity;
};
using Event = std::variant<RunRequested, RunPrepared, RunNotPrepared, AttemptEnded, AttemptNotBegun,
                           CancelRequested, RetryRequested, SkipRequested, GraphDefined,
                           GraphRemoved, GraphPaused, ClockStepped, CapacityChanged>;

// --- What follows. Everything but PrepareRun is a change, to be recorded before it is acted on;
// StartAttempt, StopAttempt and PrepareRun are to be carried out after.

struct RunQueued {
  DagRun run;  // without tasks
};
struct PrepareRun {
  std::string run;
  GraphKey graph;
};
struct TasksPlanned {  // RunPrepared was accepted
  std::string run;
  std::vector<Task> tasks;
  std::optional<Milliseconds> timeout;  // of the whole run
};
struct StartAttempt {
  std::string run, task;
  int number = 0;
};
// It could not be begun: it is as if it had not been decided on, and its number is free again.
struct AttemptUndone {
  std::string run, task;
  int number = 0;
};
// Its machine was taken away, which uses up no try: the task may be attempted once more.
struct PreemptionForgiven {
  std::string run, task;
  int number = 0;
  int preemptions = 0, attempts_max = 0;  // of the task from now on
};
struct StopAttempt {
  std::string run, task;
  int number = 0;
};
struct TaskChanged {
  std::string run, task;
  State from = State::kQueued, to = State::kQueued;
  std::string message;
  bool waived = false;
};
struct RunChanged {
  std::string run;
  State from = State::kQueued, to = State::kQueued;
  std::string message;
};
// Why a queued run is kept waiting, when people should know; empty: for nothing special any more.
struct RunHeld {
  std::string run, message;
};
// The attempt failed, or could not be begun; the next begins at `at`.
struct RetryPlanned {
  std::string run, task;
  int number = 0;  // of the attempt to come
  Instant at{};
  std::string message;
};
struct CancelAccepted {
  std::string run, by;
};
// By hand: the task may be attempted again, up to that many attempts in all.
struct TaskCleared {
  std::string run, task;
  int attempts_max = 0;
  std::string by;
};
struct DeadlineSet {
  std::string run;
  std::optional<Instant> deadline;
};
// What is to be remembered of the graph.
struct GraphNoted {
  GraphMemory memory;
  std::string what;  // "paused", "schedule changed", ...; empty: not worth an event
  std::string by;
};
// A person is to be told.
struct NotifyPeople {
  // kLeftBehind: what an attempt had is still there and costs money. kBehind: predictions come from
  // another version than the live one. kApproval: a version waits for somebody to approve it.
  enum class Kind { kFailed, kRecovered, kLate, kNeverStarted, kLeftBehind, kBehind, kApproval };
  Kind kind = Kind::kFailed;
  GraphKey graph;
  std::string run;  // empty: there is none
  std::string data_date;
  std::string message;       // one sentence
  std::string version = {};  // of the model, that it is about; empty: it is about none
};
// "failed", "recovered", "late", "never-started", "left-behind", "behind", "approval"
std::string_view NameOf(NotifyPeople::Kind kind);

using Decision =
    std::variant<RunQueued, PrepareRun, TasksPlanned, StartAttempt, AttemptUndone,
                 PreemptionForgiven, StopAttempt, TaskChanged, RunChanged, RunHeld, RetryPlanned,
                 CancelAccepted, TaskCleared, DeadlineSet, GraphNoted, NotifyPeople>;

struct Advanced {
  std::vector<Decision> decisions;  // in the order in which they are to be recorded, carried out
  std::optional<Instant> wake_at;   // call again then, even if nothing happens
};

}  // namespace busker::plan

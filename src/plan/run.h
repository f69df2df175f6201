// Runs as the plan sees them: tasks, their dependencies and how far each has come. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "plan/graph.h"

namespace busker::plan {

// Of a run and of a task. Stored by name: a name is never given another meaning.
enum class State { kQueued, kRunning, kSucceeded, kFailed, kCancelled, kSkipped };
std::string_view NameOf(State state);  // "queued", "running", ...
std::optional<State> ParseState(std::string_view name);
bool IsFinal(State state);  // succeeded, failed, cancelled, skipped: left by a retry by hand only

// One task of one run.
struct Task {
  // The plan of it.
  std::string name;                // unique in its run
  std::vector<std::string> after;  // the tasks that `rule` asks about
  TriggerRule rule = TriggerRule::kAllSuccess;
  int retries = 0;              // attempts beyond the first
  Milliseconds retry_delay{0};  // before the first retry
  bool exponential = true;      // doubles with each retry, up to retry_delay_max
  Milliseconds retry_delay_max = std::chrono::hours(1);
  std::string pool;  // empty: none
  int pool_slots = 1;
  int priority = 0;  // higher first
  int cpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::string place;             // where its attempts happen (the URL of an executor); empty: here
  int place_tasks_max = 0;       // at once at that place; 0: it takes room on this machine, too
  bool depends_on_past = false;  // of a scheduled run: waits for its success in the run before
  int preemptions_max = 0;       // so many attempts whose machine is taken away are no failed try

  // How far it has come.
  State state = State::kQueued;
  int attempts = 0;                   // begun so far; attempts are numbered from 1
  int attempts_max = 1;               // retries + 1; more after a retry by hand or a preemption
  int preemptions = 0;                // such attempts; a retry by hand begins anew
  bool attempt_running = false;       // the newest attempt has not ended
  bool waived = false;                // skipped by hand: as good as succeeded for what waits for it
  std::optional<Instant> not_before;  // a retry waits until then
  std::string message;                // why it failed, was cancelled or skipped; one sentence
};

struct DagRun {
  std::string id;
  GraphKey graph;
  std::optional<Instant> due;  // the instant of the schedule that it is the run of; none: by hand
  Instant scheduled_at{};      // the instant that it is for
  std::string data_date;       // of that, in the graph's zone
  std::string trigger;         // "schedule", "manual", "after churn/training", "backfill", ...
  std::string requested_by;    // "busker" or a user's name
  std::string request_key;     // the same key is the same request; empty: none
  std::string target;          // that it was asked to run at; empty: as its service says
  Instant requested_at{};
  int priority = 0;
  bool force = false;  // older data over newer
  std::string batch;   // of a backfill; empty: none
  int batch_runs_at_once = 1;

  State state = State::kQueued;
  bool prepared = false;                // its tasks are decided; false: it waits for its turn
  std::vector<Task> tasks;              // in an order in which each comes behind those it waits for
  std::optional<Instant> deadline;      // of the whole run
  std::optional<Milliseconds> timeout;  // from its first task's start to `deadline`
  bool cancel_requested = false;
  std::string message;  // of the task that decided the run's end
};

// What could not be begun for a reason that passes (a run could not be prepared, an attempt not
// started) is tried again after a second, then after twice as long each time, up to five minutes:
// so many times in all, which takes about an hour.
inline constexpr int kBeginTriesMax = 20;
Milliseconds BeginDelay(int tries);  // after so many

// Of its place, what other tasks share with it: behind a "?" stands what is its own.
std::string SharedPlace(const Task& task);

// The delay before attempt number `attempt` (2, 3, ...).
Milliseconds RetryDelay(const Task& task, int attempt);

}  // namespace busker::plan

// Runs as the plan sees them: tasks, their dependencies and how far each has come. Values only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace busker::plan {

// Of a run and of a task. Stored by name: a name is never given another meaning.
enum class State { kQueued, kRunning, kSucceeded, kFailed, kCancelled, kSkipped };
std::string_view NameOf(State state);  // "queued", "running", ...
std::optional<State> ParseState(std::string_view name);
bool IsFinal(State state);  // succeeded, failed, cancelled, skipped: never left again

// One task of one run.
struct Task {
  std::string name;                // unique in its run
  std::vector<std::string> after;  // tasks that must have succeeded first
  int retries = 0;                 // attempts beyond the first
  Milliseconds retry_delay{0};     // before the first retry; doubles with each, at most an hour
  State state = State::kQueued;
  int attempts = 0;                   // begun so far; attempts are numbered from 1
  bool attempt_running = false;       // the newest attempt has not ended
  std::optional<Instant> not_before;  // a retry waits until then
  std::string message;                // why it failed, was cancelled or skipped; one sentence
};

struct DagRun {
  std::string id;
  State state = State::kQueued;
  std::vector<Task> tasks;  // in an order in which each comes behind those it waits for
  bool cancel_requested = false;
  std::string message;  // of the task that decided the run's end
};

using Runs = std::map<std::string, DagRun>;  // the unfinished ones, by id

// The delay before attempt number `attempt` (2, 3, ...).
Milliseconds RetryDelay(const Task& task, int attempt);

}  // namespace busker::plan

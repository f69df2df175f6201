// The record: runs, tasks, attempts and events, durable, in one SQLite file (WAL,
// synchronous=FULL).
//
// Every change is one guarded statement (WHERE the state is what the change starts from) in one
// transaction with its event, so no state is ever left by two, and a crash leaves all of a turn or
// nothing. The conductor is the only writer of runs; others read, and add events of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "plan/advance.h"
#include "plan/run.h"

namespace busker::record {

// What is known of a run beside its state.
struct RunFacts {
  std::string id;
  std::string service, service_version;
  std::string action;      // or the graph's name
  std::string timestamp;   // TIMESTAMP of the version that it saves; unique per service and action
  std::string data_date;   // 2019-08-01, in the schedule's zone
  Instant scheduled_at{};  // the instant it is for
  std::string trigger;     // "manual", "schedule", ...
  std::string requested_by;   // user name
  std::string model_version;  // key of the version applied; empty: none
  Instant requested_at{};
};

// A task of a run to be added: its plan and its order, kept as text for the executor.
struct TaskFacts {
  plan::Task task;
  std::string order_json;
};

struct AttemptRow {
  std::string run, task;
  int number = 0;
  bool running = false;
  Instant launched_at{};
  std::optional<Instant> started_at, command_started_at, command_ended_at, ended_at;
  std::string ending;  // runner::Ending's name; empty while it runs
  std::string message;
  int exit_code = 0, signal = 0;
  Milliseconds cpu{};
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t output_files = 0, output_bytes = 0;
};

struct TaskRow {
  plan::Task task;
  std::vector<AttemptRow> attempts;
};

struct RunRow {
  RunFacts facts;
  plan::State state = plan::State::kQueued;
  std::string message;
  std::optional<Instant> started_at, ended_at;
  std::vector<TaskRow> tasks;
};

struct EventRow {
  std::int64_t number = 0;
  Instant at{};
  std::string run, task;  // empty where it concerns none
  std::string what;       // "run running", "attempt 2 started", "live pointer moved", ...
  std::string actor;      // who: "busker" or a user name
  std::string detail;
};

// Which runs to list. Newest first.
struct RunFilter {
  std::string action;  // empty: all
  std::optional<plan::State> state;
  std::uint64_t count_max = 20;
};

class Record {
 public:
  virtual ~Record() = default;

  // Adds a queued run. kTemporary when `facts.timestamp` is taken by another run of the action.
  virtual Result<void> AddRun(const RunFacts& facts, const std::vector<TaskFacts>& tasks) = 0;

  // The first instant from `wanted` on, in whole seconds, whose timestamp no run of the action has.
  virtual Result<Instant> FreeTimestamp(const std::string& service,
                                        const std::string& service_version,
                                        const std::string& action, Instant wanted) = 0;

  // One turn of the engine: the decisions and what the ended attempts left, in one transaction.
  virtual Result<void> Append(std::span<const plan::Decision> decisions,
                              std::span<const AttemptRow> ended, Instant now) = 0;

  // The runs that have not ended, as the plan needs them after a restart.
  virtual Result<plan::Runs> Unfinished() = 0;

  virtual Result<std::string> OrderOf(const std::string& run, const std::string& task) = 0;

  virtual Result<std::vector<RunRow>> ListRuns(const RunFilter& filter) = 0;  // with their tasks
  virtual Result<RunRow> FindRun(const std::string& id) = 0;                  // kNotFound
  virtual Result<std::vector<EventRow>> Events(
      const std::string& run) = 0;  // empty: all, oldest first

  // An event that is no change of a run: a live pointer moved by hand, a delivery undone.
  virtual Result<void> AddEvent(const EventRow& event) = 0;

  // Checks every invariant that SQL can express; a sentence per fault.
  virtual Result<std::vector<std::string>> Check() = 0;
};

// Opens the record at `path` (":memory:" for tests), creating it when `create`; kNotFound when it
// is missing and not to be created; kUnusable when it is corrupt or from a newer Busker, in which
// case nothing is written.
Result<std::unique_ptr<Record>> OpenSqliteRecord(const std::string& path, bool create);

}  // namespace busker::record

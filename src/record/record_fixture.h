// Runs, tasks and turns for tests of the record. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "record/sqlite_record.h"

namespace busker::record {

inline constexpr Instant kNoon{std::chrono::hours(12)};

inline plan::DagRun Requested(const std::string& id,
                              const plan::GraphKey& graph = "shop/training") {
  plan::DagRun run;
  run.id = id;
  run.graph = graph;
  run.scheduled_at = kNoon;
  run.data_date = "1970-01-01";
  run.trigger = "manual";
  run.requested_by = "someone";
  run.requested_at = kNoon;
  return run;
}

// Each waits for the one before it.
inline std::vector<plan::Task> TasksNamed(const std::vector<std::string>& names) {
  std::vector<plan::Task> tasks;
  for (const std::string& name : names) {
    plan::Task task;
    task.name = name;
    if (!tasks.empty()) task.after = {tasks.back().name};
    tasks.push_back(task);
  }
  return tasks;
}

inline PreparedRun PreparedFor(const std::string& run, const std::vector<plan::Task>& tasks) {
  PreparedRun prepared;
  prepared.run = run;
  prepared.service_version = "1";
  prepared.definition = std::string(64, 'd');
  for (const plan::Task& task : tasks)
    prepared.orders.push_back({"{\"task\":\"" + task.name + "\"}"});
  return prepared;
}

inline AttemptRow Ended(const std::string& run, const std::string& task, const std::string& ending,
                        int number = 1) {
  AttemptRow row;
  row.run = run;
  row.task = task;
  row.number = number;
  row.ended_at = kNoon;
  row.ending = ending;
  return row;
}

// What is given to Append, kept together.
struct TestTurn {
  std::vector<plan::Decision> decisions;
  std::vector<AttemptRow> ended;
  std::vector<PreparedRun> prepared;
  std::vector<NoticeRow> notices;
  std::vector<NoticeOutcome> outcomes;
  Instant now = kNoon;
  Epoch epoch = 0;

  Result<void> AppendTo(Record& record) const {
    Turn turn;
    turn.now = now;
    turn.decisions = decisions;
    turn.ended = ended;
    turn.prepared = prepared;
    turn.notices = notices;
    turn.outcomes = outcomes;
    turn.epoch = epoch;
    return record.Append(turn);
  }
};

inline Result<void> Append(Record& record, std::vector<plan::Decision> decisions,
                           std::vector<AttemptRow> ended = {}) {
  TestTurn turn;
  turn.decisions = std::move(decisions);
  turn.ended = std::move(ended);
  return turn.AppendTo(record);
}

// Queues and prepares a run of the tasks.
inline Result<void> AddRun(Record& record, plan::DagRun run, std::vector<plan::Task> tasks,
                           const std::string& timestamp = "") {
  TestTurn turn;
  turn.prepared = {PreparedFor(run.id, tasks)};
  turn.prepared[0].timestamp = timestamp;
  run.prepared = true;
  run.tasks = std::move(tasks);
  turn.decisions = {plan::RunQueued{std::move(run)}};
  return turn.AppendTo(record);
}
inline Result<void> AddRun(Record& record, const std::string& id,
                           const std::vector<std::string>& tasks) {
  return AddRun(record, Requested(id), TasksNamed(tasks));
}

inline std::vector<plan::Decision> Begin(const std::string& run, const std::string& task) {
  using enum plan::State;
  return {plan::RunChanged{run, kQueued, kRunning, ""},
          plan::TaskChanged{run, task, kQueued, kRunning, ""}, plan::StartAttempt{run, task, 1}};
}

// A run of one task, from its request to its success, in three turns.
inline void LiveThrough(Record& record, const std::string& id) {
  using enum plan::State;
  ASSERT_TRUE(AddRun(record, id, {"train"}));
  ASSERT_TRUE(Append(record, Begin(id, "train")));
  const auto end = Append(record,
                          {plan::TaskChanged{id, "train", kRunning, kSucceeded, ""},
                           plan::RunChanged{id, kRunning, kSucceeded, ""}},
                          {Ended(id, "train", "succeeded")});
  ASSERT_TRUE(end) << end.error().message;
}

inline std::unique_ptr<Record> Fresh() {
  return std::move(OpenSqliteRecord(":memory:", true).value());
}

inline std::vector<std::string> FaultsIn(Record& record) {
  auto faults = record.Check();
  return faults ? *faults : std::vector<std::string>{faults.error().message};
}

}  // namespace busker::record

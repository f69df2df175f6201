#include "record/record.h"

#include "record/record_fixture.h"

namespace busker::record {
namespace {

using enum plan::State;
using Sentences = std::vector<std::string>;

TEST(Record, GivesBackTheRunThatWasQueued) {
  auto record = Fresh();
  plan::DagRun run = Requested("r1");
  run.due = kNoon;
  run.request_key = "key 1";
  run.priority = 7;
  run.force = true;
  run.batch = "b1";
  run.batch_runs_at_once = 3;
  ASSERT_TRUE(Append(*record, {plan::RunQueued{run}}));
  const plan::DagRun loaded = record->LoadRun("r1").value();
  EXPECT_EQ(loaded.graph, "shop/training");
  EXPECT_EQ(loaded.due, kNoon);
  EXPECT_EQ(loaded.scheduled_at, kNoon);
  EXPECT_EQ(loaded.data_date, "1970-01-01");
  EXPECT_EQ(loaded.trigger, "manual");
  EXPECT_EQ(loaded.requested_by, "someone");
  EXPECT_EQ(loaded.request_key, "key 1");
  EXPECT_EQ(loaded.priority, 7);
  EXPECT_TRUE(loaded.force);
  EXPECT_EQ(loaded.batch, "b1");
  EXPECT_EQ(loaded.batch_runs_at_once, 3);
  EXPECT_EQ(loaded.state, kQueued);
  EXPECT_FALSE(loaded.prepared);
  const RunRow row = record->FindRun("r1").value();
  EXPECT_EQ(row.facts.service, "shop");
  EXPECT_EQ(row.facts.action, "training");
  EXPECT_EQ(row.facts.timestamp, "");
  EXPECT_EQ(record->FindRun("r2").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(record->LoadRun("r2").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(record->FindRequest("key 1").value(), "r1");
  EXPECT_EQ(record->FindRequest("key 2").value(), std::nullopt);
  EXPECT_EQ(record->FindRequest("").value(), std::nullopt);
}

TEST(Record, GivesBackEveryWordOfATask) {
  auto record = Fresh();
  plan::Task task;
  task.name = "Train_v1.2-" + std::string(189, 'x');
  task.after = {"fetch"};
  task.rule = plan::TriggerRule::kOneFailed;
  task.retries = 4;
  task.retry_delay = std::chrono::minutes(3);
  task.exponential = false;
  task.retry_delay_max = std::chrono::minutes(20);
  task.pool = "gpu";
  task.pool_slots = 2;
  task.priority = -3;
  task.cpus_milli = 1500;
  task.memory_bytes = 5'000'000'000;
  task.attempts_max = 5;
  std::vector<plan::Task> tasks = TasksNamed({"fetch"});
  tasks.push_back(task);
  plan::DagRun run = Requested("r1", "Nightly.Load_2");
  run.timeout = std::chrono::hours(2);
  ASSERT_TRUE(AddRun(*record, run, tasks));
  const plan::DagRun loaded = record->LoadRun("r1").value();
  EXPECT_TRUE(loaded.prepared);
  EXPECT_EQ(loaded.timeout, std::chrono::hours(2));
  ASSERT_EQ(loaded.tasks.size(), 2U);
  const plan::Task& back = loaded.tasks[1];
  EXPECT_EQ(back.name, task.name);
  EXPECT_EQ(back.after, task.after);
  EXPECT_EQ(back.rule, task.rule);
  EXPECT_EQ(back.retries, 4);
  EXPECT_EQ(back.retry_delay, task.retry_delay);
  EXPECT_FALSE(back.exponential);
  EXPECT_EQ(back.retry_delay_max, task.retry_delay_max);
  EXPECT_EQ(back.pool, "gpu");
  EXPECT_EQ(back.pool_slots, 2);
  EXPECT_EQ(back.priority, -3);
  EXPECT_EQ(back.cpus_milli, 1500);
  EXPECT_EQ(back.memory_bytes, 5'000'000'000U);
  EXPECT_EQ(back.attempts_max, 5);
  EXPECT_EQ(record->OrderOf("r1", "fetch").value().text, "{\"task\":\"fetch\"}");
  EXPECT_EQ(record->OrderOf("r1", "nobody").error().kind, ErrorKind::kNotFound);
  const RunRow row = record->FindRun("r1").value();
  EXPECT_EQ(row.facts.service, "");
  EXPECT_EQ(row.facts.action, "Nightly.Load_2");
}

TEST(Record, HoldsWhatPreparingAQueuedRunDecided) {
  auto record = Fresh();
  ASSERT_TRUE(Append(*record, {plan::RunQueued{Requested("r1")}}));
  TestTurn turn;
  const auto tasks = TasksNamed({"train", "promote"});
  turn.prepared = {PreparedFor("r1", tasks)};
  turn.prepared[0].timestamp = FormatStamp(kNoon);
  turn.prepared[0].model_version = "m";
  turn.decisions = {plan::TasksPlanned{"r1", tasks, std::chrono::minutes(5)}};
  ASSERT_TRUE(turn.AppendTo(*record));
  const RunRow row = record->FindRun("r1").value();
  EXPECT_EQ(row.facts.service_version, "1");
  EXPECT_EQ(row.facts.timestamp, FormatStamp(kNoon));
  EXPECT_EQ(row.facts.model_version, "m");
  EXPECT_EQ(row.facts.definition, std::string(64, 'd'));
  ASSERT_EQ(row.tasks.size(), 2U);
  EXPECT_EQ(record->LoadRun("r1").value().timeout, std::chrono::minutes(5));
  EXPECT_FALSE(turn.AppendTo(*record)) << "a run is prepared once";
}

TEST(Record, HasOneRunForAnInstantOfASchedule) {
  auto record = Fresh();
  const auto at = [](const std::string& id, const std::string& graph, std::optional<Instant> due) {
    plan::DagRun run = Requested(id, graph);
    run.due = due;
    return std::vector<plan::Decision>{plan::RunQueued{run}};
  };
  ASSERT_TRUE(Append(*record, at("r1", "shop/training", kNoon)));
  EXPECT_FALSE(Append(*record, at("r2", "shop/training", kNoon)));
  EXPECT_TRUE(Append(*record, at("r3", "shop/application", kNoon)));
  EXPECT_TRUE(Append(*record, at("r4", "shop/training", kNoon + std::chrono::hours(1))));
  EXPECT_TRUE(Append(*record, at("r5", "shop/training", std::nullopt)));
  EXPECT_TRUE(Append(*record, at("r6", "shop/training", std::nullopt)));
  const auto dues = record->DueRuns("shop/training", kNoon, kNoon + std::chrono::hours(1)).value();
  ASSERT_EQ(dues.size(), 2U);
  EXPECT_EQ(dues[0].run, "r1");
  EXPECT_EQ(dues[1].due, kNoon + std::chrono::hours(1));
  EXPECT_EQ(dues[1].state, kQueued);
  EXPECT_EQ(record->DueRuns("shop/training", kNoon + Milliseconds(1), kNoon).value().size(), 0U);
  // What lies ahead of a clock that was set back.
  const auto ahead = record->RunsAhead(kNoon).value();
  ASSERT_EQ(ahead.size(), 1U);
  EXPECT_EQ(ahead[0].graph, "shop/training");
  EXPECT_EQ(ahead[0].due, kNoon + std::chrono::hours(1));
  EXPECT_EQ(record->NewestRun("shop/training").value().facts.id, "r6");
  EXPECT_EQ(record->NewestRun("shop/nothing").error().kind, ErrorKind::kNotFound);
}

TEST(Record, HasOneRunForARequestKeyATimestampAndAnId) {
  auto record = Fresh();
  plan::DagRun run = Requested("r1");
  run.request_key = "k";
  ASSERT_TRUE(AddRun(*record, run, TasksNamed({"train"}), FormatStamp(kNoon)));
  EXPECT_FALSE(AddRun(*record, "r1", {"train"}));
  run.id = "r2";
  EXPECT_FALSE(Append(*record, {plan::RunQueued{run}}));
  run.request_key = "";
  EXPECT_FALSE(AddRun(*record, run, TasksNamed({"train"}), FormatStamp(kNoon)));
  const std::string free = record->FreeTimestamp("shop", "1", "training", "", kNoon).value();
  EXPECT_NE(free, FormatStamp(kNoon));
  EXPECT_TRUE(AddRun(*record, run, TasksNamed({"train"}), free));
}

// Three trainings within a second were named after seconds that had not come yet.
TEST(Record, ATimestampTellsNoTimeThatHasNotComeAndSortsBehindAllBefore) {
  auto record = Fresh();
  const auto free = [&](Instant now, const std::string& last = "", const std::string& of = "1") {
    return record->FreeTimestamp("shop", of, "training", last, now).value();
  };
  const std::string noon = FormatStamp(kNoon);
  EXPECT_EQ(free(kNoon + Milliseconds(999)), noon);
  EXPECT_EQ(free(kNoon, noon), noon + "-0001");  // given, and not on record yet
  std::string last;
  for (int i = 0; i < 12; ++i) {
    const std::string next = free(kNoon + Milliseconds(i * 80));
    EXPECT_LT(last, next);
    EXPECT_EQ(next.substr(0, noon.size()), noon);
    last = next;
    plan::DagRun run = Requested("r" + std::to_string(i));
    ASSERT_TRUE(AddRun(*record, run, TasksNamed({"train"}), next));
  }
  EXPECT_EQ(last, noon + "-0011");
  EXPECT_EQ(free(kNoon, noon + "-0020"), noon + "-0021");
  EXPECT_EQ(free(kNoon, noon + "-0199"), noon + "-0200");
  EXPECT_EQ(free(kNoon, noon + "-9999"), noon + "-99990001");
  EXPECT_EQ(free(kNoon, noon + "-99990001"), noon + "-99990002");
  EXPECT_EQ(free(kNoon - std::chrono::hours(1)), noon + "-0012");  // the clock was set back
  EXPECT_EQ(free(kNoon + Milliseconds(1000)), FormatStamp(kNoon + std::chrono::seconds(1)));
  EXPECT_LT(noon + "-99990001", FormatStamp(kNoon + std::chrono::seconds(1)));
  EXPECT_EQ(free(kNoon, "", "2"), noon);
}

TEST(Record, TakesUpAfterARestartWhereTheRunsWere) {
  auto record = Fresh();
  LiveThrough(*record, "r0");
  ASSERT_TRUE(AddRun(*record, "r9", {"train", "promote"}));
  ASSERT_TRUE(Append(*record, {plan::RunQueued{Requested("r1")}}));
  ASSERT_TRUE(Append(*record, Begin("r9", "train")));
  const Instant deadline = kNoon + std::chrono::hours(3);
  ASSERT_TRUE(Append(*record, {plan::DeadlineSet{"r9", deadline}}));
  const auto runs = record->Unfinished().value();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].id, "r9") << "in the order of their requests";
  EXPECT_EQ(runs[0].deadline, deadline);
  const plan::Task& train = runs[0].tasks[0];
  EXPECT_EQ(train.state, kRunning);
  EXPECT_EQ(train.attempts, 1);
  EXPECT_TRUE(train.attempt_running);
  EXPECT_FALSE(runs[0].tasks[1].attempt_running);
  EXPECT_EQ(runs[1].id, "r1");
  EXPECT_FALSE(runs[1].prepared);
}

TEST(Record, RemembersThatACancelWasAskedForAndByWhom) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  ASSERT_TRUE(
      Append(*record, {plan::CancelAccepted{"r1", "ada"}, plan::StopAttempt{"r1", "train", 1}}));
  EXPECT_TRUE(record->Unfinished().value().at(0).cancel_requested);
  EXPECT_FALSE(Append(*record, {plan::CancelAccepted{"r1", "bob"}}));
  const auto events = record->Events("r1").value();
  EXPECT_EQ(events[events.size() - 2].what, "cancel requested");
  EXPECT_EQ(events[events.size() - 2].actor, "ada");
  EXPECT_EQ(events.back().what, "attempt 1 told to stop");
}

TEST(Record, WritesAWholeTurnOrNothingOfIt) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  const std::size_t events = record->Events("").value().size();
  auto decisions = Begin("r1", "train");
  decisions.push_back(plan::TaskChanged{"r1", "nobody", kQueued, kFailed, ""});
  const auto appended = Append(*record, decisions);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(record->FindRun("r1").value().state, kQueued);
  EXPECT_EQ(record->Events("").value().size(), events);
  // What had been kept for the turn that failed is as good as new.
  decisions.pop_back();
  EXPECT_TRUE(Append(*record, decisions));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, RefusesEveryChangeFromAStateThatIsNotTheRecorded) {
  const std::vector<plan::Decision> begun = Begin("r1", "train");
  const std::vector<plan::Decision> wrong = {
      plan::RunChanged{"r1", kQueued, kRunning, ""},
      plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
      plan::StartAttempt{"r1", "train", 1},
      plan::StartAttempt{"r1", "train", 2},  // it may have one
      plan::StartAttempt{"r1", "train", 3},
      plan::StartAttempt{"r1", "promote", 1},
      plan::RetryPlanned{"r1", "train", 2, kNoon, ""},
      plan::TaskCleared{"r1", "train", 2, "ada"},
      plan::CancelAccepted{"r2", "ada"},
      plan::DeadlineSet{"r2", kNoon},
      plan::TaskChanged{"r1", "promote", kQueued, kSucceeded, ""},
      plan::TaskChanged{"r1", "promote", kSucceeded, kQueued, ""},
      plan::RunChanged{"r1", kSucceeded, kRunning, ""},
      plan::RunChanged{"r1", kRunning, kQueued, ""},
      plan::RunQueued{Requested("r1")},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    SCOPED_TRACE(i);
    auto record = Fresh();
    ASSERT_TRUE(AddRun(*record, "r1", {"train", "promote"}));
    ASSERT_TRUE(Append(*record, begun));
    const auto events = record->Events("").value();
    EXPECT_FALSE(Append(*record, {wrong[i]}));
    EXPECT_EQ(record->Events("").value().size(), events.size());
  }
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  ASSERT_TRUE(Append(*record, begun));
  EXPECT_FALSE(Append(*record, {}, {Ended("r1", "train", "succeeded", 2)}));
  ASSERT_TRUE(Append(*record, {}, {Ended("r1", "train", "succeeded")}));
  EXPECT_FALSE(Append(*record, {}, {Ended("r1", "train", "exited")})) << "an attempt ends once";
}

TEST(Record, CheckFindsNothingInAWholeLife) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  EXPECT_TRUE(record->Unfinished().value().empty());
}

TEST(Record, CheckFindsNothingInARunTakenUpAgainByHand) {
  auto record = Fresh();
  auto tasks = TasksNamed({"fetch", "train", "tidy", "tell"});
  tasks[2].after = {"train"};
  tasks[2].rule = plan::TriggerRule::kAllDone;
  tasks[3].after = {"train"};
  tasks[3].rule = plan::TriggerRule::kOneFailed;
  ASSERT_TRUE(AddRun(*record, Requested("r1"), tasks));
  ASSERT_TRUE(Append(*record, Begin("r1", "fetch")));
  const auto next = [](const std::string& task) {
    return std::vector<plan::Decision>{plan::TaskChanged{"r1", task, kQueued, kRunning, ""},
                                       plan::StartAttempt{"r1", task, 1}};
  };
  const auto end = [&](const std::string& task, plan::State state, int number = 1) {
    return Append(*record, {plan::TaskChanged{"r1", task, kRunning, state, ""}},
                  {Ended("r1", task, state == kSucceeded ? "succeeded" : "exited", number)});
  };
  ASSERT_TRUE(end("fetch", kSucceeded));
  ASSERT_TRUE(Append(*record, next("train")));
  ASSERT_TRUE(end("train", kFailed));
  ASSERT_TRUE(Append(*record, next("tidy")));
  ASSERT_TRUE(Append(*record, next("tell")));
  ASSERT_TRUE(end("tidy", kSucceeded));
  ASSERT_TRUE(end("tell", kSucceeded));
  ASSERT_TRUE(Append(*record, {plan::RunChanged{"r1", kRunning, kFailed, "train: exit 1"}}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  EXPECT_NE(record->FindRun("r1").value().ended_at, std::nullopt);

  ASSERT_TRUE(Append(*record, {plan::RunChanged{"r1", kFailed, kRunning, ""},
                               plan::TaskCleared{"r1", "train", 2, "ada"},
                               plan::TaskChanged{"r1", "train", kFailed, kQueued, ""}}));
  EXPECT_EQ(record->FindRun("r1").value().ended_at, std::nullopt);
  EXPECT_EQ(record->LoadRun("r1").value().tasks[1].attempts_max, 2);
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                               plan::StartAttempt{"r1", "train", 2}}));
  ASSERT_TRUE(end("train", kSucceeded, 2));
  ASSERT_TRUE(Append(*record, {plan::RunChanged{"r1", kRunning, kSucceeded, ""}}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

// How long a run took is from when it first started, whatever was taken up again since.
TEST(Record, ARunKeepsWhenItFirstStartedAndTellsWhenItLastEnded) {
  auto record = Fresh();
  const auto at = [&](int minute, std::vector<plan::Decision> decisions,
                      std::vector<AttemptRow> ended = {}) {
    TestTurn turn;
    turn.now = kNoon + std::chrono::minutes(minute);
    turn.decisions = std::move(decisions);
    turn.ended = std::move(ended);
    const auto appended = turn.AppendTo(*record);
    ASSERT_TRUE(appended) << appended.error().message;
  };
  const auto shown = [&] {
    const RunRow run = record->FindRun("r1").value();
    const auto minute = [](const std::optional<Instant>& instant) {
      return instant ? std::to_string((*instant - kNoon) / std::chrono::minutes(1)) : "none";
    };
    return minute(run.started_at) + " to " + minute(run.ended_at);
  };
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  EXPECT_EQ(shown(), "none to none");
  at(1, Begin("r1", "train"));
  EXPECT_EQ(shown(), "1 to none");
  at(2,
     {plan::TaskChanged{"r1", "train", kRunning, kFailed, ""},
      plan::RunChanged{"r1", kRunning, kFailed, ""}},
     {Ended("r1", "train", "exited")});
  EXPECT_EQ(shown(), "1 to 2");
  at(5, {plan::RunChanged{"r1", kFailed, kRunning, ""}, plan::TaskCleared{"r1", "train", 2, "ada"},
         plan::TaskChanged{"r1", "train", kFailed, kQueued, ""}});
  EXPECT_EQ(shown(), "1 to none");
  at(6, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
         plan::StartAttempt{"r1", "train", 2}});
  at(7,
     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
     {Ended("r1", "train", "succeeded", 2)});
  EXPECT_EQ(shown(), "1 to 7");
}

// fsck took it for a fault that the task of a retried run had two attempts that succeeded: the
// first had ended well in the moment in which its run was cancelled.
TEST(Record, AProgramMayEndWellWhileItsRunIsCancelledAndBeRunAgain) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  ASSERT_TRUE(Append(*record,
                     {plan::CancelAccepted{"r1", "ada"},
                      plan::TaskChanged{"r1", "train", kRunning, kCancelled, "cancelled by ada"},
                      plan::RunChanged{"r1", kRunning, kCancelled, "train: cancelled by ada"}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, {plan::RunChanged{"r1", kCancelled, kRunning, ""},
                               plan::TaskCleared{"r1", "train", 2, "ada"},
                               plan::TaskChanged{"r1", "train", kCancelled, kQueued, ""},
                               plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                               plan::StartAttempt{"r1", "train", 2}}));
  ASSERT_TRUE(Append(*record,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded", 2)}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, ACancelIsForgottenWhenTheRunIsTakenUpAgain) {
  auto record = Fresh();
  ASSERT_TRUE(Append(*record, {plan::RunQueued{Requested("r1")}}));
  ASSERT_TRUE(Append(*record, {plan::CancelAccepted{"r1", "ada"},
                               plan::RunChanged{"r1", kQueued, kCancelled, "cancelled by ada"}}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, {plan::RunChanged{"r1", kCancelled, kQueued, ""}}));
  const auto runs = record->Unfinished().value();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_FALSE(runs[0].cancel_requested);
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, ATaskThatIsWaivedIsAsGoodAsOneThatSucceeded) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"fetch", "train"}));
  ASSERT_TRUE(Append(*record, {plan::TaskChanged{"r1", "fetch", kQueued, kSkipped, "", true}}));
  EXPECT_TRUE(record->LoadRun("r1").value().tasks[0].waived);
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  ASSERT_TRUE(Append(*record,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, RunsThatNeverStartedAreSound) {
  auto record = Fresh();
  for (const plan::State state : {kSkipped, kFailed, kCancelled}) {
    const std::string id(NameOf(state));
    ASSERT_TRUE(Append(*record, {plan::RunQueued{Requested(id)},
                                 plan::RunChanged{id, kQueued, state, "a reason"}}));
    EXPECT_EQ(record->FindRun(id).value().message, "a reason");
  }
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, ARetryWaitsUntilItsTime) {
  auto record = Fresh();
  auto tasks = TasksNamed({"train"});
  tasks[0].retries = 1;
  tasks[0].attempts_max = 2;
  ASSERT_TRUE(AddRun(*record, Requested("r1"), tasks));
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  const Instant at = kNoon + std::chrono::minutes(1);
  ASSERT_TRUE(Append(*record,
                     {plan::TaskChanged{"r1", "train", kRunning, kQueued, "exit 1"},
                      plan::RetryPlanned{"r1", "train", 2, at, "exit 1"}},
                     {Ended("r1", "train", "exited")}));
  EXPECT_EQ(record->LoadRun("r1").value().tasks[0].not_before, at);
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                               plan::StartAttempt{"r1", "train", 2}}));
  EXPECT_EQ(record->LoadRun("r1").value().tasks[0].not_before, std::nullopt);
}

TEST(Record, KnowsUnderWhichKernelAndByWhichHomeAnAttemptWasToBeStarted) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  const std::vector<plan::Decision> begin = Begin("r1", "train");
  Turn turn;
  turn.now = kNoon;
  turn.decisions = begin;
  turn.boot = "4711";
  turn.instance = "home1";
  ASSERT_TRUE(record->Append(turn));
  EXPECT_EQ(record->LaunchOf("r1", "train", 1).value().boot, "4711");
  EXPECT_EQ(record->LaunchOf("r1", "train", 1).value().instance, "home1");
  EXPECT_EQ(record->LaunchOf("r1", "train", 2).error().kind, ErrorKind::kNotFound);
}

TEST(Record, RemembersEveryGraph) {
  auto record = Fresh();
  plan::GraphMemory memory;
  memory.key = "shop/training";
  memory.schedule_text = "0 7 * * *";
  memory.zone = "Europe/Berlin";
  memory.cursor = kNoon;
  ASSERT_TRUE(Append(*record, {plan::GraphNoted{memory, "", ""}}));
  EXPECT_TRUE(record->Events("").value().empty());
  memory.paused = true;
  memory.paused_by = "ada";
  memory.last_due = kNoon;
  memory.last_succeeded = true;
  memory.last_success = kNoon;
  memory.trouble = plan::Trouble::kLate;
  memory.last_after = kNoon - std::chrono::hours(2);
  memory.expected_cursor = kNoon;
  memory.ran_until = kNoon + std::chrono::hours(1);
  memory.pasts = {{"load", {kNoon, true, "r1"}}, {"report", {kNoon, false, "r1"}}};
  ASSERT_TRUE(Append(*record, {plan::GraphNoted{memory, "paused", "ada"}}));
  const auto graphs = record->Graphs().value();
  ASSERT_EQ(graphs.size(), 1U);
  const plan::GraphMemory& back = graphs[0];
  EXPECT_EQ(back.key, memory.key);
  EXPECT_EQ(back.schedule_text, memory.schedule_text);
  EXPECT_EQ(back.zone, memory.zone);
  EXPECT_EQ(back.cursor, kNoon);
  EXPECT_TRUE(back.paused);
  EXPECT_EQ(back.paused_by, "ada");
  EXPECT_EQ(back.last_due, kNoon);
  EXPECT_TRUE(back.last_succeeded);
  EXPECT_EQ(back.last_success, kNoon);
  EXPECT_EQ(back.trouble, plan::Trouble::kLate);
  EXPECT_EQ(back.last_after, kNoon - std::chrono::hours(2));
  EXPECT_EQ(back.expected_cursor, kNoon);
  EXPECT_EQ(back.ran_until, kNoon + std::chrono::hours(1));
  ASSERT_EQ(back.pasts.size(), 2U);
  EXPECT_EQ(back.pasts.at("load").due, kNoon);
  EXPECT_TRUE(back.pasts.at("load").good);
  EXPECT_FALSE(back.pasts.at("report").good);
  EXPECT_EQ(back.pasts.at("report").run, "r1");
  EXPECT_EQ(record->FindGraph("shop/training").value()->paused_by, "ada");
  EXPECT_EQ(record->FindGraph("shop/other").value(), std::nullopt);
  EXPECT_EQ(record->TroubledGraphs().value(), std::vector<plan::GraphKey>{"shop/training"});
  memory.trouble = plan::Trouble::kNone;
  ASSERT_TRUE(Append(*record, {plan::GraphNoted{memory, "", ""}}));
  EXPECT_TRUE(record->TroubledGraphs().value().empty());
  const auto events = record->Events("").value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].what, "paused");
  EXPECT_EQ(events[0].actor, "ada");
  EXPECT_EQ(events[0].detail, "shop/training");
}

TEST(Record, KeepsANoticeUntilItIsDeliveredOrGivenUp) {
  auto record = Fresh();
  NoticeRow notice;
  notice.key = "n1";
  notice.at = kNoon;
  notice.kind = "failed";
  notice.service = "shop";
  notice.action = "training";
  notice.run = "r1";
  notice.data_date = "1970-01-01";
  notice.message = "train: exit 1";
  notice.hint = "busker logs r1";
  notice.channel = "{}";
  notice.next_try = kNoon;
  TestTurn turn;
  turn.decisions = {
      plan::Tell{plan::Tell::Kind::kFailed, "shop/training", "r1", "1970-01-01", "train: exit 1"}};
  turn.notices = {notice, notice};
  turn.notices[1].key = "n2";
  ASSERT_TRUE(turn.AppendTo(*record));
  EXPECT_EQ(record->Events("r1").value().back().what, "told: failed");
  ASSERT_EQ(record->PendingNotices().value().size(), 2U);

  const Instant later = kNoon + std::chrono::minutes(1);
  TestTurn tried;
  tried.outcomes = {{"n1", NoticeOutcome::State::kTryAgain, later, "no route to host"},
                    {"n2", NoticeOutcome::State::kGivenUp, {}, "410 Gone"}};
  ASSERT_TRUE(tried.AppendTo(*record));
  auto pending = record->PendingNotices().value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].key, "n1");
  EXPECT_EQ(pending[0].tries, 1);
  EXPECT_EQ(pending[0].next_try, later);
  EXPECT_EQ(pending[0].message, "train: exit 1");
  EXPECT_EQ(pending[0].hint, "busker logs r1");
  EXPECT_EQ(record->Events("r1").value().back().what, "notice given-up");

  ASSERT_TRUE(turn.AppendTo(*record));  // known: neither told anew
  EXPECT_EQ(record->PendingNotices().value().size(), 1U);
  TestTurn delivered;
  delivered.outcomes = {{"n1", NoticeOutcome::State::kDelivered, {}, ""}};
  ASSERT_TRUE(delivered.AppendTo(*record));
  EXPECT_TRUE(record->PendingNotices().value().empty());
  EXPECT_FALSE(delivered.AppendTo(*record)) << "it is delivered once";
  EXPECT_EQ(FaultsIn(*record), Sentences{});
}

TEST(Record, ListsTheNewestFirstAndOnlyWhatIsAskedFor) {
  auto record = Fresh();
  for (int i = 0; i < 5; ++i) {
    plan::DagRun run = Requested("r" + std::to_string(i), i == 3 ? "nightly" : "shop/training");
    if (i == 2) run.batch = "b";
    ASSERT_TRUE(Append(*record, {plan::RunQueued{run}}));
  }
  const auto ids = [&](const RunFilter& filter) {
    std::string text;
    const auto runs = record->ListRuns(filter).value();
    for (const RunRow& run : runs) text += run.facts.id + " ";
    return text;
  };
  RunFilter filter;
  EXPECT_EQ(ids(filter), "r4 r3 r2 r1 r0 ");
  filter.count_max = 2;
  EXPECT_EQ(ids(filter), "r4 r3 ");
  filter.service = "shop";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.action = "training";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.service = "";
  EXPECT_EQ(ids(filter), "");
  filter.action = "nightly";
  EXPECT_EQ(ids(filter), "r3 ");
  filter.action = "";
  EXPECT_EQ(ids(filter), "r3 ");
  filter.service.reset();
  filter.action = "training";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.batch = "b";
  EXPECT_EQ(ids(filter), "r2 ");
  filter.state = kFailed;
  EXPECT_EQ(ids(filter), "");
}

TEST(Record, ListsTheRunsInAState) {
  auto record = Fresh();
  LiveThrough(*record, "r1");
  for (const std::string id : {"r2", "r3"}) {
    plan::DagRun run = Requested(id, id == "r2" ? "nightly" : "shop/training");
    ASSERT_TRUE(Append(*record, {plan::RunQueued{run}}));
    ASSERT_TRUE(Append(*record, {plan::RunChanged{id, kQueued, kFailed, "no"}}));
  }
  ASSERT_TRUE(Append(*record, {plan::RunQueued{Requested("r4")}}));
  const auto ids = [&](plan::State state, const std::optional<std::string>& service) {
    RunFilter filter;
    filter.state = state;
    filter.service = service;
    filter.with_tasks = false;
    if (service) filter.action = service->empty() ? "nightly" : "training";
    std::string text;
    const auto runs = record->ListRuns(filter).value();
    for (const RunRow& run : runs) {
      EXPECT_TRUE(run.tasks.empty());
      text += run.facts.id + " ";
    }
    return text;
  };
  EXPECT_EQ(ids(kSucceeded, {}), "r1 ");
  EXPECT_EQ(ids(kFailed, {}), "r3 r2 ");
  EXPECT_EQ(ids(kQueued, {}), "r4 ");
  EXPECT_EQ(ids(kSkipped, {}), "");
  EXPECT_EQ(ids(kFailed, "shop"), "r3 ");
  EXPECT_EQ(ids(kFailed, ""), "r2 ");
  EXPECT_EQ(ids(kSucceeded, "shop"), "r1 ");
  EXPECT_EQ(ids(kQueued, "shop"), "r4 ");
}

TEST(Record, ListsEventsNewestFirstAndThoseOfPeopleAlone) {
  auto record = Fresh();
  for (int i = 1; i <= 6; ++i) {
    EventRow event;
    event.at = kNoon;
    event.what = "e" + std::to_string(i);
    event.actor = i % 2 == 0 ? "ada" : "busker";
    ASSERT_TRUE(record->AddEvent(event));
  }
  const auto whats = [&](const EventFilter& filter) {
    std::string text;
    const auto events = record->ListEvents(filter).value();
    for (const EventRow& event : events) text += event.what + " ";
    return text;
  };
  EventFilter filter;
  EXPECT_EQ(whats(filter), "e6 e5 e4 e3 e2 e1 ");
  filter.count_max = 2;
  EXPECT_EQ(whats(filter), "e6 e5 ");
  filter.before = 5;
  EXPECT_EQ(whats(filter), "e4 e3 ");
  filter.by_people = true;
  EXPECT_EQ(whats(filter), "e4 e2 ");
}

TEST(Record, ListsEachTaskWithItsOwnAttempts) {
  auto record = Fresh();
  LiveThrough(*record, "r1");
  ASSERT_TRUE(AddRun(*record, "r2", {"b", "a"}));
  ASSERT_TRUE(Append(*record, Begin("r2", "b")));
  const auto runs = record->ListRuns({}).value();
  ASSERT_EQ(runs.size(), 2U);
  ASSERT_EQ(runs[0].tasks.size(), 2U);
  EXPECT_EQ(runs[0].tasks[0].task.name, "b");
  ASSERT_EQ(runs[0].tasks[0].attempts.size(), 1U);
  EXPECT_TRUE(runs[0].tasks[0].attempts[0].running);
  EXPECT_TRUE(runs[0].tasks[1].attempts.empty());
  EXPECT_EQ(runs[1].tasks[0].attempts[0].ending, "succeeded");
}

// The number of an attempt that was never begun is free again; that it was tried, the events keep.
TEST(Record, ForgetsAnAttemptThatCouldNotBeBegun) {
  auto record = Fresh();
  ASSERT_TRUE(AddRun(*record, "r1", {"train"}));
  ASSERT_TRUE(Append(*record, Begin("r1", "train")));
  AttemptRow row;
  row.run = "r1";
  row.task = "train";
  row.number = 1;
  row.ended_at = kNoon;
  row.ending = "not-started";
  row.message = "no room";
  const std::vector<plan::Decision> undone = {
      plan::AttemptUndone{"r1", "train", 1},
      plan::TaskChanged{"r1", "train", kRunning, kQueued, "no room"},
      plan::RetryPlanned{"r1", "train", 1, kNoon, "no room"}};
  Turn turn;
  turn.now = kNoon;
  turn.decisions = undone;
  turn.ended = std::span(&row, 1);
  ASSERT_TRUE(record->Append(turn));
  EXPECT_EQ(record->FindRun("r1").value().tasks[0].attempts.size(), 0U);
  EXPECT_EQ(record->LoadRun("r1").value().tasks[0].attempts, 0);
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  ASSERT_TRUE(Append(*record, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                               plan::StartAttempt{"r1", "train", 1}}));
  EXPECT_EQ(FaultsIn(*record), Sentences{});
  // One that has begun stays.
  EXPECT_FALSE(Append(*record, {plan::AttemptUndone{"r1", "train", 1}}));
}

}  // namespace
}  // namespace busker::record

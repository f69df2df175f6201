// What every record keeps of runs, their tasks and attempts, as tests. record_conformance.h says
// how a back end sits them. For tests only.
#pragma once

#include "record/conformance_fixture.h"

namespace busker::record {

TEST_P(RecordConformance, GivesBackTheRunThatWasQueued) {
  plan::DagRun run = Requested("r1");
  run.due = kNoon;
  run.request_key = "key 1";
  run.priority = 7;
  run.force = true;
  run.batch = "b1";
  run.batch_runs_at_once = 3;
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
  const plan::DagRun loaded = record_->LoadRun("r1").value();
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
  const RunRow row = record_->FindRun("r1").value();
  EXPECT_EQ(row.facts.service, "shop");
  EXPECT_EQ(row.facts.action, "training");
  EXPECT_EQ(row.facts.timestamp, "");
  EXPECT_EQ(record_->FindRun("r2").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(record_->LoadRun("r2").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(record_->FindRequest("key 1").value(), "r1");
  EXPECT_EQ(record_->FindRequest("key 2").value(), std::nullopt);
  EXPECT_EQ(record_->FindRequest("").value(), std::nullopt);
}

TEST_P(RecordConformance, GivesBackEveryWordOfATask) {
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
  task.depends_on_past = true;
  task.place = "compute-engine://project/zone?machine_type=n1-standard-1";
  task.place_tasks_max = 100;
  task.preemptions_max = 2;
  std::vector<plan::Task> tasks = TasksNamed({"fetch"});
  tasks.push_back(task);
  plan::DagRun run = Requested("r1", "Nightly.Load_2");
  run.timeout = std::chrono::hours(2);
  ASSERT_TRUE(AddRun(*record_, run, tasks));
  const plan::DagRun loaded = record_->LoadRun("r1").value();
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
  EXPECT_TRUE(back.depends_on_past);
  EXPECT_EQ(back.place, task.place);
  EXPECT_EQ(back.place_tasks_max, 100);
  EXPECT_EQ(back.preemptions_max, 2);
  EXPECT_EQ(back.preemptions, 0);
  EXPECT_EQ(record_->OrderOf("r1", "fetch").value().text, "{\"task\":\"fetch\"}");
  EXPECT_EQ(record_->OrderOf("r1", "nobody").error().kind, ErrorKind::kNotFound);
  const RunRow row = record_->FindRun("r1").value();
  EXPECT_EQ(row.facts.service, "");
  EXPECT_EQ(row.facts.action, "Nightly.Load_2");
}

TEST_P(RecordConformance, HoldsWhatPreparingAQueuedRunDecided) {
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested("r1")}}));
  TestTurn turn;
  const auto tasks = TasksNamed({"train", "promote"});
  turn.prepared = {PreparedFor("r1", tasks)};
  turn.prepared[0].timestamp = FormatStamp(kNoon);
  turn.prepared[0].model_version = "m";
  turn.decisions = {plan::TasksPlanned{"r1", tasks, std::chrono::minutes(5)}};
  ASSERT_TRUE(turn.AppendTo(*record_));
  const RunRow row = record_->FindRun("r1").value();
  EXPECT_EQ(row.facts.service_version, "1");
  EXPECT_EQ(row.facts.timestamp, FormatStamp(kNoon));
  EXPECT_EQ(row.facts.model_version, "m");
  EXPECT_EQ(row.facts.definition, std::string(64, 'd'));
  ASSERT_EQ(row.tasks.size(), 2U);
  EXPECT_EQ(record_->LoadRun("r1").value().timeout, std::chrono::minutes(5));
  EXPECT_FALSE(turn.AppendTo(*record_)) << "a run is prepared once";
}

// A retry of a run that had been asked to run elsewhere came back to this machine.
TEST_P(RecordConformance, ARunKeepsItsTarget) {
  plan::DagRun run = Requested("r1");
  run.target = "cloud";
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
  EXPECT_EQ(record_->LoadRun("r1").value().target, "cloud");
  EXPECT_EQ(record_->FindRun("r1").value().facts.target, "cloud");
  // Where nothing was asked for, preparing decides.
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested("r2")}}));
  TestTurn turn;
  const auto tasks = TasksNamed({"train"});
  turn.prepared = {PreparedFor("r2", tasks)};
  turn.prepared[0].target = "local";
  turn.decisions = {plan::TasksPlanned{"r2", tasks, {}}};
  ASSERT_TRUE(turn.AppendTo(*record_));
  EXPECT_EQ(record_->LoadRun("r2").value().target, "local");
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, AnOrderIsGivenBackAsItWas) {
  TestTurn turn;
  const auto tasks = TasksNamed({"fetch", "train"});
  turn.prepared = {PreparedFor("r1", tasks)};
  turn.prepared[0].orders[0] = {"{\"synced\":false}", false, {}};
  turn.prepared[0].orders[1] = {
      "{\"secrets\":[{\"name\":\"key\"},{\"name\":\"db\"}]}", true, {"key", "db"}};
  plan::DagRun run = Requested("r1");
  run.prepared = true;
  run.tasks = tasks;
  turn.decisions = {plan::RunQueued{run}};
  ASSERT_TRUE(turn.AppendTo(*record_));
  const Order bare = record_->OrderOf("r1", "fetch").value();
  EXPECT_EQ(bare.text, turn.prepared[0].orders[0].text);
  EXPECT_FALSE(bare.synced);
  EXPECT_EQ(bare.secrets, Strings{});
  const Order secret = record_->OrderOf("r1", "train").value();
  EXPECT_TRUE(secret.synced);
  EXPECT_EQ(secret.secrets, (Strings{"key", "db"}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, AnAttemptKeepsHowItEndedAndWhatItCameTo) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"deliver"}));
  ASSERT_TRUE(Append(*record_, Begin("r1", "deliver")));
  AttemptRow row = Ended("r1", "deliver", "exited");
  row.started_at = kNoon + Milliseconds(1);
  row.command_started_at = kNoon + Milliseconds(2);
  row.command_ended_at = kNoon + Milliseconds(3);
  row.ended_at = kNoon + Milliseconds(4);
  row.message = "exit 3";
  row.exit_code = 3;
  row.signal = 9;
  row.cpu = Milliseconds(1234);
  row.memory_peak_bytes = 5'000'000'000;
  row.output_files = 2;
  row.output_bytes = 6'000'000'000;
  row.result = "{\"delivery\":\"d1\",\"rows\":3}";
  row.image = "registry.example/churn@sha256:0123";
  ASSERT_TRUE(Append(*record_, {}, {row}));
  const AttemptRow back = record_->FindRun("r1").value().tasks.at(0).attempts.at(0);
  EXPECT_EQ(back.number, 1);
  EXPECT_FALSE(back.running);
  EXPECT_EQ(back.launched_at, kNoon);
  EXPECT_EQ(back.started_at, row.started_at);
  EXPECT_EQ(back.command_started_at, row.command_started_at);
  EXPECT_EQ(back.command_ended_at, row.command_ended_at);
  EXPECT_EQ(back.ended_at, row.ended_at);
  EXPECT_EQ(back.ending, "exited");
  EXPECT_EQ(back.message, "exit 3");
  EXPECT_EQ(back.exit_code, 3);
  EXPECT_EQ(back.signal, 9);
  EXPECT_EQ(back.cpu, row.cpu);
  EXPECT_EQ(back.memory_peak_bytes, row.memory_peak_bytes);
  EXPECT_EQ(back.output_files, 2U);
  EXPECT_EQ(back.output_bytes, row.output_bytes);
  EXPECT_EQ(back.result, row.result);
  EXPECT_EQ(back.image, row.image);
}

TEST_P(RecordConformance, TakesUpAfterARestartWhereTheRunsWere) {
  LiveThrough(*record_, "r0");
  ASSERT_TRUE(AddRun(*record_, "r9", {"train", "promote"}));
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested("r1")}}));
  ASSERT_TRUE(Append(*record_, Begin("r9", "train")));
  const Instant deadline = kNoon + std::chrono::hours(3);
  ASSERT_TRUE(Append(*record_, {plan::DeadlineSet{"r9", deadline}}));
  const auto runs = record_->Unfinished().value();
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

TEST_P(RecordConformance, RemembersThatACancelWasAskedForAndByWhom) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  ASSERT_TRUE(
      Append(*record_, {plan::CancelAccepted{"r1", "ada"}, plan::StopAttempt{"r1", "train", 1}}));
  EXPECT_TRUE(record_->Unfinished().value().at(0).cancel_requested);
  EXPECT_FALSE(Append(*record_, {plan::CancelAccepted{"r1", "bob"}}));
  const auto events = record_->Events("r1").value();
  EXPECT_EQ(events[events.size() - 2].what, "cancel requested");
  EXPECT_EQ(events[events.size() - 2].actor, "ada");
  EXPECT_EQ(events.back().what, "attempt 1 told to stop");
}

TEST_P(RecordConformance, CheckFindsNothingInAWholeLife) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  EXPECT_TRUE(record_->Unfinished().value().empty());
}

TEST_P(RecordConformance, CheckFindsNothingInARunTakenUpAgainByHand) {
  auto tasks = TasksNamed({"fetch", "train", "tidy", "tell"});
  tasks[2].after = {"train"};
  tasks[2].rule = plan::TriggerRule::kAllDone;
  tasks[3].after = {"train"};
  tasks[3].rule = plan::TriggerRule::kOneFailed;
  ASSERT_TRUE(AddRun(*record_, Requested("r1"), tasks));
  ASSERT_TRUE(Append(*record_, Begin("r1", "fetch")));
  const auto next = [](const std::string& task) {
    return std::vector<plan::Decision>{plan::TaskChanged{"r1", task, kQueued, kRunning, ""},
                                       plan::StartAttempt{"r1", task, 1}};
  };
  const auto end = [&](const std::string& task, plan::State state, int number = 1) {
    return Append(*record_, {plan::TaskChanged{"r1", task, kRunning, state, ""}},
                  {Ended("r1", task, state == kSucceeded ? "succeeded" : "exited", number)});
  };
  ASSERT_TRUE(end("fetch", kSucceeded));
  ASSERT_TRUE(Append(*record_, next("train")));
  ASSERT_TRUE(end("train", kFailed));
  ASSERT_TRUE(Append(*record_, next("tidy")));
  ASSERT_TRUE(Append(*record_, next("tell")));
  ASSERT_TRUE(end("tidy", kSucceeded));
  ASSERT_TRUE(end("tell", kSucceeded));
  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r1", kRunning, kFailed, "train: exit 1"}}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  EXPECT_NE(record_->FindRun("r1").value().ended_at, std::nullopt);

  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r1", kFailed, kRunning, ""},
                                plan::TaskCleared{"r1", "train", 2, "ada"},
                                plan::TaskChanged{"r1", "train", kFailed, kQueued, ""}}));
  EXPECT_EQ(record_->FindRun("r1").value().ended_at, std::nullopt);
  EXPECT_EQ(record_->LoadRun("r1").value().tasks[1].attempts_max, 2);
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                                plan::StartAttempt{"r1", "train", 2}}));
  ASSERT_TRUE(end("train", kSucceeded, 2));
  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r1", kRunning, kSucceeded, ""}}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

// How long a run took is from when it first started, whatever was taken up again since.
TEST_P(RecordConformance, ARunKeepsWhenItFirstStartedAndTellsWhenItLastEnded) {
  const auto at = [&](int minute, std::vector<plan::Decision> decisions,
                      std::vector<AttemptRow> ended = {}) {
    TestTurn turn;
    turn.now = kNoon + std::chrono::minutes(minute);
    turn.decisions = std::move(decisions);
    turn.ended = std::move(ended);
    const auto appended = turn.AppendTo(*record_);
    ASSERT_TRUE(appended) << appended.error().message;
  };
  const auto shown = [&] {
    const RunRow run = record_->FindRun("r1").value();
    const auto minute = [](const std::optional<Instant>& instant) {
      return instant ? std::to_string((*instant - kNoon) / std::chrono::minutes(1)) : "none";
    };
    return minute(run.started_at) + " to " + minute(run.ended_at);
  };
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
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
TEST_P(RecordConformance, AProgramMayEndWellWhileItsRunIsCancelledAndBeRunAgain) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  ASSERT_TRUE(Append(*record_,
                     {plan::CancelAccepted{"r1", "ada"},
                      plan::TaskChanged{"r1", "train", kRunning, kCancelled, "cancelled by ada"},
                      plan::RunChanged{"r1", kRunning, kCancelled, "train: cancelled by ada"}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r1", kCancelled, kRunning, ""},
                                plan::TaskCleared{"r1", "train", 2, "ada"},
                                plan::TaskChanged{"r1", "train", kCancelled, kQueued, ""},
                                plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                                plan::StartAttempt{"r1", "train", 2}}));
  ASSERT_TRUE(Append(*record_,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded", 2)}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, ACancelIsForgottenWhenTheRunIsTakenUpAgain) {
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested("r1")}}));
  ASSERT_TRUE(Append(*record_, {plan::CancelAccepted{"r1", "ada"},
                                plan::RunChanged{"r1", kQueued, kCancelled, "cancelled by ada"}}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r1", kCancelled, kQueued, ""}}));
  const auto runs = record_->Unfinished().value();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_FALSE(runs[0].cancel_requested);
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, ATaskThatIsWaivedIsAsGoodAsOneThatSucceeded) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"fetch", "train"}));
  ASSERT_TRUE(Append(*record_, {plan::TaskChanged{"r1", "fetch", kQueued, kSkipped, "", true}}));
  EXPECT_TRUE(record_->LoadRun("r1").value().tasks[0].waived);
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  ASSERT_TRUE(Append(*record_,
                     {plan::TaskChanged{"r1", "train", kRunning, kSucceeded, ""},
                      plan::RunChanged{"r1", kRunning, kSucceeded, ""}},
                     {Ended("r1", "train", "succeeded")}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, RunsThatNeverStartedAreSound) {
  for (const plan::State state : {kSkipped, kFailed, kCancelled}) {
    const std::string id(NameOf(state));
    ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested(id)},
                                  plan::RunChanged{id, kQueued, state, "a reason"}}));
    EXPECT_EQ(record_->FindRun(id).value().message, "a reason");
  }
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, ARetryWaitsUntilItsTime) {
  auto tasks = TasksNamed({"train"});
  tasks[0].retries = 1;
  tasks[0].attempts_max = 2;
  ASSERT_TRUE(AddRun(*record_, Requested("r1"), tasks));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  const Instant at = kNoon + std::chrono::minutes(1);
  ASSERT_TRUE(Append(*record_,
                     {plan::TaskChanged{"r1", "train", kRunning, kQueued, "exit 1"},
                      plan::RetryPlanned{"r1", "train", 2, at, "exit 1"}},
                     {Ended("r1", "train", "exited")}));
  EXPECT_EQ(record_->LoadRun("r1").value().tasks[0].not_before, at);
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                                plan::StartAttempt{"r1", "train", 2}}));
  EXPECT_EQ(record_->LoadRun("r1").value().tasks[0].not_before, std::nullopt);
}

TEST_P(RecordConformance, KnowsUnderWhichKernelAndByWhichHomeAnAttemptWasToBeStarted) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  const std::vector<plan::Decision> begin = Begin("r1", "train");
  Turn turn;
  turn.now = kNoon;
  turn.decisions = begin;
  turn.launcher = "home1 4711";
  ASSERT_TRUE(record_->Append(turn));
  EXPECT_EQ(record_->LauncherOf("r1", "train", 1).value(), "home1 4711");
  EXPECT_EQ(record_->LauncherOf("r1", "train", 2).error().kind, ErrorKind::kNotFound);
}

// The number of an attempt that was never begun is free again; that it was tried, the events keep.
TEST_P(RecordConformance, ForgetsAnAttemptThatCouldNotBeBegun) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
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
  ASSERT_TRUE(record_->Append(turn));
  EXPECT_EQ(record_->FindRun("r1").value().tasks[0].attempts.size(), 0U);
  EXPECT_EQ(record_->LoadRun("r1").value().tasks[0].attempts, 0);
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  ASSERT_TRUE(Append(*record_, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                                plan::StartAttempt{"r1", "train", 1}}));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
  // One that has begun stays.
  EXPECT_FALSE(Append(*record_, {plan::AttemptUndone{"r1", "train", 1}}));
}

// A preemption uses up no try: the task may be attempted once more, as often as it allows.
TEST_P(RecordConformance, CountsPreemptionsApart) {
  auto tasks = TasksNamed({"train"});
  tasks[0].preemptions_max = 1;
  ASSERT_TRUE(AddRun(*record_, Requested("r1"), tasks));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  AttemptRow row;
  row.run = "r1";
  row.task = "train";
  row.number = 1;
  row.ended_at = kNoon;
  row.ending = "preempted";
  row.boot = std::chrono::seconds(20);
  row.pull = std::chrono::seconds(30);
  row.machine = std::chrono::minutes(7);
  const std::vector<plan::Decision> forgiven = {
      plan::PreemptionForgiven{"r1", "train", 1, 1, 2},
      plan::TaskChanged{"r1", "train", kRunning, kQueued, "preempted"},
      plan::RetryPlanned{"r1", "train", 2, kNoon, "preempted"}};
  Turn turn;
  turn.now = kNoon;
  turn.decisions = forgiven;
  turn.ended = std::span(&row, 1);
  ASSERT_TRUE(record_->Append(turn));
  const auto loaded = record_->LoadRun("r1").value().tasks[0];
  EXPECT_EQ(loaded.preemptions, 1);
  EXPECT_EQ(loaded.attempts_max, 2);
  const AttemptRow ended = record_->FindRun("r1").value().tasks[0].attempts.at(0);
  EXPECT_EQ(ended.boot, std::chrono::seconds(20));
  EXPECT_EQ(ended.pull, std::chrono::seconds(30));
  EXPECT_EQ(ended.machine, std::chrono::minutes(7));
  ASSERT_TRUE(Append(*record_, {plan::TaskChanged{"r1", "train", kQueued, kRunning, ""},
                                plan::StartAttempt{"r1", "train", 2}}));
  EXPECT_FALSE(Append(*record_, {plan::PreemptionForgiven{"r1", "train", 2, 2, 3}}))
      << "more than it allows";
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

}  // namespace busker::record

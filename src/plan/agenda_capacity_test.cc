// What bounds how much runs at once: a graph's concurrency, backfills, slots, pools, cpus, memory;
// and who goes first.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <algorithm>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

Graph WithOverlap(Overlap overlap, int runs_at_once = 1) {
  Graph graph = ParseGraph("");
  graph.overlap = overlap;
  graph.runs_at_once = runs_at_once;
  return graph;
}

Capacity Slots(int slots) {
  Capacity capacity;
  capacity.slots = slots;
  return capacity;
}

DagRun OfBackfill(const std::string& batch, int runs_at_once) {
  DagRun run = Engine::Request();
  run.batch = batch;
  run.batch_runs_at_once = runs_at_once;
  return run;
}

TEST(Concurrency, QueueLetsARunWaitForTheOneBeforeIt) {
  Engine engine;
  engine.Take(GraphDefined{WithOverlap(Overlap::kQueue)});
  engine.Begin();
  EXPECT_EQ(engine.Begin(), Words{"r2 queue"});
  engine.Restart();
  EXPECT_EQ(engine.Take(GraphDefined{WithOverlap(Overlap::kQueue)}), Words{});
  EXPECT_EQ(engine.Take(Success("work")),
            (Words{"work succeeded", "run succeeded", "r2 prepare", "r2 run running",
                   "r2 work running", "r2 start work.1"}));
}

TEST(Concurrency, SkipLeavesOutARunWhileOneHasNotEnded) {
  Engine engine;
  engine.Take(GraphDefined{WithOverlap(Overlap::kSkip)});
  engine.Begin();
  EXPECT_EQ(engine.Begin(), (Words{"r2 queue", "r2 run skipped"}));
  // The first was counted until the end of the turn, though its end was known.
  EXPECT_EQ(engine.Take({Success("work"), RunRequested{Engine::Request()}}).back(),
            "r3 start work.1");
}

TEST(Concurrency, ReplaceCancelsTheOlderAndWaitsForItsEnd) {
  Engine engine;
  engine.Take(GraphDefined{WithOverlap(Overlap::kReplace)});
  engine.Begin();
  EXPECT_EQ(engine.Begin(), (Words{"r2 queue", "cancel", "stop work.1"}));
  EXPECT_EQ(engine.Begin(), (Words{"r3 queue", "r2 cancel", "r2 run cancelled"}));
  EXPECT_EQ(engine.Take(Stopped("work")),
            (Words{"work cancelled", "run cancelled", "r3 prepare", "r3 run running",
                   "r3 work running", "r3 start work.1"}));
}

TEST(Concurrency, AllowLetsThemRunTogetherAsFarAsTheGraphSays) {
  Engine engine;
  engine.Take(GraphDefined{WithOverlap(Overlap::kAllow, 2)});
  engine.Begin();
  EXPECT_EQ(engine.Begin().back(), "r2 start work.1");
  EXPECT_EQ(engine.Begin(), Words{"r3 queue"});
}

TEST(Backfill, KeepsToItsLimitAndBehindAllOthers) {
  Engine engine(Slots(3));
  engine.Take(GraphDefined{WithOverlap(Overlap::kQueue, 3)});
  std::vector<Event> events(4, RunRequested{OfBackfill("b", 2)});
  EXPECT_EQ(engine.Take(events).back(), "r2 start work.1");
  EXPECT_EQ(engine.Begin().back(), "r5 start work.1");
  EXPECT_EQ(engine.Begin(), Words{"r6 queue"});
  EXPECT_EQ(engine.Take(Success("work")).back(), "r6 start work.1");
  EXPECT_EQ(engine.Take(Success("work", 1, "r2")).back(), "r3 start work.1");
}

// With "skip" or "replace" a backfill of ten dates left out, or cancelled, nine of its own runs.
TEST(Backfill, NeitherGivesWayNorMakesGiveWay) {
  for (const Overlap overlap : {Overlap::kSkip, Overlap::kReplace}) {
    Engine engine;
    engine.Take(GraphDefined{WithOverlap(overlap)});
    std::vector<Event> events(3, RunRequested{OfBackfill("b", 2)});
    engine.Take(events);
    EXPECT_EQ(engine.Begin(), Words{"r4 queue"});
    EXPECT_EQ(engine.Take(Success("work")).back(), "r4 start work.1");
    EXPECT_EQ(engine.Take(Success("work", 1, "r4")).back(), "r2 start work.1");
    EXPECT_EQ(engine.Take(Success("work", 1, "r2")).back(), "r3 start work.1");
  }
}

// The runs of a backfill that is at its limit stood before the runs of another.
TEST(Backfill, AtItsLimitLetsAnotherPass) {
  Engine engine;
  engine.Take(GraphDefined{WithOverlap(Overlap::kQueue, 3)});
  engine.Take(std::vector<Event>(3, RunRequested{OfBackfill("a", 1)}));
  EXPECT_EQ(engine.Take(RunRequested{OfBackfill("b", 1)}).back(), "r4 start work.1");
}

Graph OnThePast() {
  Graph graph = ParseGraph("0 * * * *");
  graph.depends_on_past = true;
  graph.catch_up = CatchUp::kAll;
  graph.runs_at_once = 2;
  return graph;
}

TEST(DependsOnPast, WaitsUntilTheRunBeforeHasSucceeded) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  EXPECT_EQ(engine.Wait(kNoon + hours(2)).back(), "start work.1");
  EXPECT_EQ(engine.agenda().ExplainRun("r2", kNoon),
            "run r2 of g for 1970-01-01 is queued: run r1, the one before it, has not ended");
  EXPECT_EQ(engine.Take(Success("work"), kNoon + hours(2)).back(), "r2 start work.1");
  engine.Take(Failure("work", 1, "r2"), kNoon + hours(2));
  EXPECT_EQ(engine.Wait(kNoon + hours(3)), Words{"r3 queue"});
  engine.Restart();
  EXPECT_EQ(engine.Take(GraphDefined{OnThePast()}, kNoon + hours(3)), Words{});
}

// The run that was taken up again stood behind the one that waited for it, for ever.
TEST(DependsOnPast, LetsTheFailedRunBeTakenUpAgainAndRunsByHandPass) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  engine.Wait(kNoon + hours(1));
  DagRun failed = *engine.agenda().FindRun("r1");
  engine.Take(Failure("work"), kNoon + hours(1));
  EXPECT_EQ(engine.Wait(kNoon + hours(2)), Words{"r2 queue"});
  EXPECT_EQ(engine.Begin().back(), "r3 start work.1");
  failed.state = failed.tasks[0].state = State::kFailed;
  failed.tasks[0].attempt_running = false;
  EXPECT_EQ(engine.Take(RetryRequested{failed, "someone", ""}, kNoon + hours(2)).back(),
            "start work.2");
  engine.Take(Success("work", 1, "r3"), kNoon + hours(2));
  EXPECT_EQ(engine.Take(Success("work", 2), kNoon + hours(2)).back(), "r2 start work.1");
}

// The cancelled run counted as the newest that had ended, and with it the one before the others.
TEST(DependsOnPast, IsNotGotRoundByCancellingALaterRun) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  engine.Wait(kNoon + hours(1));
  engine.Take(Failure("work"), kNoon + hours(1));
  engine.Wait(kNoon + hours(3));
  EXPECT_EQ(engine.Take(CancelRequested{"r3", "someone"}, kNoon + hours(3)),
            (Words{"r3 cancel", "r3 run cancelled"}));
}

// For the instant of so many hours after noon.
Event OfInstant(int hour, const std::string& batch, int runs_at_once = 2) {
  DagRun run = OfBackfill(batch, runs_at_once);
  run.due = run.scheduled_at = kNoon - hours(24) + hours(hour);
  run.data_date = fmt::format("hour {}", hour);
  return RunRequested{run};
}

// A backfill took no notice of depends_on_past: its runs began together, and went on behind a
// failed one.
TEST(DependsOnPast, HoldsWithinABackfillWhoseRunsGoFromTheOldestOn) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  EXPECT_EQ(engine.Take({OfInstant(2, "b"), OfInstant(3, "b"), OfInstant(1, "a")}).back(),
            "r3 start work.1");
  EXPECT_EQ(engine.agenda().ExplainRun("r1", kNoon),
            "run r1 of g for hour 2 is queued: run r3, the one before it, has not ended");
  EXPECT_EQ(engine.Take(Success("work", 1, "r3")).back(), "start work.1");
  engine.Restart();
  EXPECT_EQ(engine.Take(GraphDefined{OnThePast()}), Words{});
  EXPECT_EQ(engine.Take(Success("work")).back(), "r2 start work.1");
}

TEST(DependsOnPast, EndsABackfillBehindARunThatDidNotSucceed) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  engine.Take({OfInstant(1, "a"), OfInstant(3, "a"), OfInstant(4, "b"), OfInstant(2, "a")});
  EXPECT_EQ(engine.Take(Success("work")).back(), "r4 start work.1");
  EXPECT_EQ(engine.Take(Failure("work", 1, "r4")),
            (Words{"r4 work failed", "r4 run failed", "tell failed", "r2 cancel", "r3 cancel",
                   "r2 run cancelled", "r3 run cancelled"}));
  for (const Decision& decision : engine.last()) {
    const auto* changed = std::get_if<RunChanged>(&decision);
    if (changed == nullptr || changed->to != State::kCancelled) continue;
    EXPECT_EQ(changed->message,
              "the run for hour 2 before it failed (depends_on_past); busker backfill "
              "--retry-failed goes on from there");
  }
  EXPECT_TRUE(engine.agenda().Idle());
}

// A run that somebody cancels did not succeed either; what is older than it goes on.
TEST(DependsOnPast, EndsABackfillBehindARunThatWasCancelled) {
  Engine engine;
  engine.Take(GraphDefined{OnThePast()});
  engine.Take({OfInstant(1, "a"), OfInstant(2, "a"), OfInstant(3, "a")});
  EXPECT_EQ(engine.Take(CancelRequested{"r2", "someone"}),
            (Words{"r2 cancel", "r2 run cancelled", "r3 cancel", "r3 run cancelled"}));
  EXPECT_EQ(engine.Take(Success("work")).back(), "run succeeded");
}

TEST(Backfill, GoesOnBehindAFailureWithoutDependsOnPast) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("0 * * * *")});
  engine.Take({OfInstant(1, "a"), OfInstant(2, "a")});
  EXPECT_EQ(engine.Take(Failure("work")).back(), "r2 start work.1");
}

TEST(Capacity, SlotsBoundWhatRunsAndTheHighestPriorityGoesFirst) {
  Engine engine(Slots(1));
  auto tasks = ParseTasks("a; b; c");
  tasks[2].priority = 5;
  engine.Tasks("g", tasks);
  EXPECT_EQ(engine.Begin().back(), "start c.1");
  EXPECT_EQ(engine.Take(Success("c")), (Words{"c succeeded", "a running", "start a.1"}));
  EXPECT_EQ(engine.Take(CapacityChanged{Slots(2)}), (Words{"b running", "start b.1"}));
}

// Sixty-four tasks at hand kept a run of higher priority from being prepared.
TEST(Capacity, AnUrgentRunPassesManyThatWait) {
  Engine engine(Slots(1));
  std::string many = "t0";
  for (int i = 1; i < 100; ++i) many += "; t" + std::to_string(i);
  engine.Tasks("many", ParseTasks(many));
  engine.Begin("many");
  DagRun urgent = Engine::Request("urgent");
  urgent.priority = 1;
  EXPECT_EQ(engine.Take(RunRequested{urgent}), (Words{"r2 queue", "r2 prepare"}));
  EXPECT_EQ(engine.Begin("other"), Words{"r3 queue"});
  EXPECT_EQ(engine.Take(Success("t0")).back(), "r2 start work.1");
}

// Sixty-four tasks that waited for a full pool kept all other runs from being prepared.
TEST(Capacity, AFullPoolLetsOthersPass) {
  Capacity capacity = Slots(4);
  capacity.pools["gpu"] = 1;
  Engine engine(capacity);
  auto tasks = ParseTasks("t0");
  tasks[0].pool = "gpu";
  for (int i = 1; i < 100; ++i) {
    tasks.push_back(tasks[0]);
    tasks.back().name = "t" + std::to_string(i);
  }
  engine.Tasks("many", tasks);
  EXPECT_EQ(engine.Begin("many").back(), "start t0.1");
  EXPECT_EQ(engine.Begin("other").back(), "r2 start work.1");
  EXPECT_EQ(engine.Take(Success("t0")).back(), "start t1.1");
}

TEST(Capacity, ATaskForWhichThereIsNeverRoomFailsAtOnce) {
  Capacity capacity = Slots(4);
  capacity.cpus_milli = 2000;
  capacity.memory_bytes = 1 << 20;
  capacity.pools["gpu"] = 1;
  Engine engine(capacity);
  auto tasks = ParseTasks("pool; slots; cpus; memory");
  tasks[0].pool = "of no size";
  tasks[0].pool_slots = 2;
  tasks[1].pool = "gpu";
  tasks[1].pool_slots = 2;
  tasks[2].cpus_milli = 2001;
  tasks[3].memory_bytes = 1 << 21;
  engine.Tasks("g", tasks);
  EXPECT_EQ(engine.Begin(), (Words{"queue", "prepare", "pool failed", "slots failed", "cpus failed",
                                   "memory failed", "run failed", "tell failed"}));
}

TEST(Capacity, APoolThatNobodyGaveASizeHasOneSlot) {
  Engine engine(Slots(4));
  auto tasks = ParseTasks("a; b; c");
  tasks[0].pool = tasks[1].pool = "db";
  engine.Tasks("g", tasks);
  const Words begun = engine.Begin();
  EXPECT_EQ(std::count(begun.begin(), begun.end(), "start a.1"), 1);
  EXPECT_EQ(std::count(begun.begin(), begun.end(), "start b.1"), 0);
  EXPECT_EQ(std::count(begun.begin(), begun.end(), "start c.1"), 1);
  EXPECT_EQ(engine.Take(Success("a")).back(), "start b.1");
}

// A task that waited for a pool that was then made smaller waited for ever.
TEST(Capacity, WhatItWasChangedToMayBeTooLittleForATaskThatWaits) {
  Capacity capacity = Slots(1);
  capacity.pools["gpu"] = 2;
  Engine engine(capacity);
  auto tasks = ParseTasks("a; b");
  tasks[1].pool = "gpu";
  tasks[1].pool_slots = 2;
  engine.Tasks("g", tasks);
  EXPECT_EQ(engine.Begin().back(), "start a.1");
  EXPECT_EQ(engine.Take(CapacityChanged{Slots(1)}), Words{"b failed"});
}

TEST(Capacity, ABigTaskIsNotPassedForEverBySmallOnes) {
  Capacity capacity = Slots(4);
  capacity.cpus_milli = 2000;
  Engine engine(capacity);
  auto tasks = ParseTasks("a; big; c");
  tasks[0].cpus_milli = tasks[2].cpus_milli = 1000;
  tasks[1].cpus_milli = 2000;
  engine.Tasks("g", tasks);
  EXPECT_EQ(engine.Begin().back(), "start a.1");
  EXPECT_EQ(engine.Take(Success("a")).back(), "start big.1");
  EXPECT_EQ(engine.Take(Success("big")).back(), "start c.1");
}

std::vector<Task> At(const std::string& place, int tasks_max, std::vector<Task> tasks) {
  for (Task& task : tasks) {
    task.place = place;
    task.place_tasks_max = tasks_max;
  }
  return tasks;
}

// Ninety-nine virtual machines were bounded by the cores of the machine that asked for them.
TEST(Capacity, WhatRunsElsewhereTakesNoRoomHere) {
  Capacity capacity = Slots(1);
  capacity.cpus_milli = 2000;
  capacity.memory_bytes = 1 << 20;
  Engine engine(capacity);
  auto tasks = At("vm://", 2, ParseTasks("a; b; c"));
  tasks[0].cpus_milli = tasks[1].cpus_milli = 96'000;
  tasks[0].memory_bytes = std::uint64_t{1} << 40;
  engine.Tasks("far", tasks);
  EXPECT_EQ(engine.Begin("far").back(), "start b.1");
  EXPECT_EQ(engine.agenda().ExplainTask("r1", "c", kNoon),
            "c waits for room at vm://, where 2 of 2 tasks run");
  EXPECT_EQ(engine.agenda().attempts_running(), 2u);
  EXPECT_EQ(engine.Begin("here").back(), "r2 start work.1");
  EXPECT_EQ(engine.Take(Success("a")).back(), "start c.1");
}

// Tasks of one place were counted apart when they had other settings behind the "?": an image, a
// time limit.
TEST(Capacity, APlaceHasOneBoundWhateverItsTasksSayBehindIt) {
  Engine engine(Slots(1));
  engine.Tasks("far", At("vm://p/z?image=a&timeout_s=60", 1, ParseTasks("a")));
  engine.Tasks("also far", At("vm://p/z?image=b", 1, ParseTasks("a")));
  EXPECT_EQ(engine.Begin("far").back(), "start a.1");
  EXPECT_EQ(engine.Begin("also far").back(), "r2 prepare");
  EXPECT_EQ(engine.agenda().ExplainTask("r2", "a", kNoon),
            "a waits for room at vm://p/z, where 1 of 1 tasks run");
  EXPECT_EQ(engine.Take(Success("a")).back(), "r2 start a.1");
}

TEST(Capacity, ATaskThatThisMachineHasNoRoomForLetsThosePassThatAreElsewhere) {
  Engine engine(Slots(1));
  engine.Begin("here");
  engine.Tasks("far", At("vm://", 1, ParseTasks("a")));
  engine.Tasks("also far", At("pod://", 1, ParseTasks("a")));
  EXPECT_EQ(engine.Begin("and here").back(), "r2 prepare");
  EXPECT_EQ(engine.Begin("far").back(), "r3 start a.1");
  EXPECT_EQ(engine.Begin("also far").back(), "r4 start a.1");
}

TEST(Capacity, AContainerOnThisMachineTakesRoomHere) {
  Engine engine(Slots(1));
  engine.Tasks("boxed", At("docker://", 0, ParseTasks("a; b")));
  EXPECT_EQ(engine.Begin("boxed").back(), "start a.1");
}

// The end of what is begun while the disk is full could not be recorded.
TEST(Capacity, WithoutSlotsNothingStartsElsewhereEither) {
  Engine engine(Slots(0));
  engine.Tasks("far", At("vm://", 1, ParseTasks("a")));
  EXPECT_EQ(engine.Begin("far").back(), "prepare");
  EXPECT_EQ(engine.Take(CapacityChanged{Slots(1)}).back(), "start a.1");
}

}  // namespace
}  // namespace busker::plan

// Tasks that wait until they have succeeded in the run before.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

// A graph "g" that runs each hour; of its tasks those that are named depend on their past.
struct Past : testing::Test {
  void Define(const std::string& tasks, const Words& on_past, int runs_at_once = 16) {
    auto all = ParseTasks(tasks);
    graph.runs_at_once = runs_at_once;
    graph.past_roots.clear();
    bool roots = true;
    for (Task& task : all) {
      task.depends_on_past = std::find(on_past.begin(), on_past.end(), task.name) != on_past.end();
      if (!task.after.empty()) continue;
      graph.past_roots.push_back(task.name);
      roots = roots && task.depends_on_past;
    }
    if (!roots) graph.past_roots.clear();
    engine.Tasks("g", all);
    graph.catch_up = CatchUp::kAll;
    engine.Take(GraphDefined{graph});
  }
  State StateOf(const std::string& run, const std::string& task) {
    const DagRun* found = engine.agenda().FindRun(run);
    if (found == nullptr) return State::kSkipped;
    for (const Task& same : found->tasks) {
      if (same.name == task) return same.state;
    }
    return State::kSkipped;
  }
  // A run as it ended, for a retry by hand.
  DagRun Ended(const std::string& id, const std::string& tasks, const std::string& failed,
               const Words& on_past) {
    DagRun run;
    for (const DagRun& queued : engine.queued()) {
      if (queued.id == id) run = queued;
    }
    run.prepared = true;
    run.state = State::kFailed;
    run.tasks = ParseTasks(tasks);
    for (Task& task : run.tasks) {
      task.attempts = 1;
      task.state = task.name == failed ? State::kFailed : State::kSucceeded;
      task.depends_on_past = std::find(on_past.begin(), on_past.end(), task.name) != on_past.end();
    }
    return run;
  }
  std::string Why(const std::string& run, const std::string& task) {
    return engine.agenda().ExplainTask(run, task, engine.wake_at().value_or(kNoon));
  }

  Engine engine;
  Graph graph = ParseGraph("0 * * * *");
  Instant one = kNoon + hours(1), two = kNoon + hours(2), three = kNoon + hours(3);
};

// One task that failed held up the whole graph, whichever task depended on its past.
TEST_F(Past, OfOneTaskIsNoneOfTheOthers) {
  Define("load; report", {"load"}, 1);
  engine.Wait(one);
  engine.Take(Success("load"), one);
  engine.Take(Failure("report"), one);
  EXPECT_TRUE(engine.agenda().Idle());
  engine.Wait(two);
  EXPECT_EQ(StateOf("r2", "load"), State::kRunning);
  EXPECT_EQ(StateOf("r2", "report"), State::kRunning);
}

TEST_F(Past, HoldsTheTaskAndWhatIsBehindItAndLetsTheRestGo) {
  Define("load -> clean; report", {"load"});
  engine.Wait(one);
  engine.Take({Failure("load"), Success("report")}, one);
  engine.Wait(two);
  EXPECT_EQ(StateOf("r2", "load"), State::kQueued);
  EXPECT_EQ(StateOf("r2", "clean"), State::kQueued);
  EXPECT_EQ(StateOf("r2", "report"), State::kRunning);
  EXPECT_EQ(Why("r2", "load"),
            "load waits: load of run r1, the one before, did not succeed (depends_on_past); busker "
            "retry that run, or busker skip r2 load goes on without it");
  engine.Take(Success("report", 1, "r2"), two);
  EXPECT_NE(engine.agenda().ExplainRun("r2", two).find("load waits: load of run r1"),
            std::string::npos);
  // Skipped by hand it goes on, and is a good past for the next.
  engine.Take(SkipRequested{"r2", "load", "someone"}, two);
  EXPECT_EQ(StateOf("r2", "clean"), State::kRunning);
  engine.Take(Success("clean", 1, "r2"), two);
  engine.Wait(three);
  EXPECT_EQ(StateOf("r3", "load"), State::kRunning);
}

TEST_F(Past, OfARunThatIsAtWorkIsWaitedFor) {
  Define("load; report", {"load"});
  engine.Wait(one);
  engine.Wait(two);
  EXPECT_EQ(StateOf("r2", "report"), State::kRunning);
  EXPECT_EQ(Why("r2", "load"),
            "load waits: load of run r1 for 1970-01-01, the one before, has not ended "
            "(depends_on_past)");
  EXPECT_EQ(engine.Take(Success("load"), two),
            (Words{"load succeeded", "r2 load running", "r2 start load.1"}));
}

// The run that waited for its past took the only place at work, which its past needed.
TEST_F(Past, IsTakenUpAgainBeforeTheRunThatWaitsForIt) {
  const Words all = {"load"};
  Define("load; report", all, 1);
  engine.Wait(one);
  engine.Take({Failure("load"), Success("report")}, one);
  engine.Wait(two);
  engine.Take(Success("report", 1, "r2"), two);
  engine.Wait(three);  // r3 waits behind r2, and would only wait for its own past
  EXPECT_FALSE(engine.agenda().FindRun("r3")->prepared);
  EXPECT_NE(engine.agenda().ExplainRun("r3", three).find("run r2 has not ended"),
            std::string::npos);
  for (const bool restart : {false, true}) {
    if (!restart) continue;
    engine.Restart();
    engine.Take(GraphDefined{graph}, three);
  }
  EXPECT_EQ(StateOf("r2", "load"), State::kQueued);
  engine.Take(RetryRequested{Ended("r1", "load; report", "load", all), "someone", ""}, three);
  EXPECT_EQ(StateOf("r1", "load"), State::kRunning);
  // What somebody starts is not kept waiting by one that waits for its past.
  engine.Take(Success("load", 2), three);
  EXPECT_EQ(StateOf("r2", "load"), State::kRunning);
  EXPECT_FALSE(engine.agenda().FindRun("r3")->prepared);
  engine.Take(Success("load", 1, "r2"), three);
  EXPECT_EQ(StateOf("r3", "load"), State::kRunning);
}

TEST_F(Past, DoesNotKeepWhatSomebodyStartsWaiting) {
  Define("load; report", {"load"}, 1);
  engine.Wait(one);
  engine.Take({Failure("load"), Success("report")}, one);
  engine.Wait(two);
  engine.Take(Success("report", 1, "r2"), two);
  engine.Begin("g", two);
  EXPECT_EQ(StateOf("r3", "load"), State::kRunning);  // and has no past itself
  // One at a time all the same: r2 waits until r3 has ended.
  engine.Take(SkipRequested{"r2", "load", "someone"}, two);
  EXPECT_EQ(engine.agenda().FindRun("r2"), nullptr);
}

TEST_F(Past, WaitsForRoomWhenOthersWentOnMeanwhile) {
  const Words all = {"load"};
  Define("load -> clean; report", all, 1);
  engine.Wait(one);
  engine.Take({Failure("load"), Success("report")}, one);
  engine.Wait(two);
  engine.Take(Success("report", 1, "r2"), two);
  engine.Begin("g", two);  // r3
  engine.Take(SkipRequested{"r2", "load", "someone"}, two);
  EXPECT_EQ(StateOf("r2", "clean"), State::kQueued);
  EXPECT_EQ(Why("r2", "clean"), "clean waits for other runs to end: 1 may run at once");
  engine.Take({Success("load", 1, "r3"), Success("report", 1, "r3")}, two);
  engine.Take(Success("clean", 1, "r3"), two);
  EXPECT_EQ(StateOf("r2", "clean"), State::kRunning);
}

// With each task on its past, nothing of the run could start: it is not prepared, so a file that is
// mended meanwhile is the one that it runs with.
TEST_F(Past, OfAllRootsHoldsTheRunBeforeItIsPrepared) {
  const Words all = {"load", "report"};
  Define("load -> report", all, 16);
  engine.Wait(one);
  engine.Take(Failure("load"), one);
  engine.Wait(two);
  EXPECT_FALSE(engine.agenda().FindRun("r2")->prepared);
  EXPECT_NE(engine.agenda().ExplainRun("r2", two).find("load of run r1, the one before"),
            std::string::npos);
  engine.Take(RetryRequested{Ended("r1", "load -> report", "load", all), "someone", ""}, two);
  EXPECT_FALSE(engine.agenda().FindRun("r2")->prepared);
  engine.Take(Success("load", 2), two);
  EXPECT_EQ(StateOf("r2", "load"), State::kRunning);
  engine.Take(Success("load", 1, "r2"), two);
  EXPECT_EQ(StateOf("r2", "report"), State::kRunning);  // r1's had succeeded before
}

// Skipped because of a failure is no success; skipped because nothing failed is.
TEST_F(Past, IsGoodWhenItWasSkippedForNoFailure) {
  for (const bool fails : {true, false}) {
    Engine fresh;
    auto tasks = ParseTasks("first -> load");
    tasks[1].depends_on_past = true;
    if (!fails) tasks[1].rule = TriggerRule::kOneFailed;
    fresh.Tasks("g", tasks);
    graph.past_roots.clear();
    fresh.Take(GraphDefined{graph});
    fresh.Wait(one);
    fresh.Take(fails ? Failure("first") : Success("first"), one);
    EXPECT_TRUE(fresh.agenda().Idle());
    tasks[1].rule = TriggerRule::kAllDone;
    fresh.Tasks("g", tasks);
    fresh.Wait(two);
    fresh.Take(Success("first", 1, "r2"), two);
    EXPECT_EQ(fresh.agenda().FindRun("r2")->tasks[1].state,
              fails ? State::kQueued : State::kRunning);
  }
}

TEST_F(Past, CleansUpBehindATaskThatIsHeldOnlyWhenThatHasEnded) {
  Define("load -> clean", {"load"});
  engine.Wait(one);
  engine.Take(Failure("load"), one);
  auto tasks = ParseTasks("first; load -> clean");
  tasks[1].depends_on_past = true;
  tasks[2].rule = TriggerRule::kAllDone;
  engine.Tasks("g", tasks);
  graph.past_roots.clear();
  engine.Take(GraphDefined{graph}, one);
  engine.Wait(two);
  EXPECT_EQ(StateOf("r2", "first"), State::kRunning);
  EXPECT_EQ(StateOf("r2", "clean"), State::kQueued);
  engine.Take({Success("first", 1, "r2"), CancelRequested{"r2", "someone"}}, two);
  // Cancelled before it began, it says nothing: the next run waits for the same past.
  engine.Wait(three);
  EXPECT_EQ(StateOf("r3", "load"), State::kQueued);
  EXPECT_NE(Why("r3", "load").find("load of run r1"), std::string::npos);
}

TEST_F(Past, IsRememberedOverARestart) {
  Define("load; report", {"load"});
  engine.Wait(one);
  engine.Take({Failure("load"), Success("report")}, one);
  engine.Restart();
  engine.Take(GraphDefined{graph}, one);
  engine.Wait(two);
  EXPECT_EQ(StateOf("r2", "load"), State::kQueued);
  EXPECT_EQ(StateOf("r2", "report"), State::kRunning);
  engine.Restart();
  engine.Take(GraphDefined{graph}, two);
  EXPECT_EQ(StateOf("r2", "load"), State::kQueued);
  engine.Take(Success("report", 1, "r2"), two);
  EXPECT_EQ(StateOf("r2", "load"), State::kQueued);
}

}  // namespace
}  // namespace busker::plan

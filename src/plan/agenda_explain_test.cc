// Why something runs, waits or has ended, in a sentence.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

struct Explain : testing::Test {
  std::string Run(const std::string& id) { return engine.agenda().ExplainRun(id, kNoon); }
  std::string Task(const std::string& name) {
    return engine.agenda().ExplainTask("r1", name, kNoon);
  }
  std::string OfGraph(const GraphKey& key = "g") {
    return engine.agenda().ExplainGraph(key, kNoon);
  }
  static Capacity OneSlot() {
    Capacity capacity;
    capacity.slots = 1;
    capacity.pools["gpu"] = 1;
    return capacity;
  }
  Engine engine{OneSlot()};
};

TEST_F(Explain, SaysWhatATaskWaitsFor) {
  auto tasks = ParseTasks("train -> promote; check; fast");
  tasks[0].retries = 1;
  tasks[0].retry_delay = minutes(5);
  tasks[3].priority = 1;
  engine.Tasks("g", tasks);
  engine.RunTimeout(hours(1));
  engine.Begin();
  EXPECT_EQ(Task("fast"),
            "fast runs: attempt 1 of at most 1, until 1970-01-01T13:00:00Z at the latest");
  EXPECT_EQ(Task("promote"),
            "promote waits for train (all_success), until 1970-01-01T13:00:00Z at the latest");
  EXPECT_EQ(Task("check"),
            "check waits for a slot: 1 of 1 are in use, until 1970-01-01T13:00:00Z at the latest");
  EXPECT_EQ(Run("r1"),
            "run r1 of g for 1970-01-01 runs fast (trigger: manual); 0 of 4 tasks have ended, "
            "until 1970-01-01T13:00:00Z at the latest");
  engine.Take(Success("fast"));
  engine.Take(Failure("train"));
  EXPECT_EQ(Task("train"),
            "train waits until 1970-01-01T12:05:00Z for its attempt 2: exit code 1, until "
            "1970-01-01T13:00:00Z at the latest");
  EXPECT_EQ(Task("fast"), "fast succeeded");
  EXPECT_EQ(Task("slow"), "run r1 has no task slow");
  EXPECT_EQ(engine.agenda().ExplainTask("r9", "fast", kNoon), "run r9 has ended");
}

TEST_F(Explain, SaysWhatATaskThatEndedEndedOf) {
  engine.Tasks("g", ParseTasks("train -> promote; check"));
  engine.Begin();
  engine.Take(Failure("train"));
  EXPECT_EQ(Task("train"), "train failed: exit code 1");
  EXPECT_EQ(Task("promote"), "promote was skipped: train failed");
}

TEST_F(Explain, SaysWhatAQueuedRunWaitsFor) {
  Graph graph = ParseGraph("0 13 * * *");
  engine.Take(GraphDefined{graph});
  engine.Begin();
  engine.Begin();
  EXPECT_EQ(Run("r2"),
            "run r2 of g for 1970-01-01 is queued: run r1 has not ended, and 1 of them may run at "
            "once");
  engine.Wait(kNoon + hours(1));
  engine.Take(GraphPaused{"g", true, "someone"});
  EXPECT_EQ(Run("r3"),
            "run r3 of g for 1970-01-01 is queued: g is paused by someone; busker resume goes on");
  EXPECT_EQ(Run("r9"), "run r9 has ended");
}

TEST_F(Explain, SaysWhenAGraphRunsNext) {
  EXPECT_EQ(OfGraph(), "g is not known");
  engine.Take(GraphDefined{ParseGraph("0 13 * * *")});
  EXPECT_EQ(OfGraph(),
            "g runs next at 1970-01-01T13:00:00Z, by its schedule \"0 13 * * *\" in UTC");
  engine.Take(GraphPaused{"g", true, "someone"});
  EXPECT_EQ(OfGraph(),
            "g is paused by someone: nothing of it starts by itself until busker resume");
  engine.Take(GraphRemoved{"g"});
  EXPECT_EQ(OfGraph(), "g does not run: no file defines it any more; it runs when one does again");
  Graph report = ParseGraph("", "report");
  engine.Take(GraphDefined{report});
  EXPECT_EQ(OfGraph("report"), "report has no schedule: it runs when somebody starts it");
  report.after = {"churn"};
  engine.Take(GraphDefined{report});
  EXPECT_EQ(OfGraph("report"),
            "report runs after a success of churn; runs of a backfill do not count");
}

}  // namespace
}  // namespace busker::plan

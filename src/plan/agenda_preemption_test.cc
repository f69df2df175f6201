// Attempts whose machine was taken away by whoever lent it.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

std::vector<Task> Work(int retries, int preemptions_max) {
  std::vector<Task> tasks = ParseTasks("work");
  tasks[0].retries = retries;
  tasks[0].retry_delay = std::chrono::minutes(10);
  tasks[0].preemptions_max = preemptions_max;
  return tasks;
}

// Three preemptions used up the two retries of a program with which nothing was wrong.
TEST(Preemption, UsesUpNoTryAndIsBegunAgainAtOnce) {
  Engine engine;
  engine.Tasks("g", Work(1, 2));
  engine.Begin();
  EXPECT_EQ(
      engine.Take(Preempted("work", 1)),
      (Words{"forgive work.1", "work queued", "retry work.2", "work running", "start work.2"}));
  EXPECT_EQ(engine.agenda().FindRun("r1")->tasks[0].preemptions, 1);
  EXPECT_EQ(engine.agenda().ExplainTask("r1", "work", kNoon),
            "work runs: attempt 2 of at most 3 (1 before it was preempted)");
  EXPECT_EQ(engine.Take(Preempted("work", 2)).back(), "start work.3");
  // The program's own failure is the first of two tries, and the delay is that of a first retry.
  engine.Take(Failure("work", 3));
  EXPECT_EQ(engine.wake_at(), kNoon + std::chrono::minutes(10));
  EXPECT_EQ(engine.Wait(kNoon + std::chrono::minutes(10)).back(), "start work.4");
  EXPECT_EQ(engine.Take(Failure("work", 4)), (Words{"work failed", "run failed", "tell failed"}));
}

TEST(Preemption, BeyondItsBudgetIsAFailedTry) {
  Engine engine;
  engine.Tasks("g", Work(0, 1));
  engine.Begin();
  EXPECT_EQ(engine.Take(Preempted("work", 1)).back(), "start work.2");
  EXPECT_EQ(engine.Take(Preempted("work", 2)), (Words{"work failed", "run failed", "tell failed"}));
}

// What has no machine of its own cannot lose it, whatever its record says.
TEST(Preemption, OfATaskThatAllowsNoneIsAFailedTry) {
  Engine engine;
  engine.Tasks("g", Work(0, 0));
  engine.Begin();
  EXPECT_EQ(engine.Take(Preempted("work", 1)).front(), "work failed");
}

TEST(Preemption, OfACancelledRunIsNotBegunAgain) {
  Engine engine;
  engine.Tasks("g", Work(3, 2));
  engine.Begin();
  engine.Take(CancelRequested{"r1", "me"});
  EXPECT_EQ(engine.Take(Preempted("work", 1)).front(), "work cancelled");
}

TEST(Preemption, IsRememberedOverARestart) {
  Engine engine;
  engine.Tasks("g", Work(0, 1));
  engine.Begin();
  engine.Take(Preempted("work", 1));
  engine.Restart();
  engine.Wait(kNoon);
  EXPECT_EQ(engine.Take(Preempted("work", 2)).front(), "work failed");
}

TEST(Preemption, HasItsBudgetAnewWhenAPersonTakesTheRunUpAgain) {
  Engine engine;
  engine.Tasks("g", Work(0, 1));
  engine.Begin();
  engine.Take(Preempted("work", 1));
  const DagRun running = *engine.agenda().FindRun("r1");
  engine.Take(Preempted("work", 2));
  DagRun ended = running;
  ended.state = ended.tasks[0].state = State::kFailed;
  ended.tasks[0].attempt_running = false;
  EXPECT_EQ(engine.Take(RetryRequested{ended, "me", ""}).back(), "start work.3");
  EXPECT_EQ(engine.Take(Preempted("work", 3)).back(), "start work.4");
}

}  // namespace
}  // namespace busker::plan

// A clock that was ahead for a moment, and is right again.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

constexpr Milliseconds kYear = hours(24 * 365);

Graph EachMinute(CatchUp catch_up, const GraphKey& key = "g") {
  Graph graph = ParseGraph("* * * * *", key);
  graph.catch_up = catch_up;
  graph.runs_at_once = 2000;
  return graph;
}

std::vector<long> LastDues(const Engine& engine, std::size_t from) {
  const auto dues = engine.Dues();
  return {dues.begin() + static_cast<std::ptrdiff_t>(from), dues.end()};
}

// A year ahead for some seconds, and nothing came due for a year; through restarts, too.
TEST(ClockAhead, SilencesNoScheduleWhenItIsRightAgain) {
  for (const bool restart : {false, true}) {
    for (const CatchUp policy : {CatchUp::kNone, CatchUp::kLatest}) {
      Engine engine;
      engine.Take(GraphDefined{EachMinute(policy)});
      engine.Wait(kNoon + minutes(1));
      engine.Take(ClockStepped{kYear}, kNoon + kYear + minutes(1));
      const std::size_t before = engine.Dues().size();
      const Instant right = kNoon + minutes(1) + seconds(8);
      if (restart) {
        engine.Restart();
        engine.Take(GraphDefined{EachMinute(policy)}, right);
      } else {
        engine.Take(ClockStepped{-kYear}, right);
      }
      EXPECT_EQ(engine.wake_at(), kNoon + minutes(2));
      for (int minute = 2; minute <= 4; ++minute) engine.Wait(kNoon + minutes(minute));
      EXPECT_EQ(LastDues(engine, before), (std::vector<long>{2, 3, 4})) << restart;
    }
  }
}

// No instant runs twice, whatever the clock did; and what was queued for one to come waits for it.
TEST(ClockAhead, RunsNoInstantTwiceAndNoneBeforeItsTime) {
  for (const bool restart : {false, true}) {
    Engine engine;
    Graph graph = EachMinute(CatchUp::kAll);
    graph.runs_at_once = 1;
    engine.Take(GraphDefined{graph});
    engine.Take(ClockStepped{minutes(4)}, kNoon + minutes(4));  // r1 to r4; r1 runs
    EXPECT_EQ(engine.Dues(), (std::vector<long>{1, 2, 3, 4}));
    const Instant right = kNoon + seconds(8);
    if (restart) {
      engine.Restart();
      engine.Take(GraphDefined{graph}, right);
    } else {
      engine.Take(ClockStepped{-minutes(4)}, right);
    }
    engine.Take(Success("work"), right);
    EXPECT_FALSE(engine.agenda().FindRun("r2")->prepared);
    EXPECT_EQ(
        engine.agenda().ExplainRun("r2", right),
        "run r2 of g for 1970-01-01 is queued: its instant, 1970-01-01T12:02:00Z, is still to "
        "come: the clock was ahead when it was queued");
    EXPECT_EQ(engine.Wait(kNoon + minutes(1)), Words{});  // it has had its run
    for (int minute = 2; minute <= 6; ++minute) {
      engine.Wait(kNoon + minutes(minute));
      engine.Take(Success("work", 1, "r" + std::to_string(minute)), kNoon + minutes(minute));
    }
    EXPECT_EQ(engine.Dues(), (std::vector<long>{1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(engine.agenda().Idle());
  }
}

TEST(ClockAhead, LeavesNoRunBehindThatOthersGiveWayTo) {
  for (const Overlap overlap : {Overlap::kSkip, Overlap::kReplace}) {
    Engine engine;
    Graph graph = EachMinute(CatchUp::kAll);
    graph.runs_at_once = 1;
    engine.Take(GraphDefined{graph});
    engine.Take(ClockStepped{minutes(3)}, kNoon + minutes(3));
    engine.Take({ClockStepped{-minutes(3)}, Success("work")}, kNoon + seconds(8));
    graph.overlap = overlap;
    engine.Take(GraphDefined{graph}, kNoon + seconds(9));
    engine.Begin("g", kNoon + seconds(10));
    EXPECT_EQ(engine.agenda().FindRun("r4")->state, State::kRunning);
    ASSERT_NE(engine.agenda().FindRun("r2"), nullptr);
    EXPECT_FALSE(engine.agenda().FindRun("r2")->cancel_requested);
  }
}

// That a run of the future had succeeded was the answer to each question of the present.
TEST(ClockAhead, DoesNotAnswerForWhatIsExpectedNow) {
  for (const bool restart : {false, true}) {
    Engine engine;
    Graph graph = ParseGraph("0 * * * *");
    graph.expected_by = ParseGraph("30 * * * *").schedule;
    engine.Take(GraphDefined{graph});
    engine.Take(ClockStepped{kYear}, kNoon + kYear);
    engine.Take(Success("work"), kNoon + kYear);
    const Instant right = kNoon + minutes(5);
    if (restart) {
      engine.Restart();
      engine.Take(GraphDefined{graph}, right);
    } else {
      engine.Take(ClockStepped{-kYear}, right);
    }
    engine.Wait(kNoon + minutes(60));
    EXPECT_EQ(engine.Wait(kNoon + minutes(90)), Words{"tell late"}) << restart;
  }
}

TEST(ClockAhead, DoesNotSilenceWhatRunsAfterOthers) {
  Engine engine;
  Graph report = ParseGraph("", "report");
  report.after = {"a", "b"};
  const std::vector<Event> all = {GraphDefined{ParseGraph("", "a")},
                                  GraphDefined{ParseGraph("", "b")}, GraphDefined{report}};
  engine.Take(all);
  engine.Take(ClockStepped{kYear}, kNoon + kYear);
  engine.Begin("a", kNoon + kYear);
  engine.Begin("b", kNoon + kYear);
  engine.Take({Success("work"), Success("work", 1, "r2")}, kNoon + kYear);
  engine.Take(Success("work", 1, "r3"), kNoon + kYear);
  ASSERT_TRUE(engine.agenda().Idle());
  engine.Restart();
  engine.Take(all, kNoon + minutes(1));
  engine.Begin("a", kNoon + minutes(2));
  engine.Begin("b", kNoon + minutes(2));
  engine.Take(Success("work", 1, "r4"), kNoon + minutes(2));
  engine.Take(Success("work", 1, "r5"), kNoon + minutes(3));
  EXPECT_GE(engine.agenda().UnfinishedOf("report").size(), 1u);
}

TEST(ClockAhead, PutsOffNoRetryAndNoDeadlineAfterARestart) {
  Engine engine;
  auto tasks = ParseTasks("train; check");
  tasks[1].retries = 1;
  tasks[1].retry_delay = minutes(1);
  engine.Tasks("g", tasks);
  engine.RunTimeout(minutes(10));
  engine.Begin("g", kNoon + kYear);
  engine.Take(Failure("check"), kNoon + kYear);
  engine.Restart();
  EXPECT_EQ(engine.Wait(kNoon), (Words{"deadline", "retry check.2"}));
  EXPECT_EQ(engine.Wait(kNoon + minutes(1)), (Words{"check running", "start check.2"}));
  EXPECT_EQ(engine.Wait(kNoon + minutes(10)), (Words{"stop train.1", "stop check.2"}));
}

// Resumed within a minute after an instant, what was to miss it ran all the same.
TEST(Pause, IsNoSlownessForWhichAnInstantIsStillOnTime) {
  for (const CatchUp policy : {CatchUp::kNone, CatchUp::kLatest, CatchUp::kAll}) {
    Engine engine;
    Graph graph = EachMinute(policy);
    engine.Take(GraphDefined{graph});
    engine.Take(GraphPaused{"g", true, "someone"});
    engine.Wait(kNoon + minutes(2) + seconds(5));
    engine.Take(GraphPaused{"g", false, "someone"}, kNoon + minutes(2) + seconds(5));
    const auto missed = policy == CatchUp::kNone     ? std::vector<long>{}
                        : policy == CatchUp::kLatest ? std::vector<long>{2}
                                                     : std::vector<long>{1, 2};
    EXPECT_EQ(engine.Dues(), missed) << NameOf(policy);
    if (!missed.empty()) {
      EXPECT_EQ(engine.queued().back().trigger, "catch-up");
    }
    engine.Wait(kNoon + minutes(3));
    EXPECT_EQ(engine.Dues().size(), missed.size() + 1);
    EXPECT_EQ(engine.queued().back().trigger, "schedule");
  }
}

TEST(Pause, IsHowWhatWasNeverSeenBeginsWhenAsked) {
  Engine engine;
  Graph graph = EachMinute(CatchUp::kLatest);
  graph.start = kNoon - hours(1);
  engine.Take(GraphDefined{EachMinute(CatchUp::kLatest, "known")});
  engine.Take({GraphDefined{graph, "up --paused"},
               GraphDefined{EachMinute(CatchUp::kLatest, "known"), "up --paused"}},
              kNoon + seconds(1));
  EXPECT_TRUE(engine.agenda().FindMemory("g")->paused);
  EXPECT_FALSE(engine.agenda().FindMemory("known")->paused);
  engine.Wait(kNoon + minutes(1));
  ASSERT_EQ(engine.queued().size(), 1u);
  EXPECT_EQ(engine.queued()[0].graph, "known");
}

}  // namespace
}  // namespace busker::plan

// What time brings: schedules, their catch-up, edits and pauses, expectations, chains.
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

Graph Hourly(CatchUp catch_up = CatchUp::kLatest) {
  Graph graph = ParseGraph("0 * * * *");
  graph.catch_up = catch_up;
  graph.runs_at_once = 100;
  return graph;
}

TEST(Schedule, QueuesARunAtItsInstant) {
  Engine engine;
  EXPECT_EQ(engine.Take(GraphDefined{ParseGraph("30 12 * * *")}), Words{"note graph defined"});
  EXPECT_EQ(engine.wake_at(), kNoon + minutes(30));
  EXPECT_EQ(engine.Wait(kNoon + minutes(30)),
            (Words{"queue", "prepare", "run running", "work running", "start work.1"}));
  EXPECT_EQ(engine.queued().front().due, kNoon + minutes(30));
  EXPECT_EQ(engine.queued().front().trigger, "schedule");
  EXPECT_EQ(engine.wake_at(), kNoon + hours(24) + minutes(30));
}

TEST(Schedule, OfARunIsItsDataDateInTheZone) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("0 8 * * *", "g", "Pacific/Auckland")});
  engine.Wait(kNoon + hours(8));  // 20:00 UTC, 8:00 of the next day there (New Zealand was +12)
  ASSERT_EQ(engine.queued().size(), 1u);
  EXPECT_EQ(engine.queued().front().data_date, "1970-01-02");
}

// The memory of each of ten thousand graphs was written beside its run, which says the same.
TEST(Schedule, OfARunThatHasNotEndedIsDealtWithByThatAlone) {
  const auto make = [] { return Agenda([](Instant) { return std::string("r1"); }); };
  const std::vector<Event> defined = {GraphDefined{Hourly()}};
  Agenda first = make();
  const Advanced noted = first.Advance(defined, kNoon);
  const auto memory = std::get<GraphNoted>(noted.decisions.front()).memory;
  const Advanced due = first.Advance({}, kNoon + minutes(60));
  std::vector<DagRun> runs;
  for (const Decision& decision : due.decisions) {
    EXPECT_FALSE(std::holds_alternative<GraphNoted>(decision));
    if (const auto* queued = std::get_if<RunQueued>(&decision)) runs.push_back(queued->run);
  }
  ASSERT_EQ(runs.size(), 1U);
  Agenda second = make();
  second.Restore({memory}, runs);
  for (const Decision& decision : second.Advance(defined, kNoon + minutes(61)).decisions) {
    EXPECT_FALSE(std::holds_alternative<RunQueued>(decision));
  }
  EXPECT_EQ(second.FindMemory("g")->cursor, kNoon + minutes(60));
}

TEST(Schedule, ANewGraphBeginsNow) {
  for (const CatchUp policy : {CatchUp::kNone, CatchUp::kLatest, CatchUp::kAll}) {
    Engine engine;
    engine.Take(GraphDefined{Hourly(policy)}, kNoon + minutes(5));
    engine.Wait(kNoon + minutes(59));
    EXPECT_EQ(engine.Dues(), std::vector<long>{});
  }
}

TEST(CatchUp, OfADowntimeIsByPolicy) {
  const std::vector<std::pair<CatchUp, std::vector<long>>> cases = {
      {CatchUp::kNone, {}}, {CatchUp::kLatest, {180}}, {CatchUp::kAll, {60, 120, 180}}};
  for (const auto& [policy, dues] : cases) {
    Engine engine;
    engine.Take(GraphDefined{Hourly(policy)});
    engine.Restart();
    engine.Take(GraphDefined{Hourly(policy)}, kNoon + minutes(200));
    EXPECT_EQ(engine.Dues(), dues) << NameOf(policy);
    if (!dues.empty()) {
      EXPECT_EQ(engine.queued().front().trigger, "catch-up");
    }
    engine.Restart();
    engine.Take(GraphDefined{Hourly(policy)}, kNoon + minutes(201));
    EXPECT_EQ(engine.Dues(), dues) << NameOf(policy);
  }
}

// A turn a minute late had two instants of a schedule that runs each minute on time, and ran one.
TEST(CatchUp, WhatIsNotAMinuteLateIsOnTimeWhateverThePolicy) {
  for (const CatchUp policy : {CatchUp::kNone, CatchUp::kLatest, CatchUp::kAll}) {
    Engine engine;
    Graph graph = Hourly(policy);
    graph.schedule = ParseGraph("* * * * *").schedule;
    engine.Take(GraphDefined{graph});
    engine.Wait(kNoon + minutes(2));
    EXPECT_EQ(engine.Dues(), (std::vector<long>{1, 2})) << NameOf(policy);
  }
}

TEST(CatchUp, OfWhatIsOlderThanTheWindowIsLeftOut) {
  for (const CatchUp policy : {CatchUp::kLatest, CatchUp::kAll}) {
    Engine engine;
    Graph graph = Hourly(policy);
    graph.catch_up_window = minutes(90);
    engine.Take(GraphDefined{graph});
    engine.Wait(kNoon + minutes(200));
    EXPECT_EQ(engine.Dues(),
              (policy == CatchUp::kAll ? std::vector<long>{120, 180} : std::vector<long>{180}));
    graph.catch_up_window = minutes(10);
    engine.Take(GraphDefined{graph}, kNoon + minutes(205));
    engine.Wait(kNoon + minutes(320));
    EXPECT_EQ(engine.queued().size(), policy == CatchUp::kAll ? 2u : 1u);
  }
}

// With "skip" no number of runs was outstanding, so one turn queued and skipped all of a year.
TEST(CatchUp, OfAYearOfMinutesIsNotOneTurn) {
  Engine engine;
  Graph graph = Hourly(CatchUp::kAll);
  graph.schedule = ParseGraph("* * * * *").schedule;
  graph.overlap = Overlap::kSkip;
  engine.Take(GraphDefined{graph});
  const Instant later = kNoon + hours(24 * 365);
  engine.Wait(later);
  EXPECT_EQ(engine.queued().size(), 1000u);
  EXPECT_EQ(engine.wake_at(), later + Milliseconds(1));
  engine.Wait(*engine.wake_at());
  EXPECT_EQ(engine.queued().size(), 2000u - 1);  // one has not ended, and counts
}

TEST(CatchUp, WaitsWhileAThousandRunsAreOutstanding) {
  Engine engine;
  Graph graph = Hourly(CatchUp::kAll);
  graph.runs_at_once = 1;
  engine.Take(GraphDefined{graph});
  const Instant later = kNoon + hours(1500);
  engine.Wait(later);
  EXPECT_EQ(engine.queued().size(), 1000u);
  EXPECT_GT(engine.wake_at().value_or(later + hours(1)), later + hours(0));
  engine.Take(Success("work"), later);
  engine.Wait(*engine.wake_at());
  EXPECT_EQ(engine.queued().size(), 1001u);
  EXPECT_EQ(engine.Dues().back(), 1001 * 60);
}

TEST(Clock, SteppedBackCreatesNoSecondRun) {
  Engine engine;
  engine.Take(GraphDefined{Hourly(CatchUp::kAll)});
  engine.Wait(kNoon + minutes(60));
  engine.Take(ClockStepped{-minutes(30)}, kNoon + minutes(30));
  engine.Wait(kNoon + minutes(60));
  engine.Wait(kNoon + minutes(120));
  EXPECT_EQ(engine.Dues(), (std::vector<long>{60, 120}));
}

// The timer had gone off during the pause; the same instant, come again, was taken for awaited.
TEST(Clock, SteppedBackDuringAPauseKeepsTheSchedule) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  engine.Take(GraphPaused{"g", true, "someone"});
  engine.Wait(kNoon + minutes(60));
  engine.Take(ClockStepped{-minutes(30)}, kNoon + minutes(30));
  engine.Take(GraphPaused{"g", false, "someone"}, kNoon + minutes(31));
  EXPECT_EQ(engine.wake_at(), kNoon + minutes(60));
  engine.Wait(kNoon + minutes(60));
  EXPECT_EQ(engine.Dues(), std::vector<long>{60});
}

TEST(Pause, CreatesNoneAndResumesAsAfterADowntime) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  EXPECT_EQ(engine.Take(GraphPaused{"g", true, "someone"}), Words{"note paused"});
  EXPECT_EQ(engine.Take(GraphPaused{"g", true, "someone"}), Words{});
  engine.Wait(kNoon + minutes(185));
  EXPECT_EQ(engine.Dues(), std::vector<long>{});
  engine.Take(GraphPaused{"g", false, "someone"}, kNoon + minutes(190));
  EXPECT_EQ(engine.Dues(), std::vector<long>{180});
}

TEST(Pause, LetsRunsByHandGoOn) {
  Engine engine;
  Graph graph = Hourly();
  graph.runs_at_once = 1;
  engine.Take(GraphDefined{graph});
  engine.Begin();
  engine.Wait(kNoon + minutes(60));
  engine.Take(GraphPaused{"g", true, "someone"}, kNoon + minutes(61));
  engine.Begin("g", kNoon + minutes(61));
  EXPECT_EQ(engine.Take(Success("work"), kNoon + minutes(62)),
            (Words{"work succeeded", "run succeeded", "r3 prepare", "r3 run running",
                   "r3 work running", "r3 start work.1"}));
}

TEST(Edit, NeitherRepeatsNorDropsAnInstant) {
  Engine engine;
  Graph graph = Hourly();
  engine.Take(GraphDefined{graph});
  graph.schedule = ParseGraph("30 * * * *").schedule;
  graph.schedule_text = "30 * * * *";
  // The turn in which the edit is heard is the one in which 13:00 comes due.
  EXPECT_EQ(engine.Take(GraphDefined{graph}, kNoon + minutes(60)).back(), "start work.1");
  engine.Wait(kNoon + minutes(89));
  EXPECT_EQ(engine.Dues(), std::vector<long>{60});
  engine.Wait(kNoon + minutes(90));
  engine.Take(GraphDefined{Hourly()}, kNoon + minutes(95));
  engine.Wait(kNoon + minutes(120));
  EXPECT_EQ(engine.Dues(), (std::vector<long>{60, 90, 120}));
}

// The edit moved the cursor to its own time, and what the pause had held back was forgotten.
TEST(Edit, DuringAPauseLeavesTheRestToTheNewSchedule) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  engine.Take(GraphPaused{"g", true, "someone"});
  Graph graph = Hourly();
  graph.schedule_text = "0,30 * * * *";
  graph.schedule = ParseGraph("0,30 * * * *").schedule;
  engine.Take(GraphDefined{graph}, kNoon + minutes(70));
  engine.Take(GraphPaused{"g", false, "someone"}, kNoon + minutes(80));
  EXPECT_EQ(engine.Dues(), std::vector<long>{60});
}

// The cursor of a graph whose start lay ahead was that start, also when it was then moved nearer.
TEST(Edit, MayMoveTheStartNearer) {
  Engine engine;
  Graph graph = Hourly();
  graph.start = kNoon + hours(48);
  engine.Take(GraphDefined{graph});
  graph.start = kNoon + hours(2);
  engine.Take(GraphDefined{graph}, kNoon + minutes(5));
  engine.Wait(kNoon + hours(1));
  EXPECT_EQ(engine.Dues(), std::vector<long>{});
  engine.Wait(kNoon + hours(2));
  EXPECT_EQ(engine.Dues(), std::vector<long>{120});
}

TEST(Removal, EndsTheScheduleAndItsReturnIsADowntime) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  EXPECT_EQ(engine.Take(GraphRemoved{"g"}), Words{"note graph removed"});
  engine.Wait(kNoon + minutes(130));
  EXPECT_EQ(engine.Dues(), std::vector<long>{});
  engine.Take(GraphDefined{Hourly()}, kNoon + minutes(140));
  EXPECT_EQ(engine.Dues(), std::vector<long>{120});
}

TEST(Bounds, HoldTheScheduleBetweenStartAndEnd) {
  Engine engine;
  Graph graph = Hourly(CatchUp::kAll);
  graph.start = kNoon - hours(2);
  graph.end = kNoon + hours(1);
  engine.Take(GraphDefined{graph});
  engine.Wait(kNoon + hours(5));
  EXPECT_EQ(engine.Dues(), (std::vector<long>{-120, -60, 0, 60}));
}

TEST(Interval, IsDueAtTheEndOfWhatItIsFor) {
  Engine engine;
  Graph graph = ParseGraph("0 0 * * *");
  graph.interval = true;
  graph.start = kNoon + hours(12);  // 2 January
  engine.Take(GraphDefined{graph});
  engine.Wait(kNoon + hours(12));
  EXPECT_EQ(engine.Dues(), std::vector<long>{});
  engine.Wait(kNoon + hours(36));
  ASSERT_EQ(engine.queued().size(), 1u);
  EXPECT_EQ(engine.queued()[0].due, kNoon + hours(36));
  EXPECT_EQ(engine.queued()[0].data_date, "1970-01-02");
}

TEST(Once, RunsOnceAtItsStart) {
  Engine engine;
  Graph graph = ParseGraph("@once");
  graph.start = kNoon + hours(1);
  engine.Take(GraphDefined{graph});
  EXPECT_EQ(engine.wake_at(), kNoon + hours(1));
  EXPECT_EQ(engine.agenda().Coming("g", kNoon, 5), std::vector<Instant>{kNoon + hours(1)});
  engine.Wait(kNoon + hours(1));
  engine.Restart();
  engine.Take(GraphDefined{graph}, kNoon + hours(3));
  EXPECT_EQ(engine.Dues(), std::vector<long>{60});
}

// A graph that had run by a schedule never ran as "@once": it seemed to have.
TEST(Once, MayComeAfterASchedule) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  engine.Wait(kNoon + minutes(60));
  engine.Take(GraphDefined{ParseGraph("@once")}, kNoon + minutes(60));
  EXPECT_EQ(engine.queued().size(), 2u);
  EXPECT_NE(engine.queued()[0].due, engine.queued()[1].due);
  engine.Take(GraphDefined{Hourly()}, kNoon + minutes(70));
  engine.Wait(kNoon + minutes(120));
  EXPECT_EQ(engine.queued().size(), 3u);
}

// "report", after "churn" and "value".
Graph Report() {
  Graph report = ParseGraph("", "report");
  report.after = {"churn", "value"};
  return report;
}
std::vector<Event> ReportAndItsSources() {
  return {GraphDefined{Report()}, GraphDefined{ParseGraph("", "churn")},
          GraphDefined{ParseGraph("", "value")}};
}

// A success of a backfill counted as the last success of its graph, so that the report ran for a
// date of which only one of its sources had succeeded.
TEST(After, ASuccessOfABackfillIsNone) {
  Engine engine;
  engine.Take(ReportAndItsSources());
  DagRun filled = Engine::Request("churn");
  filled.batch = "b";
  engine.Take(RunRequested{filled});
  EXPECT_EQ(engine.Take(Success("work"), kNoon + minutes(1)).back(), "run succeeded");
  EXPECT_FALSE(engine.agenda().FindMemory("churn")->last_success);
  engine.Begin("value", kNoon + minutes(2));
  EXPECT_EQ(engine.Take(Success("work", 1, "r2"), kNoon + minutes(3)).back(), "r2 run succeeded");
  engine.Begin("churn", kNoon + minutes(4));
  EXPECT_EQ(engine.Take(Success("work", 1, "r3"), kNoon + minutes(5)).back(), "r4 start work.1");
  // Nor does one that comes last bring it about.
  engine.Take(Success("work", 1, "r4"), kNoon + minutes(6));
  engine.Begin("value", kNoon + minutes(7));
  engine.Take(Success("work", 1, "r5"), kNoon + minutes(8));
  engine.Take(RunRequested{filled}, kNoon + minutes(9));
  EXPECT_EQ(engine.Take(Success("work", 1, "r6"), kNoon + minutes(10)).back(), "r6 run succeeded");
}

TEST(After, RunsWhenEachHasSucceededSinceItLastRan) {
  Engine engine;
  engine.Take(ReportAndItsSources());
  engine.Begin("churn");
  EXPECT_EQ(engine.Take(Success("work"), kNoon + minutes(1)).back(), "run succeeded");
  engine.Begin("value", kNoon + minutes(2));
  EXPECT_EQ(engine.Take(Failure("work", 1, "r2"), kNoon + minutes(3)).back(), "tell failed");
  engine.Begin("value", kNoon + minutes(4));
  EXPECT_EQ(engine.Take(Success("work", 1, "r3"), kNoon + minutes(5)).back(), "r4 start work.1");
  EXPECT_EQ(engine.queued().back().graph, "report");
  EXPECT_EQ(engine.queued().back().trigger, "after value (run r3)");
  // From here on both have to succeed again, whichever is first.
  engine.Take(Success("work", 1, "r4"), kNoon + minutes(6));
  engine.Begin("value", kNoon + minutes(7));
  EXPECT_EQ(engine.Take(Success("work", 1, "r5"), kNoon + minutes(8)).back(), "r5 run succeeded");
  engine.Begin("churn", kNoon + minutes(9));
  EXPECT_EQ(engine.Take(Success("work", 1, "r6"), kNoon + minutes(10)).back(), "r7 start work.1");
}

TEST(After, KnowsAfterARestartWhatHasSucceededSinceItLastRan) {
  Engine engine;
  engine.Take(ReportAndItsSources());
  engine.Begin("churn");
  engine.Take(Success("work"), kNoon + minutes(1));
  engine.Restart();
  engine.Take(ReportAndItsSources(), kNoon + minutes(2));
  engine.Begin("value", kNoon + minutes(3));
  EXPECT_EQ(engine.Take(Success("work", 1, "r2"), kNoon + minutes(4)).back(), "r3 start work.1");
  engine.Take(Success("work", 1, "r3"), kNoon + minutes(5));
  engine.Restart();
  engine.Take(ReportAndItsSources(), kNoon + minutes(6));
  engine.Begin("churn", kNoon + minutes(7));
  EXPECT_EQ(engine.Take(Success("work", 1, "r4"), kNoon + minutes(8)).back(), "r4 run succeeded");
}

TEST(ByHand, NothingStartsByItselfAndTheScheduleIsTakenUpLaterWhereItWas) {
  Engine engine;
  engine.Take(GraphDefined{Hourly()});
  Graph by_hand = Hourly();
  by_hand.by_hand = true;
  engine.Take(GraphDefined{by_hand});
  EXPECT_EQ(engine.Wait(kNoon + minutes(61)), Words{});
  EXPECT_EQ(engine.wake_at(), std::nullopt);
  EXPECT_EQ(engine.Begin("g", kNoon + minutes(62)).back(), "start work.1");
  engine.Take(Success("work"), kNoon + minutes(63));
  engine.Restart();
  engine.Take(GraphDefined{by_hand}, kNoon + minutes(64));
  EXPECT_EQ(engine.Dues(), std::vector<long>{});
  engine.Take(GraphDefined{Hourly()}, kNoon + minutes(65));
  EXPECT_EQ(engine.Dues(), std::vector<long>{60});
}

TEST(ByHand, DoesNotRunAfterOthers) {
  Engine engine;
  Graph report = Report();
  report.after = {"churn"};
  report.by_hand = true;
  engine.Take(std::vector<Event>{GraphDefined{report}, GraphDefined{ParseGraph("", "churn")}});
  engine.Begin("churn");
  EXPECT_EQ(engine.Take(Success("work")).back(), "run succeeded");
}

TEST(ExpectedBy, TellsOnceThatARunIsLateOrNeverStarted) {
  Graph graph = Hourly();
  graph.schedule_text = "0 13 * * *";
  graph.schedule = ParseGraph("0 13 * * *").schedule;
  graph.expected_by = ParseGraph("0 14 * * *").schedule;
  Engine late;
  late.Take(GraphDefined{graph});
  late.Wait(kNoon + hours(1));
  EXPECT_EQ(late.Wait(kNoon + hours(2)), Words{"tell late"});
  EXPECT_EQ(late.Wait(kNoon + hours(3)), Words{});
  late.Restart();
  EXPECT_EQ(late.Take(GraphDefined{graph}, kNoon + hours(4)), Words{});
  // Who was told that it is late is told when it is not any more.
  const Words ended = late.Take(Success("work"), kNoon + hours(5));
  EXPECT_EQ(std::count(ended.begin(), ended.end(), "tell recovered"), 1);

  Engine never;
  never.Take(GraphDefined{graph});
  never.Restart();
  graph.catch_up = CatchUp::kNone;
  EXPECT_EQ(never.Take(GraphDefined{graph}, kNoon + hours(3)), Words{"tell never-started"});

  Engine good;
  good.Take(GraphDefined{graph});
  good.Wait(kNoon + hours(1));
  good.Take(Success("work"), kNoon + minutes(70));
  EXPECT_EQ(good.Wait(kNoon + hours(2)), Words{});
}

// At eight in the morning of New Zealand it is still the day before in UTC: a notice that a run is
// late named another run than the one that was.
TEST(ExpectedBy, NamesTheDataDateOfTheZone) {
  Graph graph = ParseGraph("0 8 * * *", "g", "Pacific/Auckland");
  graph.expected_by = ParseGraph("0 9 * * *", "g", "Pacific/Auckland").schedule;
  const auto told = [](const Engine& engine) -> std::string {
    for (const Decision& decision : engine.last()) {
      if (const auto* tell = std::get_if<NotifyPeople>(&decision)) return tell->data_date;
    }
    return "nothing";
  };
  Engine late;
  late.Take(GraphDefined{graph});
  late.Wait(kNoon + hours(8));  // 20:00 UTC
  EXPECT_EQ(late.Wait(kNoon + hours(9)), Words{"tell late"});
  EXPECT_EQ(told(late), "1970-01-02");
  EXPECT_EQ(late.queued().front().data_date, "1970-01-02");
  Engine never;
  never.Take(GraphDefined{graph});
  never.Restart();
  graph.catch_up = CatchUp::kNone;
  EXPECT_EQ(never.Take(GraphDefined{graph}, kNoon + hours(10)), Words{"tell never-started"});
  EXPECT_EQ(told(never), "1970-01-02");
}

// Somebody was told that the run of this morning never started, of a graph written at noon.
TEST(ExpectedBy, DoesNotExpectWhatWasDueBeforeTheGraphWasKnown) {
  Engine engine;
  Graph graph = ParseGraph("0 7 * * *");
  graph.expected_by = ParseGraph("0 14 * * *").schedule;
  engine.Take(GraphDefined{graph});
  EXPECT_EQ(engine.Wait(kNoon + hours(2)), Words{});
  EXPECT_EQ(engine.Wait(kNoon + hours(20)).front(), "queue");
  EXPECT_EQ(engine.Wait(kNoon + hours(26)), Words{"tell late"});
}

}  // namespace
}  // namespace busker::plan

// Runs that wait because nothing defines them at the moment, or because preparing them failed for a
// reason that passes.
#include <gtest/gtest.h>

#include "plan/test_engine.h"

namespace busker::plan {
namespace {

const std::string kFault = "its definition is at fault: g.json:1:2: no";

Words Held(const Engine& engine) {
  Words messages;
  for (const DagRun& queued : engine.queued()) {
    if (const DagRun* run = engine.agenda().FindRun(queued.id)) messages.push_back(run->message);
  }
  return messages;
}

Graph Daily() {
  Graph graph = ParseGraph("0 * * * *");
  graph.catch_up = CatchUp::kAll;
  return graph;
}

// A typo in a file and a restart failed every run that was queued, for good.
TEST(Missing, WhatIsQueuedWaitsForItsDefinitionAndGoesOnWithIt) {
  Engine engine;
  engine.Take(GraphDefined{Daily()});
  engine.Wait(kNoon + hours(3));  // r1 runs, r2 and r3 wait
  engine.Restart();
  const Instant later = kNoon + hours(3) + minutes(1);
  EXPECT_EQ(engine.Take(GraphRemoved{"g", kFault}, later), (Words{"r2 hold", "r3 hold"}));
  EXPECT_EQ(engine.Take(Success("work"), later), (Words{"work succeeded", "run succeeded"}));
  EXPECT_EQ(Held(engine), (Words{kFault, kFault}));
  EXPECT_EQ(engine.agenda().ExplainRun("r2", later),
            "run r2 of g for 1970-01-01 is queued: " + kFault + "; busker cancel r2 ends it");
  EXPECT_EQ(engine.agenda().ExplainGraph("g", later), engine.agenda().ExplainRun("r2", later));
  EXPECT_TRUE(engine.agenda().Resting());
  EXPECT_FALSE(engine.agenda().Idle());
  // Another fault is another reason; the same one is nothing new.
  EXPECT_EQ(engine.Take(GraphRemoved{"g", kFault}, later), Words{});
  EXPECT_EQ(engine.Take(GraphRemoved{"g", "else"}, later), (Words{"r2 hold", "r3 hold"}));
  engine.Restart();  // and the reason is on record
  EXPECT_EQ(engine.Take(GraphDefined{Daily()}, later),
            (Words{"r2 free", "r3 free", "r2 prepare", "r2 run running", "r2 work running",
                   "r2 start work.1"}));
  EXPECT_FALSE(engine.agenda().Resting());
}

TEST(Missing, WhatSomebodyStartedAndABackfillWaitAsWell) {
  Engine engine;
  engine.Take(GraphRemoved{"g"});
  DagRun filled = Engine::Request();
  filled.batch = "b";
  EXPECT_EQ(engine.Take({RunRequested{Engine::Request()}, RunRequested{filled}}),
            (Words{"queue", "r2 queue", "hold", "r2 hold"}));
  EXPECT_EQ(engine.Take(CancelRequested{"r1", "someone"}), (Words{"cancel", "run cancelled"}));
  engine.Take(GraphDefined{ParseGraph("")});
  EXPECT_EQ(engine.agenda().FindRun("r2")->state, State::kRunning);
}

// What was decided goes on as it was decided, with or without the file.
TEST(Missing, WhatWasPreparedBeforeNeedsNoDefinition) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("")});
  engine.Begin();
  engine.Take(Failure("work"));
  DagRun failed = Engine::Request();
  failed.id = "r1";
  failed.state = State::kFailed;
  failed.prepared = true;
  failed.tasks = ParseTasks("work");
  failed.tasks[0].state = State::kFailed;
  failed.tasks[0].attempts = 1;
  engine.Take(GraphRemoved{"g"});
  EXPECT_EQ(engine.Take(RetryRequested{failed, "someone", ""}),
            (Words{"run queued", "clear work up to 2", "work queued", "run running", "work running",
                   "start work.2"}));
}

// A busy store while a run was prepared failed it for good.
TEST(Preparing, IsTriedAgainLaterEachTime) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("")});
  engine.FailPreparing(2);
  EXPECT_EQ(engine.Begin(), (Words{"queue", "prepare", "hold"}));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(1));
  EXPECT_EQ(Held(engine), Words{"it could not be prepared: the store is busy; tried again from "
                                "1970-01-01T12:00:01Z on (try 2 of 20)"});
  EXPECT_EQ(engine.Begin(), Words{"r2 queue"});  // it would be the same with this one
  EXPECT_NE(engine.agenda().ExplainRun("r2", kNoon).find("another run of g could not be prepared"),
            std::string::npos);
  EXPECT_NE(engine.agenda().ExplainRun("r1", kNoon).find("busker cancel r1 ends it"),
            std::string::npos);
  EXPECT_EQ(engine.Wait(kNoon + seconds(1)), (Words{"prepare", "hold"}));
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(3));
  engine.Take(ClockStepped{hours(1)}, kNoon + hours(1) + seconds(1));
  EXPECT_EQ(engine.wake_at(), kNoon + hours(1) + seconds(3));
  EXPECT_EQ(engine.Wait(kNoon + hours(1) + seconds(3)),
            (Words{"prepare", "free", "run running", "work running", "start work.1"}));
}

TEST(Preparing, IsGivenUpAfterAnHour) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("")});
  engine.FailPreparing(100);
  engine.Begin();
  Instant now = kNoon;
  for (int i = 0; i < 18; ++i) engine.Wait(now = engine.wake_at().value());
  EXPECT_GT(now, kNoon + minutes(50));
  EXPECT_LT(now, kNoon + minutes(70));
  EXPECT_EQ(engine.Wait(engine.wake_at().value()), (Words{"prepare", "run failed", "tell failed"}));
  EXPECT_EQ(std::get<RunChanged>(engine.last()[0]).message,
            "the store is busy; it was tried 20 times");
}

// Runs that were prepared while their store did not answer kept all others from beginning, once
// there were sixty-four of them.
TEST(Preparing, OfAServiceThatHangsHoldsUpNoOther) {
  Engine engine;
  std::vector<Event> requests;
  for (int i = 0; i < 20; ++i) {
    const GraphKey key{"slow", std::to_string(i)};
    engine.Take(GraphDefined{ParseGraph("", key)});
    requests.emplace_back(RunRequested{Engine::Request(key)});
  }
  engine.HangPreparing("slow");
  const Words words = engine.Take(requests);
  EXPECT_EQ(std::count_if(words.begin(), words.end(),
                          [](const auto& word) { return word.ends_with("prepare"); }),
            8);
  EXPECT_EQ(engine.Begin("shop/a").back(), "r21 start work.1");
  EXPECT_EQ(engine.agenda().ExplainRun("r1", kNoon), "run r1 is being prepared");
  EXPECT_EQ(engine.agenda().ExplainRun("r1", kNoon + seconds(2)),
            "run r1 is being prepared since 1970-01-01T12:00:00Z, longer than usual: its artifact "
            "store, or the disk of the home, may not answer; busker cancel r1 ends it");
  EXPECT_EQ(engine.agenda().ExplainRun("r20", kNoon),
            "run r20 of slow/19 for 1970-01-01 is queued: 8 other runs of slow are being prepared");
  // In the place of one that somebody gives up another is prepared.
  EXPECT_EQ(engine.Take(CancelRequested{"r1", "someone"}),
            (Words{"cancel", "run cancelled", "r9 prepare"}));
}

TEST(Preparing, ManyServicesThatHangHoldUpTheOthersForASecond) {
  Engine engine;
  for (int i = 0; i < 64; ++i) {
    const std::string service = "slow" + std::to_string(i);
    engine.HangPreparing(service);
    engine.Begin({service, "a"});
  }
  EXPECT_EQ(engine.Begin("shop/a"), Words{"r65 queue"});
  EXPECT_EQ(engine.wake_at(), kNoon + seconds(1));
  EXPECT_EQ(engine.Wait(kNoon + seconds(1)).back(), "r65 start work.1");
  // Not a second time.
  EXPECT_EQ(engine.Begin("shop/b", kNoon + seconds(1)).back(), "r66 start work.1");
  EXPECT_EQ(engine.wake_at(), std::nullopt);
}

TEST(Preparing, WhatCannotPassFailsTheRunAtOnce) {
  Engine engine;
  engine.Take(GraphDefined{ParseGraph("")});
  engine.FailPreparing(1);
  engine.Begin();
  engine.Take(CancelRequested{"r1", "someone"});
  EXPECT_TRUE(engine.agenda().Idle());
}

}  // namespace
}  // namespace busker::plan

// What every record makes sure of in a turn, as tests: all of it or nothing, from the state that is
// on record, and each name once. record_conformance.h says how a back end sits them. For tests
// only.
#pragma once

#include "record/conformance_fixture.h"

namespace busker::record {

TEST_P(RecordConformance, HasOneRunForAnInstantOfASchedule) {
  const auto at = [](const std::string& id, const plan::GraphKey& graph,
                     std::optional<Instant> due) {
    plan::DagRun run = Requested(id, graph);
    run.due = due;
    return std::vector<plan::Decision>{plan::RunQueued{run}};
  };
  ASSERT_TRUE(Append(*record_, at("r1", "shop/training", kNoon)));
  EXPECT_FALSE(Append(*record_, at("r2", "shop/training", kNoon)));
  EXPECT_TRUE(Append(*record_, at("r3", "shop/application", kNoon)));
  EXPECT_TRUE(Append(*record_, at("r4", "shop/training", kNoon + std::chrono::hours(1))));
  EXPECT_TRUE(Append(*record_, at("r5", "shop/training", std::nullopt)));
  EXPECT_TRUE(Append(*record_, at("r6", "shop/training", std::nullopt)));
  const auto dues = record_->DueRuns("shop/training", kNoon, kNoon + std::chrono::hours(1)).value();
  ASSERT_EQ(dues.size(), 2U);
  EXPECT_EQ(dues[0].run, "r1");
  EXPECT_EQ(dues[1].due, kNoon + std::chrono::hours(1));
  EXPECT_EQ(dues[1].state, kQueued);
  EXPECT_EQ(record_->DueRuns("shop/training", kNoon + Milliseconds(1), kNoon).value().size(), 0U);
  // What lies ahead of a clock that was set back.
  const auto ahead = record_->RunsAhead(kNoon).value();
  ASSERT_EQ(ahead.size(), 1U);
  EXPECT_EQ(ahead[0].graph, "shop/training");
  EXPECT_EQ(ahead[0].due, kNoon + std::chrono::hours(1));
  EXPECT_EQ(record_->NewestRun("shop/training").value().facts.id, "r6");
  EXPECT_EQ(record_->NewestRun("shop/nothing").error().kind, ErrorKind::kNotFound);
}

TEST_P(RecordConformance, HasOneRunForARequestKeyATimestampAndAnId) {
  plan::DagRun run = Requested("r1");
  run.request_key = "k";
  ASSERT_TRUE(AddRun(*record_, run, TasksNamed({"train"}), FormatStamp(kNoon)));
  EXPECT_FALSE(AddRun(*record_, "r1", {"train"}));
  run.id = "r2";
  EXPECT_FALSE(Append(*record_, {plan::RunQueued{run}}));
  run.request_key = "";
  EXPECT_FALSE(AddRun(*record_, run, TasksNamed({"train"}), FormatStamp(kNoon)));
  const std::string free = record_->FreeTimestamp("shop", "1", "training", "", kNoon).value();
  EXPECT_NE(free, FormatStamp(kNoon));
  EXPECT_TRUE(AddRun(*record_, run, TasksNamed({"train"}), free));
}

// Three trainings within a second were named after seconds that had not come yet.
TEST_P(RecordConformance, ATimestampTellsNoTimeThatHasNotComeAndSortsBehindAllBefore) {
  const auto free = [&](Instant now, const std::string& last = "", const std::string& of = "1") {
    return record_->FreeTimestamp("shop", of, "training", last, now).value();
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
    ASSERT_TRUE(AddRun(*record_, run, TasksNamed({"train"}), next));
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

TEST_P(RecordConformance, WritesAWholeTurnOrNothingOfIt) {
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  const std::size_t events = record_->Events("").value().size();
  auto decisions = Begin("r1", "train");
  decisions.push_back(plan::TaskChanged{"r1", "nobody", kQueued, kFailed, ""});
  const auto appended = Append(*record_, decisions);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(record_->FindRun("r1").value().state, kQueued);
  EXPECT_EQ(record_->Events("").value().size(), events);
  // What had been kept for the turn that failed is as good as new.
  decisions.pop_back();
  EXPECT_TRUE(Append(*record_, decisions));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, RefusesEveryChangeFromAStateThatIsNotTheRecorded) {
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
      plan::AttemptUndone{"r1", "train", 1},  // it runs
      plan::RunHeld{"r1", "no slot"},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    SCOPED_TRACE(i);
    BeginAnew();
    ASSERT_TRUE(AddRun(*record_, "r1", {"train", "promote"}));
    ASSERT_TRUE(Append(*record_, begun));
    const auto events = record_->Events("").value();
    plan::GraphMemory right;
    right.key = "shop/training";
    EXPECT_FALSE(Append(*record_, {plan::GraphNoted{right, "paused", "ada"}, wrong[i]}));
    EXPECT_TRUE(record_->Graphs().value().empty()) << "what was right of it is not there, either";
    EXPECT_EQ(record_->Events("").value().size(), events.size());
    EXPECT_EQ(FaultsIn(*record_), Strings{});
  }
  BeginAnew();
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  ASSERT_TRUE(Append(*record_, begun));
  EXPECT_FALSE(Append(*record_, {}, {Ended("r1", "train", "succeeded", 2)}));
  ASSERT_TRUE(Append(*record_, {}, {Ended("r1", "train", "succeeded")}));
  EXPECT_FALSE(Append(*record_, {}, {Ended("r1", "train", "exited")})) << "an attempt ends once";
}

}  // namespace busker::record

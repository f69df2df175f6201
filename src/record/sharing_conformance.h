// What every record is to several who have it open, at once or one after the other, as tests.
// record_conformance.h says how a back end sits them. For tests only.
#pragma once

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "record/conformance_fixture.h"
#include "record/deed.h"

namespace busker::record {

TEST_P(SharedRecordConformance, IsThereAfterReopening) {
  LiveThrough(*record_, "r1");
  ASSERT_TRUE(AddRun(*record_, "r2", {"train", "promote"}));
  ASSERT_TRUE(Append(*record_, Begin("r2", "train")));
  Reopen();
  EXPECT_EQ(record_->FindRun("r1").value().state, kSucceeded);
  const auto unfinished = record_->Unfinished().value();
  ASSERT_EQ(unfinished.size(), 1U);
  EXPECT_EQ(unfinished[0].id, "r2");
  EXPECT_TRUE(unfinished[0].tasks[0].attempt_running);
  EXPECT_EQ(record_->OrderOf("r2", "promote").value().text, "{\"task\":\"promote\"}");
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(SharedRecordConformance, WhatOneAcknowledgedTheOthersSee) {
  const auto other = Open();
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  EXPECT_EQ(other->FindRun("r1").value().state, kQueued);
  ASSERT_TRUE(Append(*other, Begin("r1", "train")));
  EXPECT_EQ(record_->FindRun("r1").value().state, kRunning);
}

// Two who both take a run for queued: what the first has begun is not begun again.
TEST_P(SharedRecordConformance, AStateIsLeftByOne) {
  const auto other = Open();
  ASSERT_TRUE(AddRun(*record_, "r1", {"train"}));
  ASSERT_TRUE(Append(*record_, Begin("r1", "train")));
  const auto events = record_->Events("").value();
  EXPECT_FALSE(Append(*other, Begin("r1", "train")));
  EXPECT_FALSE(Append(*other, {plan::RunChanged{"r1", kQueued, kCancelled, ""}}));
  EXPECT_EQ(record_->Events("").value().size(), events.size());
  EXPECT_EQ(record_->FindRun("r1").value().tasks[0].attempts.size(), 1U);
  ASSERT_TRUE(Append(*record_, {}, {Ended("r1", "train", "succeeded")}));
  EXPECT_FALSE(Append(*other, {}, {Ended("r1", "train", "lost")})) << "an attempt ends once";
}

// Calls work(record, number) of each of two openers on a thread of its own.
inline void OnTwoThreads(Record& one, Record& two, const auto& work) {
  std::thread other([&] { work(two, 1); });
  work(one, 0);
  other.join();
}

TEST_P(SharedRecordConformance, ARequestIsOneRunWhoeverElseAsksForIt) {
  constexpr int kRequests = 20;
  const auto second = Open();
  std::atomic<int> taken = 0;
  OnTwoThreads(*record_, *second, [&](Record& record, int who) {
    for (int i = 0; i < kRequests; ++i) {
      plan::DagRun run = Requested("r" + std::to_string(who) + "-" + std::to_string(i));
      run.request_key = "key " + std::to_string(i);
      taken += Append(record, {plan::RunQueued{run}}).has_value() ? 1 : 0;
    }
  });
  EXPECT_EQ(taken, kRequests);
  for (int i = 0; i < kRequests; ++i) {
    const auto run = record_->FindRequest("key " + std::to_string(i)).value();
    ASSERT_NE(run, std::nullopt);
    EXPECT_EQ(second->FindRequest("key " + std::to_string(i)).value(), run);
  }
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(SharedRecordConformance, AnInstantOfAScheduleHasOneRunWhoeverElseQueuesIt) {
  constexpr int kInstants = 20;
  const auto second = Open();
  std::atomic<int> taken = 0;
  OnTwoThreads(*record_, *second, [&](Record& record, int who) {
    for (int i = 0; i < kInstants; ++i) {
      plan::DagRun run = Requested("r" + std::to_string(who) + "-" + std::to_string(i));
      run.due = kNoon + std::chrono::hours(i);
      taken += Append(record, {plan::RunQueued{run}}).has_value() ? 1 : 0;
    }
  });
  EXPECT_EQ(taken, kInstants);
  const auto last = kNoon + std::chrono::hours(kInstants);
  EXPECT_EQ(record_->DueRuns("shop/training", kNoon, last).value().size(), std::size_t{kInstants});
}

// Both may be given the same one, and the record takes it from one of them: the other asks again.
TEST_P(SharedRecordConformance, ATimestampIsOnRecordOnceWhoeverElseWasGivenIt) {
  constexpr int kRuns = 15;
  const auto second = Open();
  OnTwoThreads(*record_, *second, [&](Record& record, int who) {
    for (int i = 0; i < kRuns; ++i) {
      const std::string id = "r" + std::to_string(who) + "-" + std::to_string(i);
      for (bool taken = false; !taken;) {
        const auto stamp = record.FreeTimestamp("shop", "1", "training", "", kNoon);
        ASSERT_TRUE(stamp) << stamp.error().message;
        taken = AddRun(record, Requested(id), TasksNamed({"train"}), *stamp).has_value();
      }
    }
  });
  std::set<std::string> stamps;
  RunFilter all;
  all.count_max = 3 * kRuns;
  const auto runs = record_->ListRuns(all).value();
  for (const RunRow& run : runs) stamps.insert(run.facts.timestamp);
  EXPECT_EQ(runs.size(), std::size_t{2 * kRuns});
  EXPECT_EQ(stamps.size(), std::size_t{2 * kRuns});
  EXPECT_EQ(*stamps.rbegin(), FormatStamp(kNoon) + "-0029");
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(SharedRecordConformance, WhatSeveralAddIsOneChainOfEvents) {
  constexpr int kEach = 40;
  const auto second = Open();
  OnTwoThreads(*record_, *second, [&](Record& record, int who) {
    for (int i = 0; i < kEach; ++i) {
      if (i % 4 == 0) LiveThrough(record, "r" + std::to_string(who) + "-" + std::to_string(i));
      EventRow event;
      event.at = kNoon;
      event.what = "live moved";
      event.actor = who == 0 ? "ada" : "bob";
      ASSERT_TRUE(record.AddEvent(event));
    }
  });
  const auto events = record_->Events("").value();
  for (const std::string who : {"ada", "bob"}) {
    EXPECT_EQ(std::count_if(events.begin(), events.end(),
                            [&](const EventRow& event) { return event.actor == who; }),
              kEach);
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i].number, static_cast<std::int64_t>(i) + 1) << "without gaps";
  }
  EXPECT_EQ(second->CheckEvents().value().breaks, Strings{});
  EXPECT_EQ(second->CheckEvents().value().events, static_cast<std::int64_t>(events.size()));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

// A deed that was noted behind it had been done when its doer was killed, and nobody knew.
TEST_P(SharedRecordConformance, ADeedIsOnRecordForAllBeforeItIsDone) {
  const auto other = Open();
  const auto whats = [&] {
    Strings all;
    const auto events = other->Events("").value();
    for (const EventRow& event : events) all.push_back(event.what);
    return all;
  };
  Deed deed{"ada", "promote", "live pointer moved", "shop"};
  const auto note = [&](const EventRow& event) { return record_->AddEvent(event); };
  const auto warn = [](const std::string& why) { ADD_FAILURE() << why; };
  const auto done = Do(deed, note, warn, [&]() -> Result<void> {
    EXPECT_EQ(whats(), Strings{"promote requested"});
    return {};
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(whats(), (Strings{"promote requested", "live pointer moved"}));
}

// Each statement of the check read another state, so a home at work was said to be tampered with.
TEST_P(SharedRecordConformance, WhoReadsBesideAWriterIsGivenOneMoment) {
  constexpr int kRuns = 60;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    const auto other = Open();
    for (int i = 0; i < kRuns; ++i) LiveThrough(*other, "r" + std::to_string(i));
    done = true;
  });
  int checks = 0;
  for (; !done || checks < 5; ++checks) {
    EXPECT_EQ(FaultsIn(*record_), Strings{});
    const auto events = record_->CheckEvents();
    ASSERT_TRUE(events) << events.error().message;
    EXPECT_EQ(events->breaks, Strings{});
    RunFilter newest;
    newest.count_max = 1;
    const auto runs = record_->ListRuns(newest).value();
    for (const RunRow& run : runs) {
      const RunRow again = record_->FindRun(run.facts.id).value();
      for (const RunRow& one : {run, again}) {
        ASSERT_EQ(one.tasks.size(), 1U) << "a run that was prepared with its request has its tasks";
        EXPECT_EQ(one.tasks[0].task.state, one.state);
        EXPECT_EQ(one.tasks[0].attempts.size(), one.state == kQueued ? 0U : 1U);
      }
    }
  }
  writer.join();
  EXPECT_EQ(record_->CheckEvents()->events, kRuns * 8);
}

}  // namespace busker::record

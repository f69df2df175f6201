// What every record's check finds where somebody wrote behind Busker's back, as tests.
// record_conformance.h says how a back end sits them. For tests only.
#pragma once

#include <algorithm>

#include "record/conformance_fixture.h"

namespace busker::record {

class CheckConformance : public SharedRecordConformance {
 protected:
  // The faults in a record of two runs after the statements.
  Strings After(const std::string& sql) {
    BeginAnew();
    LiveThrough(*record_, "r1");
    auto tasks = TasksNamed({"fetch", "train", "tidy", "tell", "check"});
    for (std::size_t i = 2; i < tasks.size(); ++i) tasks[i].after = {"train"};
    tasks[2].rule = plan::TriggerRule::kAllDone;
    tasks[3].rule = plan::TriggerRule::kOneFailed;
    tasks[4].rule = plan::TriggerRule::kNoneFailed;
    EXPECT_TRUE(AddRun(*record_, Requested("r2"), tasks));
    EXPECT_TRUE(Append(*record_, Begin("r2", "fetch")));
    EXPECT_EQ(FaultsIn(*record_), Strings{});
    record_.reset();
    place_->UnlockEvents();
    EXPECT_TRUE(place_->Tamper(sql));
    Reopen();
    return FaultsIn(*record_);
  }

  void ExpectFault(const std::string& sql, const std::string& words) {
    SCOPED_TRACE(sql);
    const auto faults = After(sql);
    const bool found = std::any_of(faults.begin(), faults.end(), [&](const std::string& fault) {
      return fault.find(words) != std::string::npos;
    });
    EXPECT_TRUE(found) << "wanted: " << words << "; got: " << testing::PrintToString(faults);
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CheckConformance);

TEST_P(CheckConformance, AnEventThatWasChangedIsFoundWhereverItIs) {
  for (const char* column : {"at = at + 1", "run = run || 'x'", "task = 'x'", "what = 'x'",
                             "actor = 'x'", "detail = 'x'", "hash = (SELECT hash FROM chain)",
                             // A byte moved from one field to the next hashes otherwise.
                             "what = 'run queue', actor = 'd' || actor"}) {
    for (const int number : {1, 3, 9}) {
      const auto faults = After(std::string("UPDATE events SET ") + column +
                                " WHERE number = " + std::to_string(number));
      ASSERT_FALSE(faults.empty()) << column << " of " << number;
    }
  }
}

TEST_P(CheckConformance, AnEventThatWasRemovedInsertedOrMovedIsFound) {
  for (const int number : {1, 4, 11}) {
    const std::string sql = "DELETE FROM events WHERE number = " + std::to_string(number);
    EXPECT_FALSE(After(sql).empty()) << sql;
  }
  ExpectFault(
      "DELETE FROM events WHERE number = (SELECT max(number) "
      "FROM events)",
      "are missing or were changed");
  ExpectFault("DELETE FROM events", "are missing or were changed");
  ExpectFault("DELETE FROM chain", "the end of the chain");
  ExpectFault(
      "INSERT INTO events SELECT 100, at, run, task, what, actor, detail, hash FROM events "
      "WHERE number = 2",
      "event 100 is not as it was written");
  ExpectFault(
      "UPDATE events SET number = -number WHERE number IN (2, "
      "3); UPDATE events SET number = 5 + number WHERE number < 0",
      "not as it was written");
}

TEST_P(CheckConformance, EventsAreNeitherChangedNorRemovedByAccident) {
  LiveThrough(*record_, "r1");
  EXPECT_FALSE(place_->Tamper("UPDATE events SET what = 'x'"));
  EXPECT_FALSE(place_->Tamper("DELETE FROM events"));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(CheckConformance, StatesThatDoNotFollowAreFound) {
  ExpectFault("UPDATE runs SET state = 'failed' WHERE id = 'r1'", "without an event that says so");
  ExpectFault("UPDATE runs SET state = 'failed' WHERE id = 'r1'", "none of its tasks is");
  ExpectFault("UPDATE tasks SET state = 'failed' WHERE run = 'r1'", "its task train is failed");
  ExpectFault("UPDATE tasks SET state = 'failed' WHERE run = 'r1'",
              "task train of run r1 is failed without an event");
  ExpectFault("UPDATE tasks SET state = 'queued' WHERE run = 'r1'", "its task train has not");
  ExpectFault("UPDATE tasks SET state = 'skipped' WHERE run = 'r2'", "all its tasks have ended");
  ExpectFault("UPDATE runs SET prepared = 0 WHERE id = 'r1'", "was never prepared");
  ExpectFault("UPDATE runs SET prepared = 0 WHERE id = 'r1'", "has tasks but is not prepared");
  ExpectFault("UPDATE runs SET ended_at = NULL WHERE id = 'r1'", "but has no end");
  ExpectFault("DELETE FROM orders WHERE run = 'r1'", "has no order");
  ExpectFault("UPDATE orders SET synced = 0 WHERE run = 'r1'", "is not what its row says of it");
  ExpectFault("UPDATE orders SET secrets = 'key' WHERE run = 'r1'", "is not what its row says");
  ExpectFault("DELETE FROM runs WHERE id = 'r1'", "points at a missing row of runs");
}

// A byte that had changed in what is to be run, or in whose run it is, was no fault.
TEST_P(CheckConformance, WhatWasDecidedOfARunAndChangedAfterwardsIsFound) {
  for (const char* const change :
       {"UPDATE orders SET order_json = replace(order_json, 'train', 'trbin') WHERE run = 'r1'",
        "UPDATE runs SET data_date = '1970-01-02' WHERE id = 'r1'",
        "UPDATE runs SET requested_by = 'someone else' WHERE id = 'r1'",
        "UPDATE runs SET scheduled_at = scheduled_at + 1 WHERE id = 'r1'",
        "UPDATE tasks SET retries = 7 WHERE run = 'r1'",
        "UPDATE tasks SET pool = 'p' WHERE run = 'r1'"}) {
    ExpectFault(change, "run r1 is not what was prepared");
  }
}

TEST_P(CheckConformance, AttemptsThatDoNotCountAreFound) {
  ExpectFault("UPDATE attempts SET ending = 'exited' WHERE run = 'r1'",
              "without an attempt that did");
  ExpectFault("UPDATE attempts SET exit_code = 1 WHERE run = 'r1'", "without an attempt that did");
  ExpectFault(
      "UPDATE tasks SET attempts = 2, attempts_max = 2 WHERE run = 'r1'; "
      "INSERT INTO attempts (run, task, number, running, launched_at, ending) "
      "VALUES ('r1', 'train', 2, 0, 0, 'succeeded')",
      "again after attempt 1 had succeeded");
  ExpectFault("UPDATE tasks SET attempts = 2 WHERE run = 'r1'", "counts 2 attempts");
  ExpectFault("UPDATE tasks SET attempts_max = 0 WHERE run = 'r1'", "counts 1 attempts of 0");
  ExpectFault("UPDATE attempts SET number = 2 WHERE run = 'r1'", "the last 2");
  ExpectFault("UPDATE attempts SET running = 1 WHERE run = 'r1'", "is running but the task is");
  ExpectFault("UPDATE attempts SET running = 0 WHERE run = 'r2'", "none of its attempts is");
}

TEST_P(CheckConformance, TasksThatStartedAgainstTheirRuleAreFound) {
  const std::string started = "UPDATE tasks SET attempts = 1 WHERE run = 'r2' AND name = ";
  ExpectFault(started + "'train'", "started before fetch succeeded");
  ExpectFault(started + "'tidy'", "started before train ended");
  ExpectFault(started + "'tell'", "started before one of those before it failed");
  ExpectFault(started + "'check'", "although train is queued");
}

TEST_P(CheckConformance, ALeadThatIsMissingIsFound) {
  ExpectFault("DELETE FROM lead", "who leads the record is missing");
  EXPECT_EQ(record_->TakeLead("one", kNoon, std::nullopt).error().kind, ErrorKind::kUnusable);
  EXPECT_FALSE(AddRun(*record_, "r3", {"train"}));
}

TEST_P(CheckConformance, ANoticeThatNobodyTriesIsFound) {
  ExpectFault(
      "INSERT INTO notices (key, at, kind, service, action, run, data_date, message, channel, "
      "next_try) VALUES ('n1', -400000000, '', '', '', '', '', '', '', -400000000)",
      "notice n1 has been pending");
}

}  // namespace busker::record

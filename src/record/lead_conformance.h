// Who may append turns to a record, as tests: one at a time, whatever became of those before.
// record_conformance.h says how a back end sits them. For tests only.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>

#include "record/conformance_fixture.h"

namespace busker::record {

inline constexpr Milliseconds kLease = std::chrono::seconds(30);

// Appends the decisions as of the epoch.
inline Result<void> AppendOf(Epoch epoch, Record& record, std::vector<plan::Decision> decisions) {
  TestTurn turn;
  turn.decisions = std::move(decisions);
  turn.epoch = epoch;
  return turn.AppendTo(record);
}
inline Result<void> QueueOf(Epoch epoch, Record& record, const std::string& id) {
  return AppendOf(epoch, record, {plan::RunQueued{Requested(id)}});
}

// Refused for want of the lead, and for nothing else.
inline testing::AssertionResult LeadIsLost(const Result<void>& done) {
  if (done) return testing::AssertionFailure() << "it was done";
  if (IsLeadLost(done.error())) return testing::AssertionSuccess();
  return testing::AssertionFailure() << done.error().message;
}

TEST_P(RecordConformance, NobodyLeadsARecordThatIsNew) {
  const Lead lead = record_->FindLead().value();
  EXPECT_EQ(lead.epoch, 0);
  EXPECT_EQ(lead.holder, "");
  EXPECT_EQ(lead.until, std::nullopt);
  EXPECT_TRUE(QueueOf(0, *record_, "r1"));
  EXPECT_TRUE(LeadIsLost(QueueOf(1, *record_, "r2")));
}

TEST_P(RecordConformance, WhoLeadsIsOnRecordWithTheEndOfTheLease) {
  const Epoch epoch = record_->TakeLead("one", kNoon, kLease).value();
  Lead lead = record_->FindLead().value();
  EXPECT_EQ(lead.epoch, epoch);
  EXPECT_EQ(lead.holder, "one");
  EXPECT_EQ(lead.until, kNoon + kLease);
  ASSERT_TRUE(record_->KeepLead(epoch, kNoon + Milliseconds(10), kLease));
  lead = record_->FindLead().value();
  EXPECT_EQ(lead.epoch, epoch);
  EXPECT_EQ(lead.holder, "one");
  EXPECT_EQ(lead.until, kNoon + Milliseconds(10) + kLease);
  ASSERT_TRUE(record_->KeepLead(epoch, kNoon, std::nullopt));
  EXPECT_EQ(record_->FindLead().value().until, std::nullopt);
  ASSERT_TRUE(record_->GiveUpLead(epoch));
  EXPECT_EQ(record_->FindLead().value().holder, "");
  EXPECT_EQ(record_->FindLead().value().until, std::nullopt);
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, NoEpochIsGivenTwice) {
  Epoch last = 0;
  for (const std::string holder : {"one", "one", "two", "one", "two"}) {
    const Epoch epoch = record_->TakeLead(holder, kNoon, Milliseconds(0)).value();
    EXPECT_GT(epoch, last) << "the lease of zero is over at once";
    last = epoch;
  }
  ASSERT_TRUE(record_->GiveUpLead(last));
  EXPECT_GT(record_->TakeLead("one", kNoon, kLease).value(), last);
}

// A conductor that had been stopped went on beside the next: every word of its turn is refused.
TEST_P(RecordConformance, ATurnOfAnEpochThatHasEndedChangesNothing) {
  const Epoch before = record_->TakeLead("one", kNoon, kLease).value();
  ASSERT_TRUE(QueueOf(before, *record_, "r1"));
  const Epoch now = record_->TakeLead("one", kNoon, kLease).value();
  const auto events = record_->Events("").value();
  for (const Epoch wrong : {before, Epoch{0}, now + 1, Epoch{-1}}) {
    SCOPED_TRACE(wrong);
    EXPECT_TRUE(LeadIsLost(QueueOf(wrong, *record_, "r2")));
    EXPECT_TRUE(
        LeadIsLost(AppendOf(wrong, *record_, {plan::RunChanged{"r1", kQueued, kCancelled, ""}})));
    TestTurn notices;
    notices.epoch = wrong;
    notices.notices.emplace_back().key = "n1";
    EXPECT_TRUE(LeadIsLost(notices.AppendTo(*record_)));
    TestTurn outcomes;
    outcomes.epoch = wrong;
    outcomes.outcomes.emplace_back().key = "n1";
    EXPECT_TRUE(LeadIsLost(outcomes.AppendTo(*record_)));
    TestTurn ended;
    ended.epoch = wrong;
    ended.ended = {Ended("r1", "train", "succeeded")};
    EXPECT_TRUE(LeadIsLost(ended.AppendTo(*record_)));
  }
  EXPECT_EQ(record_->Events("").value().size(), events.size());
  EXPECT_TRUE(record_->PendingNotices().value().empty());
  EXPECT_EQ(record_->FindRun("r2").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(QueueOf(now, *record_, "r2"));
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, ALeadThatWasGivenUpIsNobodys) {
  const Epoch epoch = record_->TakeLead("one", kNoon, std::nullopt).value();
  ASSERT_TRUE(record_->GiveUpLead(epoch));
  EXPECT_TRUE(LeadIsLost(QueueOf(epoch, *record_, "r1")));
  EXPECT_TRUE(LeadIsLost(record_->KeepLead(epoch, kNoon, kLease)));
  EXPECT_TRUE(LeadIsLost(record_->GiveUpLead(epoch)));
  EXPECT_TRUE(record_->TakeLead("two", kNoon, kLease));
}

TEST_P(RecordConformance, WhatIsNoTurnNeedsNoLead) {
  ASSERT_TRUE(record_->TakeLead("one", kNoon, kLease));
  EventRow event;
  event.at = kNoon;
  event.what = "live pointer moved";
  event.actor = "ada";
  EXPECT_TRUE(record_->AddEvent(event));
}

TEST_P(SharedRecordConformance, TheLeadIsRefusedToAnotherUntilTheLeaseIsOver) {
  const auto other = Open();
  const Epoch one = record_->TakeLead("one", kNoon, kLease).value();
  const auto refused = other->TakeLead("two", kNoon + kLease - Milliseconds(1), kLease);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(refused.error().message.find("one leads"), std::string::npos)
      << refused.error().message;
  // Who keeps it, has it for longer.
  ASSERT_TRUE(record_->KeepLead(one, kNoon + kLease / 2, kLease));
  EXPECT_FALSE(other->TakeLead("two", kNoon + kLease, kLease));
  EXPECT_TRUE(QueueOf(one, *record_, "r1"));

  const Instant over = kNoon + kLease / 2 + kLease;
  const Epoch two = other->TakeLead("two", over, kLease).value();
  EXPECT_GT(two, one);
  EXPECT_TRUE(LeadIsLost(QueueOf(one, *record_, "r2")));
  EXPECT_TRUE(LeadIsLost(record_->KeepLead(one, over, kLease)));
  EXPECT_TRUE(LeadIsLost(record_->GiveUpLead(one)));
  EXPECT_FALSE(record_->TakeLead("one", over, kLease));
  EXPECT_TRUE(QueueOf(two, *other, "r2"));
  EXPECT_EQ(FaultsIn(*other), Strings{});
}

// Stopped past its lease, and nobody has taken the lead: there is nobody whom it could disturb.
TEST_P(SharedRecordConformance, ALeaseThatIsOverIsNoLossUntilAnotherLeads) {
  const auto other = Open();
  const Epoch one = record_->TakeLead("one", kNoon, kLease).value();
  const Instant late = kNoon + 100 * kLease;
  EXPECT_TRUE(QueueOf(one, *record_, "r1"));
  EXPECT_TRUE(record_->KeepLead(one, late, kLease));
  EXPECT_FALSE(other->TakeLead("two", late, kLease));
}

// Killed and started again: it waits for no lease of its own.
TEST_P(SharedRecordConformance, TheSameHolderIsGivenTheLeadAtOnceAndShutsOutWhoHadIt) {
  for (const std::optional<Milliseconds> lease :
       {std::optional(kLease), std::optional<Milliseconds>()}) {
    BeginAnew();
    const auto next = Open();
    const Epoch first = record_->TakeLead("home", kNoon, lease).value();
    const Epoch second = next->TakeLead("home", kNoon, lease).value();
    EXPECT_GT(second, first);
    EXPECT_TRUE(LeadIsLost(QueueOf(first, *record_, "r1")));
    EXPECT_TRUE(QueueOf(second, *next, "r1"));
  }
}

TEST_P(SharedRecordConformance, ALeadWithoutAnEndOutlivesEveryOpenerAndEveryLease) {
  const Epoch epoch = record_->TakeLead("home", kNoon, std::nullopt).value();
  Reopen();
  EXPECT_EQ(record_->FindLead().value().epoch, epoch);
  const Instant late = kNoon + std::chrono::hours(24 * 365 * 100);
  EXPECT_EQ(record_->TakeLead("two", late, kLease).error().kind, ErrorKind::kTemporary);
  EXPECT_TRUE(QueueOf(epoch, *record_, "r1"));
  ASSERT_TRUE(record_->GiveUpLead(epoch));
  EXPECT_TRUE(record_->TakeLead("two", kNoon, kLease));
}

TEST_P(SharedRecordConformance, OfManyWhoAskAtOnceOneLeads) {
  constexpr int kMany = 6;
  std::atomic<int> leaders = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < kMany; ++i) {
    askers.emplace_back([&, i] {
      const auto own = Open();
      const auto taken = own->TakeLead("holder " + std::to_string(i), kNoon, kLease);
      EXPECT_TRUE(taken || taken.error().kind == ErrorKind::kTemporary) << taken.error().message;
      EXPECT_TRUE(!taken || own->FindLead().value().epoch == *taken);
      leaders += taken ? 1 : 0;
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(leaders, 1);
}

// A backup says of the lead what was true when it was made.
TEST_P(SharedRecordConformance, AnEpochFromBeforeARestoreIsNotGivenAgain) {
  const Epoch old = record_->TakeLead("home", kNoon, std::nullopt).value();
  ASSERT_TRUE(place_->Tamper("UPDATE lead SET epoch = 0, holder = 'another', until = 4"));
  const Epoch next = record_->TakeLead("home", kNoon + Milliseconds(1), std::nullopt).value();
  EXPECT_GT(next, old);
  EXPECT_TRUE(LeadIsLost(QueueOf(old, *record_, "r1")));
}

// Not a turn of the one before comes behind the first moment of the next, wherever it was just
// then.
TEST_P(SharedRecordConformance, NothingIsAppendedOnceTheNextLeads) {
  std::atomic<int> appended = 0;
  std::atomic<bool> ended = false;
  std::thread writer([&] {
    const auto own = Open();
    const Epoch epoch = own->TakeLead("one", kNoon, kLease).value_or(0);
    Result<void> queued;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (queued && std::chrono::steady_clock::now() < limit) {
      queued = QueueOf(epoch, *own, "r" + std::to_string(appended));
      appended += queued ? 1 : 0;
      // Who appends without a pause leaves another opener no moment to begin in.
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    EXPECT_TRUE(LeadIsLost(queued));
    ended = true;
  });
  while (appended < 5 && !ended) std::this_thread::yield();
  const auto epoch = record_->TakeLead("two", kNoon + kLease, kLease);
  EXPECT_TRUE(epoch) << epoch.error().message;
  RunFilter all;
  all.count_max = 1'000'000;
  const std::size_t then = record_->ListRuns(all).value().size();
  writer.join();
  EXPECT_EQ(record_->ListRuns(all).value().size(), then);
  EXPECT_EQ(then, static_cast<std::size_t>(appended));
}

}  // namespace busker::record

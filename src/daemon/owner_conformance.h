// What everybody who is asked as the owner of a home must do, as tests. For tests only.
//
// A way of asking plugs in with a function that makes one for a daemon:
//
//   INSTANTIATE_TEST_SUITE_P(Requests, OwnerConformance, testing::Values(&AskDirectly));
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "daemon/daemon_fixture.h"
#include "home/home.h"

namespace busker::daemon {

using AskHow = std::unique_ptr<Owner> (*)(Daemon& daemon, const home::Home& home);

class OwnerConformance : public DaemonTest, public testing::WithParamInterface<AskHow> {
 protected:
  const Owner& owner() const override { return *owner_; }
  void Reach() override { owner_ = GetParam()(*daemon_, home_); }

  std::unique_ptr<Owner> owner_;
};

inline std::string WordOf(const plan::Decision& decision) {
  if (const auto* queued = std::get_if<plan::RunQueued>(&decision)) {
    return "queued " + queued->run.graph.Text();
  }
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) return "start " + start->task;
  if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
    return task->task + " " + std::string(NameOf(task->to));
  }
  if (const auto* run = std::get_if<plan::RunChanged>(&decision)) {
    return "run " + std::string(NameOf(run->to));
  }
  return "";
}

TEST_P(OwnerConformance, TellsWhoFollowsOfARunFromItsBeginningToItsEnd) {
  StartDaemon();
  std::vector<std::string> words;
  std::string begun;
  const auto run =
      owner().StartAndFollow(Of("nightly"), {[&](const std::string& id) { begun = id; },
                                             [&](const plan::Decision& decision) {
                                               words.push_back(WordOf(decision));
                                               return true;
                                             }});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(*run, begun);
  EXPECT_EQ(words, (std::vector<std::string>{"queued nightly", "run running", "a running",
                                             "start a", "a succeeded", "b running", "start b",
                                             "b succeeded", "run succeeded"}));
  EXPECT_EQ(StateOf(*run), plan::State::kSucceeded);
  EXPECT_TRUE(owner().Follow(*run, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(owner().Follow("r0", kLimit, [](const auto&) { return true; }).error().kind,
            ErrorKind::kNotFound);
}

// Who asked in the moment in which a conductor ended had to try again by hand.
TEST_P(OwnerConformance, SaysThatNothingWasDoneWhenItIsEnding) {
  StartDaemon();
  daemon_->Stop();
  ASSERT_TRUE(daemon_->Wait());
  const auto refused = owner().Start(Of("nightly"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(WasEnding(refused.error())) << refused.error().message;
  EXPECT_FALSE(WasEnding(Error{ErrorKind::kTemporary, "64 verbs are being answered already"}));
}

// The target of a request was told to the owner of the home, who refused all but its own.
TEST_P(OwnerConformance, AGraphFileHasNoTarget) {
  StartDaemon(false, "prod");
  EXPECT_TRUE(owner().Start(Of("nightly")));
  StartRequest request = Of("long");
  request.target = "prod";
  const auto refused = owner().Start(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(refused.error().message.find("has no target"), std::string::npos);
}

// A backfill read each run that it took up again in one turn, up to 10,000 of them, and nothing
// else happened meanwhile; now it asks in parts, and their seams are not to be seen.
TEST_P(OwnerConformance, ABackfillTakesUpMoreRunsThanOneTurnReads) {
  StartDaemon();
  ASSERT_TRUE(owner().Pause("daily", true, "a test"));
  BackfillRequest request;
  request.graph = "daily";
  request.from = "2019-01-01";
  request.to = "2019-08-08";
  request.by = "a test";
  const auto queued = owner().Backfill(request);
  ASSERT_TRUE(queued) << queued.error().message;
  ASSERT_EQ(queued->size(), 220u);
  // One stays as it is, in the midst of the others.
  for (std::size_t i = 0; i < queued->size(); ++i) {
    if (i == 105) continue;
    ASSERT_TRUE(owner().Cancel((*queued)[i].run, "a test"));
  }
  request.retry_failed = true;
  request.newest_first = true;
  request.to = "2019-08-09";
  const auto again = owner().Backfill(request);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 221u);
  EXPECT_EQ(again->front().what, "run");
  for (std::size_t i = 0; i < queued->size(); ++i) {
    const BackfillInstant& one = (*again)[220 - i];
    EXPECT_EQ(one.run, (*queued)[i].run);
    EXPECT_EQ(one.due, (*queued)[i].due);
    EXPECT_EQ(one.what, i == 105 ? "has its run, queued" : "retry") << i;
    EXPECT_EQ(StateOf(one.run), plan::State::kQueued);
  }
}

TEST_P(OwnerConformance, StartsOneRunForAKeyHoweverOftenItIsAskedTo) {
  StartDaemon();
  const std::string first = owner().Start(Of("long", "k")).value();
  EXPECT_EQ(owner().Start(Of("long", "k")).value(), first);
  // Who followed a run that was there already was told that its owner had ended.
  AwaitStart(first);
  std::vector<std::string> words;
  const auto followed =
      owner().StartAndFollow(Of("long", "k"), {[](const std::string&) {},
                                               [&](const plan::Decision& decision) {
                                                 words.push_back(WordOf(decision));
                                                 return false;
                                               }});
  EXPECT_EQ(followed.value(), first);
  EXPECT_EQ(words, std::vector<std::string>{"start a"});
  ASSERT_TRUE(owner().Cancel(first, "a test"));
  ASSERT_TRUE(owner().Follow(first, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(owner()
                .StartAndFollow(Of("long", "k"),
                                {[](const std::string&) {}, [](const auto&) { return true; }})
                .value(),
            first);
}

// Two requests with one key within one turn ended the conductor: the record refused the second.
// A key that another graph's run had gave that run, and nothing was started.
TEST_P(OwnerConformance, RefusesAKeyThatARunOfAnotherGraphHas) {
  StartDaemon();
  const auto first = owner().Start(Of("long", "k"));
  ASSERT_TRUE(first);
  const auto other = owner().Start(Of("nightly", "k"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(other.error().message,
            "a run of another graph was started with the key k; take another");
  ASSERT_TRUE(owner().Cancel(*first, "a test"));
  ASSERT_TRUE(owner().Follow(*first, kLimit, [](const auto&) { return true; }));
}

TEST_P(OwnerConformance, StartsOneRunForAKeyThatManyAskForAtOnce) {
  StartDaemon();
  std::mutex mutex;
  std::set<std::string> runs;
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < 32; ++i) {
      askers.emplace_back([&] {
        const auto run = owner().Start(Of("nightly", "k"));
        const std::lock_guard lock(mutex);
        runs.insert(run ? *run : run.error().message);
      });
    }
  }
  EXPECT_EQ(runs.size(), 1U);
  EXPECT_FALSE(daemon_->WaitFor(Milliseconds(0)));
}

TEST_P(OwnerConformance, RefusesAGraphThatThereIsNotAndNamesTheNearest) {
  StartDaemon();
  const auto run = owner().Start(Of("nigthly"));
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(run.error().message.find("nightly"), std::string::npos);
  StartRequest request = Of("nightly");
  request.date = "2019-02-30";
  EXPECT_EQ(owner().Start(request).error().kind, ErrorKind::kInvalid);
}

TEST_P(OwnerConformance, CancelsRetriesAndSkipsWhatCanBe) {
  StartDaemon();
  const std::string failed = RunToEnd("broken");
  EXPECT_EQ(StateOf(failed), plan::State::kFailed);
  EXPECT_EQ(owner().Cancel(failed, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(owner().Cancel("r0", "a test").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(owner().Retry("r0", "a test").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(owner().Skip(failed, "c", "a test").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(owner().Skip(failed, "a", "a test"));
  ASSERT_TRUE(owner().Follow(failed, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(StateOf(failed), plan::State::kSucceeded);
  EXPECT_EQ(owner().Retry(failed, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(owner().Skip(failed, "b", "a test").error().kind, ErrorKind::kInvalid);

  const std::string going = owner().Start(Of("long")).value();
  AwaitStart(going);
  EXPECT_EQ(owner().Retry(going, "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(owner().Skip(going, "a", "a test").error().kind, ErrorKind::kInvalid);
  EXPECT_NE(owner().Explain(going, "b")->find("a"), std::string::npos);
  ASSERT_TRUE(owner().Cancel(going, "a test"));
  ASSERT_TRUE(owner().Follow(going, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(StateOf(going), plan::State::kCancelled);
  ASSERT_TRUE(owner().Retry(going, "a test"));
  AwaitStart(going);
  ASSERT_TRUE(owner().Cancel(going, "a test"));
  ASSERT_TRUE(owner().Follow(going, kLimit, [](const auto&) { return true; }));
  EXPECT_TRUE(daemon_->Idle());
}

TEST_P(OwnerConformance, PausesAndResumesAGraphAndSaysByWhom) {
  StartDaemon();
  EXPECT_EQ(owner().Pause("nigthly", true, "me").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(owner().Pause("nightly", false, "me").error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(owner().Pause("nightly", true, "me"));
  const auto again = owner().Pause("nightly", true, "you");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("me"), std::string::npos);
  bool paused = false;
  const Status status = owner().Ask().value();
  for (const GraphStatus& graph : status.graphs) {
    paused |= graph.graph == "nightly" && graph.paused && graph.paused_by == "me";
  }
  EXPECT_TRUE(paused);
  EXPECT_NE(owner().Explain("nightly", "")->find("paused"), std::string::npos);
  EXPECT_TRUE(owner().Pause("nightly", false, "me"));
  EXPECT_EQ(owner().Explain("nothing", "").error().kind, ErrorKind::kNotFound);
}

TEST_P(OwnerConformance, FillsTheInstantsOfAScheduleThatHaveNoRun) {
  StartDaemon();
  BackfillRequest request{"daily", "2019-03-01", "2019-03-03", false, false, 3, true, "a test"};
  const auto dry = owner().Backfill(request);
  ASSERT_TRUE(dry) << dry.error().message;
  ASSERT_EQ(dry->size(), 3U);
  EXPECT_EQ(FormatRfc3339(dry->at(0).scheduled_at), "2019-03-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(dry->at(0).due), "2019-03-02T00:00:00Z");
  EXPECT_EQ(dry->at(0).run, "");
  EXPECT_TRUE(daemon_->Idle());

  request.dry_run = false;
  request.newest_first = true;
  const auto filled = owner().Backfill(request).value();
  ASSERT_EQ(filled.size(), 3U);
  EXPECT_EQ(FormatRfc3339(filled[0].scheduled_at), "2019-03-03T00:00:00Z");
  for (const BackfillInstant& instant : filled) {
    EXPECT_EQ(instant.what, "run");
    ASSERT_TRUE(owner().Follow(instant.run, kLimit, [](const auto&) { return true; }));
    EXPECT_EQ(StateOf(instant.run), plan::State::kSucceeded);
  }
  request.to = "2019-03-04";
  const auto more = owner().Backfill(request).value();
  ASSERT_EQ(more.size(), 4U);
  EXPECT_EQ(more[0].what, "run");
  EXPECT_EQ(more[1].what, "has its run, succeeded");
  EXPECT_EQ(more[1].run, filled[0].run);

  request.to = "2019-02-01";
  EXPECT_EQ(owner().Backfill(request).error().kind, ErrorKind::kInvalid);
  request.graph = "nightly";
  EXPECT_EQ(owner().Backfill(request).error().kind, ErrorKind::kInvalid);
  request = {"daily", "2019-03-01", "2059-03-03", false, false, 1, true, "a test"};
  EXPECT_EQ(owner().Backfill(request).error().kind, ErrorKind::kInvalid);
}

// The last date of a range is in it to its last hour, by the clocks of the schedule's zone.
TEST_P(OwnerConformance, FillsWholeDaysOfTheZoneOfTheSchedule) {
  WriteGraph("sixth", "true",
             ", \"schedule_interval\": \"0 */6 * * *\", \"timezone\": \"America/New_York\"");
  StartDaemon();
  BackfillRequest request{"sixth", "2019-07-01", "2019-07-01", false, false, 1, true, "me"};
  const auto instants = owner().Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  std::string found;
  for (const auto& one : *instants) found += FormatRfc3339(one.scheduled_at) + " ";
  EXPECT_EQ(found,
            "2019-07-01T04:00:00Z 2019-07-01T10:00:00Z 2019-07-01T16:00:00Z 2019-07-01T22:00:00Z ");
  request.from = request.to = "2019-07-01T10:00:00Z";
  EXPECT_EQ(owner().Backfill(request)->size(), 1u);
  request.to = "2019-07-01T09:59:59Z";
  EXPECT_EQ(owner().Backfill(request).error().kind, ErrorKind::kInvalid);
}

TEST_P(OwnerConformance, LeavesToTheScheduleWhatIsTheSchedules) {
  WriteGraph("hourly", "true", ", \"schedule_interval\": \"@hourly\", \"catchup\": false");
  StartDaemon(true);
  ASSERT_TRUE(owner().Ask()) << "a turn, in which the schedule caught up";
  BackfillRequest request{"hourly",
                          FormatRfc3339(Now() - std::chrono::hours(4)),
                          FormatRfc3339(Now() + std::chrono::hours(4)),
                          false,
                          false,
                          1,
                          false,
                          "a test"};
  const auto instants = owner().Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  int queued = 0, has = 0, to_come = 0;
  for (const auto& one : *instants) {
    if (one.what == "run") ++queued;
    if (one.what.starts_with("has its run")) ++has;
    if (one.what == "is still to come") ++to_come;
    EXPECT_EQ(one.what == "is still to come", one.due > Now()) << FormatRfc3339(one.due);
    EXPECT_EQ(one.run.empty(), one.what == "is still to come") << one.what;
  }
  EXPECT_EQ(has, 1) << "the newest was caught up by the schedule";
  EXPECT_GE(queued, 2);
  EXPECT_GE(to_come, 3);
  // All of one backfill are one batch.
  auto record = record::OpenRecord(home_.RecordUrl()).value();
  std::set<std::string> batches;
  for (const auto& one : *instants) {
    if (one.what == "run") batches.insert(record->FindRun(one.run)->facts.batch);
  }
  EXPECT_EQ(batches.size(), 1u);
  EXPECT_TRUE(batches.begin()->starts_with("backfill-"));
}

// The answer was longer than what a client would take.
TEST_P(OwnerConformance, AnswersABackfillOfTenThousandInstants) {
  StartDaemon();
  const BackfillRequest request{"daily", "1992-01-01", "2019-05-01", false, false, 1, true, "me"};
  const auto instants = owner().Backfill(request);
  ASSERT_TRUE(instants) << instants.error().message;
  EXPECT_EQ(instants->size(), 9983U);
}

TEST_P(OwnerConformance, TakesFailedInstantsUpAgainWhenAskedTo) {
  WriteGraph("daily", "exit 3", ", \"schedule_interval\": \"@daily\"");
  StartDaemon();
  BackfillRequest request{"daily", "2019-03-01", "2019-03-01", false, false, 1, false, "a test"};
  const std::string run = owner().Backfill(request)->at(0).run;
  ASSERT_TRUE(owner().Follow(run, kLimit, [](const auto&) { return true; }));
  EXPECT_EQ(owner().Backfill(request)->at(0).what, "has its run, failed");
  request.retry_failed = true;
  request.dry_run = true;
  EXPECT_EQ(owner().Backfill(request)->at(0).what, "retry");
  EXPECT_TRUE(daemon_->Idle());
  request.dry_run = false;
  EXPECT_EQ(owner().Backfill(request)->at(0).run, run);
  ASSERT_TRUE(owner().Follow(run, kLimit, [](const auto&) { return true; }));
  auto record = record::OpenRecord(home_.RecordUrl()).value();
  EXPECT_EQ(record->FindRun(run)->tasks.at(0).attempts.size(), 2U);
}

TEST_P(OwnerConformance, MakesRoomForADaemonUnlessItIsOne) {
  StartDaemon();
  ASSERT_TRUE(owner().Yield());
  EXPECT_TRUE(daemon_->WaitFor(kLimit));
  daemon_.reset();
  EXPECT_FALSE(client_->SomebodyListens());
  StartDaemon(true);
  EXPECT_EQ(owner().Yield().error().kind, ErrorKind::kTemporary);
  EXPECT_TRUE(owner().Ask()->schedules);
}

// Who asked when the conductor had stopped waited for a minute.
TEST_P(OwnerConformance, RefusesAtOnceOnceItHasStopped) {
  StartDaemon();
  daemon_->Stop();
  ASSERT_TRUE(daemon_->WaitFor(kLimit));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(owner().Start(Of("nightly")).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(owner().Ask().error().kind, ErrorKind::kTemporary);
  EXPECT_FALSE(daemon_->Idle());
  daemon_->Reload();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

// It waits on, or to its limit.
TEST_P(OwnerConformance, FollowsUpToALimit) {
  StartDaemon();
  const std::string run = owner().Start(Of("long")).value();
  AwaitStart(run);
  const auto followed = owner().Follow(run, Milliseconds(50), [](const auto&) { return true; });
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().kind, ErrorKind::kTimedOut);
  EXPECT_EQ(followed.error().message, "the run has not ended within the limit");
  ASSERT_TRUE(owner().Cancel(run, "a test"));
  ASSERT_TRUE(owner().Follow(run, kLimit, [](const auto&) { return true; }));
}

// Who started a run that waited for another one saw nothing, and did not know why.
TEST_P(OwnerConformance, CallsOnceWhoHearsNothingOfARunThatWaits) {
  WriteGraph("one", "sleep 60", ", \"max_active_runs\": 1");
  StartDaemon();
  const std::string first = owner().Start(Of("one")).value();
  AwaitStart(first);
  int silent = 0;
  std::string second;
  const auto followed = owner().StartAndFollow(
      Of("one"), {[&](const std::string& run) { second = run; }, [](const auto&) { return true; },
                  [&] {
                    ++silent;
                    EXPECT_TRUE(owner().Cancel(first, "a test"));
                    EXPECT_TRUE(owner().Cancel(second, "a test"));
                  }});
  EXPECT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(silent, 1);
}

TEST_P(OwnerConformance, TellsWhoFollowsThatItHasEnded) {
  StartDaemon();
  const std::string run = owner().Start(Of("long")).value();
  std::atomic<bool> follows = false;
  std::jthread follower([&] {
    const auto followed = owner().Follow(run, std::nullopt, [&](const plan::Decision&) {
      follows = true;
      return true;
    });
    EXPECT_EQ(followed.error().kind, ErrorKind::kTemporary);
  });
  while (!follows) std::this_thread::yield();
  daemon_->Stop();
  ASSERT_TRUE(daemon_->WaitFor(kLimit));
  follower.join();
  daemon_.reset();
  StartDaemon();
  ASSERT_TRUE(owner().Cancel(run, "a test"));
  ASSERT_TRUE(owner().Follow(run, kLimit, [](const auto&) { return true; }));
}

}  // namespace busker::daemon

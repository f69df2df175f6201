#include "dispatch/conductor.h"

#include <atomic>
#include <fstream>

#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "dispatch/conductor_fixture.h"
#include "dispatch/test_gate.h"
#include "dispatch/test_refusal.h"
#include "io/boot.h"
#include "io/test_disk.h"

namespace busker::dispatch {
namespace {

TEST_F(ConductorTest, RunsTasksInTheirOrderToTheEnd) {
  auto conductor = NewConductor();
  const std::string witness = (folder_ / "witness").string();
  auto added = Add(*conductor, kRun, {"echo 1 >> " + witness, "echo 2 >> " + witness});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_TRUE(Get(added));
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(Read(witness), "1\n2\n");
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
  ASSERT_FALSE(decisions_.empty());
  EXPECT_TRUE(std::holds_alternative<plan::RunQueued>(decisions_.front()));
}

TEST_F(ConductorTest, RecordsHowAnAttemptEnded) {
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"exit 7"});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  const record::RunRow run = Find(kRun);
  EXPECT_EQ(run.state, plan::State::kFailed);
  const record::AttemptRow& attempt = run.tasks.at(0).attempts.at(0);
  EXPECT_EQ(attempt.ending, "exited");
  EXPECT_EQ(attempt.exit_code, 7);
  EXPECT_TRUE(attempt.command_started_at && attempt.ended_at);
  EXPECT_GT(attempt.memory_peak_bytes, 0U);
}

TEST_F(ConductorTest, TriesAgainAfterAFailure) {
  auto conductor = NewConductor();
  const std::string witness = (folder_ / "witness").string();
  retries_ = 2;
  auto added =
      Add(*conductor, kRun, {"echo x >> " + witness + "; test $(wc -l < " + witness + ") = 3"});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).tasks.at(0).attempts.size(), 3U);
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
}

TEST_F(ConductorTest, FailsARunThatCannotBePrepared) {
  auto conductor = NewConductor();
  auto asked = Ask(*conductor, Events{plan::RunRequested{Requested(kRun)}});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_TRUE(Get(asked));
  EXPECT_EQ(Find(kRun).state, plan::State::kFailed);
  EXPECT_EQ(Find(kRun).message, "nobody knows how");
}

// A store that was busy while a run was prepared failed it for good.
TEST_F(ConductorTest, PreparesARunAgainWhenWhatFailedMayPass) {
  auto conductor = NewConductor();
  passing_failures_ = 1;
  auto added = Add(*conductor, kRun, {"true"});
  ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(50)).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kQueued);
  EXPECT_NE(Find(kRun).message.find("the store is busy; tried again from"), std::string::npos)
      << Find(kRun).message;
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(Find(kRun).message, "");
}

// A store that did not answer kept the conductor's thread, and so everything, waiting.
class HangingTest : public ConductorTest {
 protected:
  // A conductor for which preparing the runs of the service "slow" hangs until the gate opens.
  std::unique_ptr<Conductor> NewHangingConductor() {
    Deeds deeds = MakeDeeds();
    deeds.prepare = [gate = gate_, begun = begun_,
                     prepare = deeds.prepare](const plan::DagRun& run) -> Result<Prepared> {
      if (run.graph.service != "slow") return prepare(run);
      begun->store(true);
      begun->notify_all();
      gate->Pass();
      return prepare(run);
    };
    return Conductor::Start(*record_, Processes(), home_.RunsFolder(), {}, std::move(deeds))
        .value();
  }
  std::future<Result<void>> AddSlow(Conductor& conductor, const std::string& id) {
    Prepares(id, {"echo " + id + " >> " + witness_});
    plan::DagRun run = Requested(id);
    run.graph = "slow/action";
    return Ask(conductor, Events{plan::RunRequested{run}});
  }

  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>(folder_ / "gate");
  const std::shared_ptr<std::atomic<bool>> begun_ = std::make_shared<std::atomic<bool>>(false);
  const std::string witness_ = (folder_ / "witness").string();
};

TEST_F(HangingTest, KeepsNoOtherServiceWaiting) {
  auto conductor = NewHangingConductor();
  auto slow = AddSlow(*conductor, "slow");
  auto added = Add(*conductor, kRun, {"true"});
  do {
    ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
  } while (Find(kRun).state != plan::State::kSucceeded);
  EXPECT_EQ(Find("slow").state, plan::State::kQueued);
  gate_->Open();
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find("slow").state, plan::State::kSucceeded);
}

TEST_F(HangingTest, IsCancelledAndItsLateAnswerIsDropped) {
  auto conductor = NewHangingConductor();
  auto slow = AddSlow(*conductor, "slow");
  ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
  begun_->wait(false);
  conductor->Cancel("slow", "a test");
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find("slow").state, plan::State::kCancelled);
  // Taken up again it is prepared again, and it is that which counts.
  auto again =
      Ask(*conductor, Events{plan::RetryRequested{record_->LoadRun("slow").value(), "me", ""}});
  ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
  gate_->Open();
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find("slow").state, plan::State::kSucceeded);
  EXPECT_EQ(Read(witness_), "slow\n");
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
}

// The thread that hangs is left to itself, and hangs until this process ends.
TEST_F(HangingTest, DoesNotKeepTheConductorFromEndingAndIsPreparedByTheNext) {
  auto conductor = NewHangingConductor();
  auto slow = AddSlow(*conductor, "slow");
  ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
  begun_->wait(false);
  const auto before = std::chrono::steady_clock::now();
  conductor.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
  auto next = NewConductor();
  ASSERT_EQ(next->Recover().value(), std::vector<std::string>{"slow"});
  ASSERT_TRUE(next->Run(Until::kIdle).value());
  EXPECT_EQ(Find("slow").state, plan::State::kSucceeded);
  EXPECT_EQ(Read(witness_), "slow\n");
}

TEST_F(ConductorTest, CancelsEvenAnAttemptThatIsJustStarting) {
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"sleep 60"});
  conductor->Cancel(kRun, "a test");
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  EXPECT_EQ(Find(kRun).state, plan::State::kCancelled);
}

TEST_F(ConductorTest, FailsAnAttemptWhoseRunnerCannotBeStarted) {
  auto conductor = NewConductor("/nowhere/busker-runner");
  auto added = Add(*conductor, kRun, {"true"});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kFailed);
  EXPECT_NE(Find(kRun).message.find("busker-runner"), std::string::npos);
}

// Where there was no room for one more process, or no descriptor for it, a task without retries had
// failed.
TEST_F(ConductorTest, BeginsAnAttemptAgainForWhichThereWasNoRoom) {
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"true"});
  {
    const NoMoreFiles none;
    do {
      ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
    } while (Find(kRun).tasks.empty() || Find(kRun).tasks.at(0).task.message.empty());
  }
  const record::TaskRow waiting = Find(kRun).tasks.at(0);
  EXPECT_EQ(waiting.task.state, plan::State::kQueued);
  EXPECT_EQ(waiting.attempts.size(), 0U);
  EXPECT_TRUE(waiting.task.message.starts_with("it could not be begun: ")) << waiting.task.message;
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(Find(kRun).tasks.at(0).attempts.size(), 1U);
  EXPECT_EQ(conductor->figures().attempts_failed, 0U);
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
}

// An attempt that could not be told to stop ended the daemon.
TEST_F(ConductorTest, TellsAnAttemptAgainToStopWhenItCouldNot) {
  Deeds deeds = MakeDeeds();
  std::vector<std::string> warnings;
  deeds.warn = [&](const std::string& sentence) { warnings.push_back(sentence); };
  auto conductor = Conductor::Start(*record_, Processes(), home_.RunsFolder(), {}, deeds).value();
  const std::string witness = (folder_ / "witness").string();
  auto added = Add(*conductor, kRun, {"touch " + witness + "; sleep 600"});
  do {
    ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + Milliseconds(20)).value());
  } while (!fs::exists(witness));
  conductor->Cancel(kRun, "a test");
  bool refuses = false, ran = true;
  std::thread([&] {
    refuses = RefuseSignals();
    if (refuses) ran = conductor->Run(Until::kIdle, Now() + Milliseconds(100)).value();
  }).join();
  if (!refuses) GTEST_SKIP() << "there is no seccomp";
  EXPECT_FALSE(ran);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(warnings[0].starts_with("attempt " + kRun +
                                      "/t1.1 cannot be told to stop, which is "
                                      "tried again: tell process "))
      << warnings[0];
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kCancelled);
  EXPECT_EQ(warnings.size(), 1U);
}

TEST_F(ConductorTest, AnswersARequestOnceItIsOnRecordOrWithItsError) {
  auto conductor = NewConductor();
  bool on_record = false;
  Prepares(kRun, {"true"});
  conductor->Ask({[&](const View&) { return Events{plan::RunRequested{Requested(kRun)}}; },
                  [&](const Result<void>& result, const View& view) {
                    on_record = result && view.record.FindRun(kRun) && view.agenda.FindRun(kRun);
                  }});
  auto refused = Ask(*conductor, Invalid("no such thing"));
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_TRUE(on_record);
  EXPECT_EQ(Get(refused).error().message, "no such thing");
}

TEST_F(ConductorTest, ShowsARequestWhatTheOnesBeforeItHaveBroughtAbout) {
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"true"});
  std::size_t seen = 0;
  conductor->Ask({[&](const View& view) {
                    seen = view.decided.size();
                    return Events{};
                  },
                  {}});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(seen, 1U);
}

TEST_F(ConductorTest, LeavesWhatIsNotDoneWithinItsLimit) {
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"sleep 60"});
  EXPECT_FALSE(conductor->Run(Until::kIdle, Now() + std::chrono::milliseconds(300)).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kRunning);
  conductor->Cancel(kRun, "a test");
  EXPECT_TRUE(conductor->Run(Until::kIdle).value());
}

// Tasks that were started on a full disk failed, for nothing could say how they ended.
TEST_F(ConductorTest, StartsNothingOnAFullDiskAndGoesOnWhenThereIsSpace) {
  fs::create_directories(home_.RunsFolder());
  const io::SmallDisk disk(home_.RunsFolder(), "4m");
  if (!disk.mounted()) GTEST_SKIP() << "mounting needs root";
  const fs::path filler = home_.RunsFolder() / "filler";
  std::ofstream(filler) << std::string(3'500'000, 'x');
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"true"});
  EXPECT_FALSE(conductor->Run(Until::kIdle, Now() + std::chrono::milliseconds(300)).value());
  EXPECT_EQ(conductor->Trouble(), "the disk is full");
  EXPECT_EQ(Find(kRun).state, plan::State::kQueued);
  fs::remove(filler);
  EXPECT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(conductor->Trouble(), "");
}

// A disk has room for bytes and for files, and what lacks either can be written to no more.
TEST_F(ConductorTest, StartsNothingOnADiskWithoutRoomForFiles) {
  fs::create_directories(home_.RunsFolder());
  const io::SmallDisk disk(home_.RunsFolder(), "8m,nr_inodes=200");
  if (!disk.mounted()) GTEST_SKIP() << "mounting needs root";
  const fs::path fillers = home_.RunsFolder() / "fillers";
  fs::create_directory(fillers);
  for (int i = 0; i < 150; ++i) std::ofstream(fillers / std::to_string(i));
  auto conductor = NewConductor();
  auto added = Add(*conductor, kRun, {"true"});
  EXPECT_FALSE(conductor->Run(Until::kIdle, Now() + std::chrono::milliseconds(300)).value());
  EXPECT_EQ(conductor->Trouble(), "the disk is full");
  EXPECT_EQ(Find(kRun).state, plan::State::kQueued);
  fs::remove_all(fillers);
  EXPECT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(conductor->Trouble(), "");
}

// An idle conductor with a limit span for ever once the limit had passed.
TEST_F(ConductorTest, EndsAtItsLimitWhenThereIsNothingToDo) {
  auto conductor = NewConductor();
  EXPECT_FALSE(conductor->Run(Until::kStopped, Now() + std::chrono::milliseconds(50)).value());
}

// Who asked when the conductor had stopped waited a minute for nothing, and who had asked just
// before it stopped ended the process: the promise of an answer was broken.
TEST_F(ConductorTest, RefusesAtOnceWhoeverAsksWhenItHasStopped) {
  auto conductor = NewConductor();
  auto before = Add(*conductor, kRun, {"true"});
  conductor->Stop();
  EXPECT_TRUE(conductor->Run(Until::kStopped).value());
  auto after = Add(*conductor, "r2", {"true"});
  EXPECT_EQ(Get(before).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(Get(after).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(record_->FindRun(kRun).error().kind, ErrorKind::kNotFound);
}

TEST_F(ConductorTest, EndsWhenTheRecordCannotBeWrittenAndSaysWhyToWhoeverAsked) {
  auto conductor = NewConductor();
  auto one = Add(*conductor, kRun, {"true"});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  // Of a run that has ended there must be no second one; that is a bug of whoever asks.
  auto again = Add(*conductor, kRun, {"true"});
  EXPECT_FALSE(conductor->Run(Until::kIdle));
  EXPECT_FALSE(Get(again));
  EXPECT_NE(conductor->Trouble(), "");
}

TEST_F(ConductorTest, RecordsANoticeWithWhatItTellsOfAndSendsItAfter) {
  Deeds deeds = MakeDeeds();
  std::vector<std::string> sent;
  deeds.notices = [](const plan::NotifyPeople& tell, Instant now) {
    record::NoticeRow notice;
    notice.key = "k";
    notice.at = notice.next_try = now;
    notice.kind = plan::NameOf(tell.kind);
    notice.run = tell.run;
    return std::vector<record::NoticeRow>{notice};
  };
  deeds.send = [&](const std::vector<record::NoticeRow>& notices) {
    for (const auto& notice : notices) sent.push_back(notice.kind + " " + notice.run);
  };
  auto conductor = Conductor::Start(*record_, Processes(), home_.RunsFolder(), {}, deeds).value();
  auto added = Add(*conductor, kRun, {"exit 1"});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(sent, std::vector<std::string>{"failed " + kRun});
  EXPECT_EQ(record_->PendingNotices().value().size(), 1U);
  conductor->Tell({"k", record::NoticeOutcome::State::kDelivered, {}, ""});
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(record_->PendingNotices().value().size(), 0U);
}

}  // namespace
}  // namespace busker::dispatch

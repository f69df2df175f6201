// What a conductor finds that another one began.
#include <signal.h>

#include <fstream>

#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "dispatch/conductor_fixture.h"
#include "io/boot.h"

namespace busker::dispatch {
namespace {

using RecoveryTest = ConductorTest;

TEST_F(RecoveryTest, AdoptsAnAttemptThatRunsAndLearnsItsEnd) {
  const fs::path witness = folder_ / "witness";
  const fs::path gate = folder_ / "gate";
  DecideToStart("echo began >> " + witness.string() + "; while ! test -e " + gate.string() +
                "; do sleep 0.02; done; exit 7");
  {
    auto executor = execute::ProcessExecutor::Start(BUSKER_RUNNER_PATH, home_.RunsFolder(),
                                                    [](const auto&, auto) {})
                        .value();
    const record::Order order = record_->OrderOf(kRun, "t1").value();
    ASSERT_TRUE(executor->Launch(
        {{kRun, "t1", 1}, attempt::Seal({1, "", io::BootId(), {}}, order.text), order.synced}));
    WaitFor(witness);
  }  // whoever waited for it is gone
  auto conductor = NewConductor();
  ASSERT_EQ(conductor->Recover().value(), std::vector<std::string>{kRun});
  std::ofstream(gate).close();
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).tasks.at(0).attempts.at(0).exit_code, 7);
  EXPECT_EQ(Read(witness), "began\n");
}

// Right after a start, whoever looked was told that no run is unfinished.
TEST_F(RecoveryTest, CountsWhatItTookUpBeforeItsFirstTurn) {
  DecideToStart("true");
  auto conductor = NewConductor();
  EXPECT_EQ(conductor->figures().runs_unfinished.load(), 0u);
  ASSERT_TRUE(conductor->Recover());
  EXPECT_EQ(conductor->figures().runs_unfinished.load(), 1u);
  EXPECT_EQ(conductor->figures().attempts_running.load(), 1u);
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(conductor->figures().runs_unfinished.load(), 0u);
}

// What broke in such programs: an attempt on record whose process was never started was waited for
// for ever, or started twice.
TEST_F(RecoveryTest, StartsAnAttemptThatIsOnRecordButWasNeverStarted) {
  DecideToStart("echo began >> " + (folder_ / "witness").string());  // and here the power went
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
  EXPECT_EQ(Read(folder_ / "witness"), "began\n");
}

TEST_F(RecoveryTest, DoesNotStartAgainWhatAnotherBootMayHaveStartedWithoutATrace) {
  synced_ = false;
  DecideToStart("echo began >> " + (folder_ / "witness").string(), "another boot");
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kFailed);
  EXPECT_EQ(Read(folder_ / "witness"), "");
}

TEST_F(RecoveryTest, StopsWhatWasCancelledBeforeTheCrash) {
  const fs::path witness = folder_ / "witness";
  {
    auto conductor = NewConductor();
    auto added = Add(*conductor, kRun, {"echo began >> " + witness.string() + "; sleep 60"});
    ASSERT_FALSE(conductor->Run(Until::kIdle, Now() + std::chrono::milliseconds(300)).value());
    WaitFor(witness);
  }
  const std::vector<plan::Decision> cancel = {plan::CancelAccepted{kRun, "a test"}};
  record::Turn turn;
  turn.now = Now();
  turn.decisions = cancel;
  turn.epoch = record_->FindLead().value().epoch;  // of the conductor that crashed
  ASSERT_TRUE(record_->Append(turn));
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->Run(Until::kIdle, Now() + std::chrono::seconds(20)).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kCancelled);
}

TEST_F(RecoveryTest, NeverStartsACommandASecondTimeWhenItsRunnerWasKilled) {
  auto conductor = NewConductor();
  const fs::path witness = folder_ / "witness";
  auto added = Add(*conductor, kRun, {"echo began >> " + witness.string() + "; sleep 60"});
  std::thread loop([&] { EXPECT_TRUE(conductor->Run(Until::kIdle)); });
  WaitFor(witness);
  const auto runner =
      execute::FindRunner(attempt::FolderOf(home_.RunsFolder(), {kRun, "t1", 1})).value();
  ASSERT_TRUE(runner);
  kill(runner->process, SIGKILL);
  loop.join();
  EXPECT_EQ(Find(kRun).state, plan::State::kFailed);
  EXPECT_EQ(Read(witness), "began\n");
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
}

// A conductor on a copy of a home killed what the original ran: both had the marks and the start
// markers of the same attempts.
TEST_F(RecoveryTest, LeavesAloneWhatAnotherHomeRuns) {
  instance_.id = "original";
  const fs::path witness = folder_ / "witness";
  const fs::path gate = folder_ / "gate";
  DecideToStart("echo began >> " + witness.string() + "; while ! test -e " + gate.string() +
                "; do sleep 0.02; done; echo ended >> " + witness.string());
  auto original = NewConductor();
  ASSERT_TRUE(original->Recover());
  WaitFor(witness);
  const fs::path attempt = home_.RunsFolder() / kRun / "t1.1";
  const fs::path kept = folder_ / "kept";
  fs::rename(attempt, kept);  // the copy's folder: the marker, and nobody who holds its lock
  fs::copy(kept, attempt, fs::copy_options::recursive);
  instance_.id = "copy";
  {
    auto copy = NewConductor();
    ASSERT_EQ(copy->Recover().value(), std::vector<std::string>{kRun});
    ASSERT_TRUE(copy->Run(Until::kIdle).value());
  }
  EXPECT_EQ(Find(kRun).tasks.at(0).attempts.at(0).ending, "lost");
  EXPECT_NE(Find(kRun).message.find("a copy of another"), std::string::npos) << Find(kRun).message;
  EXPECT_EQ(Read(witness), "began\n");
  fs::remove_all(attempt);
  fs::rename(kept, attempt);
  std::ofstream(gate).close();
  WaitFor(attempt / attempt::kExitFile);
  EXPECT_EQ(Read(witness), "began\nended\n");
}

TEST_F(RecoveryTest, TakesTheEndOfWhatAnotherHomeRanFromItsFolder) {
  instance_.id = "original";
  DecideToStart("true");
  attempt::ExitRecord exit;
  exit.run = kRun;
  exit.task = "t1";
  exit.ended_at = Now();
  folder_.Write(fs::relative(home_.RunsFolder(), folder_.path()) / kRun / "t1.1/exit.json",
                attempt::ExitToJson(exit));
  instance_ = {"copy", true, {home_.folder}};
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Find(kRun).state, plan::State::kSucceeded);
}

// Of an attempt that an earlier version started, the record does not say which home did; only a
// home that is a copy knows that it did not.
TEST_F(RecoveryTest, AdoptsWhatAnEarlierVersionStartedUnlessTheHomeIsACopy) {
  DecideToStart("echo $BUSKER_ATTEMPT >> " + (folder_ / "witness").string());
  instance_ = {"own", false, {home_.folder}};
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->Run(Until::kIdle).value());
  EXPECT_EQ(Read(folder_ / "witness"), std::string(kRun) + "/t1.1\n");
}

}  // namespace
}  // namespace busker::dispatch

#include "dispatch/conductor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "dispatch/home.h"
#include "io/test_folder.h"

namespace busker::dispatch {
namespace {

namespace fs = io::fs;

// A home in a temporary folder, a record in it, and conductors that come and go.
class ConductorTest : public testing::Test {
 protected:
  ConductorTest() {
    home_ = MakeHome(folder_ / ".busker").value();
    record_ = std::move(record::OpenSqliteRecord(home_.RecordFile(), true).value());
  }

  std::unique_ptr<Conductor> NewConductor() {
    return Conductor::Start(*record_, BUSKER_RUNNER_PATH, home_.RunsFolder(),
                            [](const plan::Decision&) {})
        .value();
  }

  // A run with one task per shell script, each waiting for the one before.
  Result<void> Add(Conductor& conductor, const std::string& id,
                   const std::vector<std::string>& scripts, int retries = 0) {
    record::RunFacts facts;
    facts.id = id;
    facts.service = "shop";
    facts.service_version = "1";
    facts.action = "work";
    facts.timestamp = id;
    facts.requested_at = Now();
    std::vector<record::TaskFacts> tasks;
    for (const std::string& script : scripts) {
      runner::AttemptOrder order;
      order.run = id;
      order.task = "t" + std::to_string(tasks.size() + 1);
      order.command = {"/bin/sh", "-c", script};
      order.environment = {"PATH=/usr/bin:/bin"};
      order.grace = Milliseconds(500);
      record::TaskFacts task;
      task.task.name = order.task;
      task.task.retries = retries;
      if (!tasks.empty()) task.task.after = {tasks.back().task.name};
      task.order_json = runner::OrderToJson(order);
      tasks.push_back(task);
    }
    return conductor.Add(facts, tasks);
  }

  record::RunRow Find(const std::string& id) { return record_->FindRun(id).value(); }

  void WaitFor(const fs::path& path) {
    for (int i = 0; i < 3000 && !fs::exists(path); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(fs::exists(path)) << path << " never came";
  }

  std::string Read(const fs::path& path) { return io::ReadFile(path).value_or(""); }

  // Puts a run with one task on record, up to the decision to start its first attempt.
  void DecideToStart(const std::string& script) {
    auto conductor = NewConductor();
    ASSERT_TRUE(Add(*conductor, "r1", {script}));
    using enum plan::State;
    const std::vector<plan::Decision> decided = {
        plan::RunChanged{"r1", kQueued, kRunning, ""},
        plan::TaskChanged{"r1", "t1", kQueued, kRunning, ""}, plan::StartAttempt{"r1", "t1", 1}};
    ASSERT_TRUE(record_->Append(decided, {}, Now()));
  }

  io::TestFolder folder_;
  Home home_;
  std::unique_ptr<record::Record> record_;
};

TEST_F(ConductorTest, RunsTasksInTheirOrderToTheEnd) {
  auto conductor = NewConductor();
  const std::string witness = (folder_ / "witness").string();
  ASSERT_TRUE(Add(*conductor, "r1", {"echo 1 >> " + witness, "echo 2 >> " + witness}));
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_EQ(Find("r1").state, plan::State::kSucceeded);
  EXPECT_EQ(Read(witness), "1\n2\n");
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
}

TEST_F(ConductorTest, RecordsHowAnAttemptEnded) {
  auto conductor = NewConductor();
  ASSERT_TRUE(Add(*conductor, "r1", {"exit 7"}));
  ASSERT_TRUE(conductor->RunToEnd());
  const record::RunRow run = Find("r1");
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
  ASSERT_TRUE(
      Add(*conductor, "r1", {"echo x >> " + witness + "; test $(wc -l < " + witness + ") = 3"}, 2));
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_EQ(Find("r1").tasks.at(0).attempts.size(), 3U);
  EXPECT_EQ(Find("r1").state, plan::State::kSucceeded);
}

TEST_F(ConductorTest, CancelsEvenAnAttemptThatIsJustStarting) {
  auto conductor = NewConductor();
  ASSERT_TRUE(Add(*conductor, "r1", {"sleep 60"}));
  conductor->Cancel("r1", "a test");
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  EXPECT_EQ(Find("r1").state, plan::State::kCancelled);
}

TEST_F(ConductorTest, FailsAnAttemptWhoseRunnerCannotBeStarted) {
  auto conductor = Conductor::Start(*record_, "/nowhere/busker-runner", home_.RunsFolder(),
                                    [](const plan::Decision&) {})
                       .value();
  ASSERT_TRUE(Add(*conductor, "r1", {"true"}));
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_EQ(Find("r1").state, plan::State::kFailed);
  EXPECT_NE(Find("r1").message.find("busker-runner"), std::string::npos);
}

TEST_F(ConductorTest, AdoptsAnAttemptThatRunsAndLearnsItsEnd) {
  const fs::path witness = folder_ / "witness";
  const fs::path gate = folder_ / "gate";
  DecideToStart("echo began >> " + witness.string() + "; while ! test -e " + gate.string() +
                "; do sleep 0.02; done; exit 7");
  {
    auto executor = execute::ProcessExecutor::Start(BUSKER_RUNNER_PATH, home_.RunsFolder(),
                                                    [](const auto&, auto) {})
                        .value();
    const auto order = runner::OrderFromJson(record_->OrderOf("r1", "t1").value()).value();
    ASSERT_TRUE(executor->Launch({"r1", "t1", 1}, order));
    WaitFor(witness);
  }  // whoever waited for it is gone
  auto conductor = NewConductor();
  ASSERT_EQ(conductor->Recover().value(), std::vector<std::string>{"r1"});
  std::ofstream(gate).close();
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_EQ(Find("r1").tasks.at(0).attempts.at(0).exit_code, 7);
  EXPECT_EQ(Read(witness), "began\n");
}

// What broke in such programs: an attempt on record whose process was never started was waited for
// for ever, or started twice.
TEST_F(ConductorTest, StartsAnAttemptThatIsOnRecordButWasNeverStarted) {
  DecideToStart("echo began >> " + (folder_ / "witness").string());  // and here the power went
  auto conductor = NewConductor();
  ASSERT_TRUE(conductor->Recover());
  ASSERT_TRUE(conductor->RunToEnd());
  EXPECT_EQ(Find("r1").state, plan::State::kSucceeded);
  EXPECT_EQ(Read(folder_ / "witness"), "began\n");
}

TEST_F(ConductorTest, NeverStartsACommandASecondTimeWhenItsRunnerWasKilled) {
  auto conductor = NewConductor();
  const fs::path witness = folder_ / "witness";
  ASSERT_TRUE(Add(*conductor, "r1", {"echo began >> " + witness.string() + "; sleep 60"}));
  std::thread loop([&] { EXPECT_TRUE(conductor->RunToEnd()); });
  WaitFor(witness);
  const auto runner = execute::FindRunner(conductor->FolderOf({"r1", "t1", 1})).value();
  ASSERT_TRUE(runner);
  kill(runner->process, SIGKILL);
  loop.join();
  EXPECT_EQ(Find("r1").state, plan::State::kFailed);
  EXPECT_EQ(Read(witness), "began\n");
  EXPECT_EQ(record_->Check().value(), std::vector<std::string>{});
}

TEST(Home, IsOwnedByOneAtATimeAndSaysByWhom) {
  const io::TestFolder folder;
  const Home home = MakeHome(folder.path()).value();
  EXPECT_EQ(OwnerOf(home), "");
  {
    const auto first = Ownership::Take(home, "runs training", std::chrono::seconds(1));
    ASSERT_TRUE(first);
    EXPECT_NE(OwnerOf(home).find("runs training"), std::string::npos);
    const auto second = Ownership::Take(home, "runs application", std::chrono::milliseconds(50));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kTemporary);
    EXPECT_NE(second.error().message.find("runs training"), std::string::npos);
  }
  EXPECT_TRUE(Ownership::Take(home, "runs application", std::chrono::milliseconds(50)));
}

}  // namespace
}  // namespace busker::dispatch

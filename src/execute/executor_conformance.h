// What every executor must do, as tests. For tests only.
//
// A back end plugs in with a function that makes an empty place for attempts, called once per test:
//
//   INSTANTIATE_TEST_SUITE_P(Processes, ExecutorConformance,
//                            testing::Combine(testing::Values(&MakeProcessPlace),
//                            testing::Bool()));
//
// likewise EveryExecutorConformance, which Busker's own steps sit alone (step_executor.h), and is
// finished when all of it passes, with orders that are synced and with orders that are not.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "execute/test_order.h"
#include "io/test_folder.h"

namespace busker::execute {

// An empty place for attempts that lives as long as this. It ends what still runs there.
class PlaceUnderTest {
 public:
  virtual ~PlaceUnderTest() = default;
  // An executor of this place: the first, or that of a next Busker.
  virtual std::unique_ptr<Executor> Open(Executor::OnEnded, Executor::SecretOf) = 0;
  // The folder of an attempt, as whoever shows logs finds it.
  virtual io::fs::path FolderOf(const attempt::Name& name) = 0;
  // Whether the attempt has ended, also while there is no executor that would look.
  virtual bool HasEnded(const attempt::Name& name) {
    const auto ended = attempt::ReadExit(FolderOf(name));
    return ended && *ended;
  }
  // Ends the runner of an attempt that runs, in a way that lets it say nothing.
  virtual void KillRunner(const attempt::Name& name) = 0;
  // plan::Task::place of its attempts.
  virtual std::string Url() { return {}; }
  // A folder that commands reach by the same path.
  virtual io::fs::path Shared() = 0;
};
using MakePlace = std::unique_ptr<PlaceUnderTest> (*)();

class ExecutorConformance : public testing::TestWithParam<std::tuple<MakePlace, bool>> {
 protected:
  using Ending = attempt::Ending;
  using ExitRecord = attempt::ExitRecord;
  // Of anything waited for: a dozen VMs that boot at once on a busy machine take a minute.
  static constexpr std::chrono::minutes kLimit{4};

  void SetUp() override { Open(); }
  void TearDown() override { executor_.reset(); }

  // The next Busker: the one before waits no longer.
  void Open() {
    executor_.reset();
    executor_ = place_->Open(
        [this](const attempt::Name& name, Result<ExitRecord> exit) { Take(name, std::move(exit)); },
        [this](const std::string& name) -> Result<std::string> {
          const std::lock_guard lock(mutex_);
          const auto found = secrets_.find(name);
          if (found != secrets_.end()) return found->second;
          return NotFound("secret \"" + name + "\" is not set");
        });
  }

  void Take(const attempt::Name& name, Result<ExitRecord> exit) {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      EXPECT_TRUE(exit) << exit.error().message;
      EXPECT_FALSE(ended_.contains(name)) << name.Text() << " ended twice";
      ended_[name] = exit.value_or(ExitRecord{});
      then = std::exchange(when_ended_, {});
    }
    if (then) then();
    changed_.notify_all();
  }

  // A test in another process must not take our attempts for its own.
  static attempt::Name Named(const std::string& task, int number = 1) {
    return {"r" + std::to_string(getpid()), task, number};
  }

  static attempt::Order OrderOf(const attempt::Name& name, const std::string& script) {
    attempt::Order order = TestOrder(name, script);
    order.synced = std::get<1>(GetParam());
    return order;
  }

  void Launch(const attempt::Order& order) {
    const auto launched = executor_->Launch(Sealed(order, place_->Url()));
    ASSERT_TRUE(launched) << launched.error().message;
  }
  void Launch(const attempt::Name& name, const std::string& script) {
    Launch(OrderOf(name, script));
  }
  void Recover(const attempt::Order& order) {
    const auto recovered = executor_->Recover(Sealed(order, place_->Url()));
    ASSERT_TRUE(recovered) << recovered.error().message;
  }

  ExitRecord WaitFor(const attempt::Name& name) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [&] { return ended_.contains(name); }))
        << name.Text() << " never ended";
    return ended_[name];
  }
  ExitRecord Run(const attempt::Order& order) {
    Launch(order);
    return WaitFor({order.run, order.task, order.number});
  }
  ExitRecord Run(const std::string& task, const std::string& script) {
    return Run(OrderOf(Named(task), script));
  }

  std::string PathOf(const std::string& file) { return (place_->Shared() / file).string(); }
  std::string Witnessed(const std::string& script = "true") {
    return "echo started >> " + PathOf("witness") + "; " + script;
  }
  std::string Witness() { return io::ReadFile(PathOf("witness")).value_or(""); }
  std::string UntilGate() {
    return "while ! test -e " + PathOf("gate") + "; do sleep 0.02; done; ";
  }
  void OpenGate() { EXPECT_TRUE(io::WriteFileUnsynced(PathOf("gate"), "")); }
  static bool Soon(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  void WaitUntilStarted() {
    ASSERT_TRUE(Soon([&] { return Witness() == "started\n"; })) << Witness();
  }
  std::string LogOf(const attempt::Name& name) {
    std::string log;
    attempt::LogReader reader(place_->FolderOf(name));
    EXPECT_TRUE(reader.ReadNew([&](std::string_view bytes) { log += bytes; }));
    return log;
  }

  std::unique_ptr<PlaceUnderTest> place_ = std::get<0>(GetParam())();
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<attempt::Name, ExitRecord> ended_;
  std::map<std::string, std::string> secrets_;
  std::function<void()> when_ended_;  // once
  std::unique_ptr<Executor> executor_;
};

// What also holds where an attempt is no process, and ends with Busker. The exit codes are those of
// Busker's own errors.
class EveryExecutorConformance : public ExecutorConformance {};

TEST_P(ExecutorConformance, TellsHowEachAttemptEnded) {
  const ExitRecord good = Run("good", "echo hello");
  EXPECT_EQ(good.ending, Ending::kSucceeded) << good.message;
  EXPECT_EQ(good.run, Named("good").run);
  EXPECT_EQ(good.task, "good");
  EXPECT_EQ(good.log_bytes, 6U);
  const ExitRecord bad = Run("bad", "exit 3");
  EXPECT_EQ(bad.ending, Ending::kExited);
  EXPECT_EQ(bad.exit_code, 3);
  const ExitRecord killed = Run("killed", "kill -SEGV $$");
  EXPECT_EQ(killed.ending, Ending::kSignalled);
  EXPECT_EQ(killed.signal, SIGSEGV);
  attempt::Order missing = OrderOf(Named("missing"), "");
  missing.command = {"/no/such/program"};
  EXPECT_EQ(Run(missing).ending, Ending::kNotStarted);
  attempt::Order late = OrderOf(Named("late"), "sleep 100");
  late.timeout = Milliseconds(100);
  EXPECT_EQ(Run(late).ending, Ending::kTimedOut);
}

TEST_P(EveryExecutorConformance, KeepsTheLogAndTheExitRecordWhereTheyAreLookedFor) {
  const attempt::Name name = Named("t");
  Run("t", "echo out; echo err >&2; exit 4");
  const std::string log = LogOf(name);
  EXPECT_NE(log.find("out\n"), std::string::npos) << log;
  EXPECT_NE(log.find("err\n"), std::string::npos) << log;
  const auto kept = attempt::ReadExit(place_->FolderOf(name));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->exit_code, 4);
}

TEST_P(ExecutorConformance, TellsTheProgramWhichAttemptItIs) {
  const attempt::Name name = Named("t", 7);
  Run(OrderOf(name, "echo $BUSKER_ATTEMPT > " + PathOf("told")));
  EXPECT_EQ(io::ReadFile(PathOf("told")).value_or(""), name.Text() + "\n");
}

TEST_P(EveryExecutorConformance, HasManyAtOnceAndTellsOfEachOnce) {
  constexpr int kAttempts = 12;
  for (int i = 0; i < kAttempts; ++i) {
    Launch(Named("t" + std::to_string(i)), UntilGate() + "exit " + std::to_string(i % 5));
  }
  OpenGate();
  for (int i = 0; i < kAttempts; ++i) {
    EXPECT_EQ(WaitFor(Named("t" + std::to_string(i))).exit_code, i % 5);
  }
}

TEST_P(EveryExecutorConformance, TakesAnotherAttemptFromWhomItTellsOfTheLast) {
  {
    const std::lock_guard lock(mutex_);
    when_ended_ = [this] { Launch(Named("second"), "exit 2"); };
  }
  Run("first", "true");
  EXPECT_EQ(WaitFor(Named("second")).exit_code, 2);
}

TEST_P(EveryExecutorConformance, StopsAnAttempt) {
  const attempt::Name name = Named("t");
  Launch(name, Witnessed("sleep 100"));
  WaitUntilStarted();
  ASSERT_TRUE(executor_->Stop(name));
  ASSERT_TRUE(executor_->Stop(name)) << "and a second time";
  EXPECT_EQ(WaitFor(name).ending, Ending::kCancelled);
  EXPECT_TRUE(executor_->Stop(name)) << "and one that has ended";
}

TEST_P(ExecutorConformance, StopsOneThatWillNotHear) {
  const attempt::Name name = Named("t");
  Launch(name, "trap '' TERM; " + Witnessed("while :; do sleep 1; done"));
  WaitUntilStarted();
  ASSERT_TRUE(executor_->Stop(name));
  EXPECT_EQ(WaitFor(name).ending, Ending::kCancelled);
}

TEST_P(EveryExecutorConformance, AStopThatComesBeforeItsAttemptIsKeptAndIsForThatAttemptOnly) {
  Run("warm", "true");
  ASSERT_TRUE(executor_->Stop(Named("t")));
  Launch(Named("t"), "sleep 100");
  EXPECT_EQ(WaitFor(Named("t")).ending, Ending::kCancelled);
  EXPECT_EQ(Run(OrderOf(Named("t", 2), "true")).ending, Ending::kSucceeded);
}

TEST_P(ExecutorConformance, AnAttemptOutlivesItAndIsFoundAgain) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed(UntilGate() + "echo late; exit 7"));
  Launch(order);
  WaitUntilStarted();
  Open();
  Recover(order);
  OpenGate();
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 7);
  EXPECT_EQ(Witness(), "started\n");
  EXPECT_NE(LogOf(Named("t")).find("late"), std::string::npos);
}

TEST_P(ExecutorConformance, OneThatIsFoundAgainIsStopped) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed("sleep 100"));
  Launch(order);
  WaitUntilStarted();
  Open();
  ASSERT_TRUE(executor_->Stop(Named("t")));
  Recover(order);
  EXPECT_EQ(WaitFor(Named("t")).ending, Ending::kCancelled);
}

TEST_P(ExecutorConformance, OneThatEndedWhileNobodyLookedIsToldAtOnce) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed(UntilGate() + "exit 9"));
  Launch(order);
  WaitUntilStarted();
  executor_.reset();
  OpenGate();
  ASSERT_TRUE(Soon([&] { return place_->HasEnded(Named("t")); }));
  Open();
  Recover(order);
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 9);
  EXPECT_EQ(Witness(), "started\n");
}

TEST_P(EveryExecutorConformance, OneThatWasOnlyDecidedOnIsStarted) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed("exit 4"));
  Recover(order);
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 4);
  EXPECT_EQ(Witness(), "started\n");
}

TEST_P(ExecutorConformance, OfAnEarlierBootOnlyWhatIsSyncedIsStarted) {
  attempt::Order order = OrderOf(Named("t"), Witnessed("exit 5"));
  order.boot = "an-earlier-boot";
  Recover(order);
  EXPECT_EQ(WaitFor(Named("t")).ending, order.synced ? Ending::kExited : Ending::kLost);
  EXPECT_EQ(Witness(), order.synced ? "started\n" : "");
}

TEST_P(ExecutorConformance, OneWhoseRunnerDiedIsLostAndNotStartedAgain) {
  Launch(Named("t"), Witnessed("sleep 100"));
  WaitUntilStarted();
  place_->KillRunner(Named("t"));
  EXPECT_EQ(WaitFor(Named("t")).ending, Ending::kLost);
  EXPECT_EQ(Witness(), "started\n");
}

TEST_P(ExecutorConformance, OneWhoseRunnerDiedWhileNobodyLookedIsLostAndNotStartedAgain) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed("sleep 100"));
  Launch(order);
  WaitUntilStarted();
  executor_.reset();
  place_->KillRunner(Named("t"));
  Open();
  Recover(order);
  EXPECT_EQ(WaitFor(Named("t")).ending, Ending::kLost);
  EXPECT_EQ(Witness(), "started\n");
}

TEST_P(ExecutorConformance, ARepeatableOneWhoseRunnerDiedIsCarriedOutAgain) {
  attempt::Order order =
      OrderOf(Named("t"), "test -e " + PathOf("witness") + " && exit 6; " + Witnessed("sleep 100"));
  order.repeatable = true;
  Launch(order);
  WaitUntilStarted();
  place_->KillRunner(Named("t"));
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 6);
}

TEST_P(ExecutorConformance, ASweepLeavesAloneWhatIsUnfinished) {
  const attempt::Order order = OrderOf(Named("t"), Witnessed(UntilGate() + "exit 7"));
  Launch(order);
  WaitUntilStarted();
  Open();
  const attempt::Name unfinished[] = {Named("t")};
  ASSERT_TRUE(executor_->Sweep(unfinished));
  Recover(order);
  OpenGate();
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 7);
}

class ExecutorSecretsConformance : public ExecutorConformance {
 protected:
  attempt::Order OrderWithSecret(const attempt::Name& name, const std::string& script) {
    attempt::Order order = OrderOf(name, script);
    order.secrets = {{"KEY_FILE", "key", false}, {"KEY", "key", true}};
    return order;
  }
  // The exit code is 7 for the right value.
  const std::string check_ =
      "[ \"$(cat $KEY_FILE)\" = hunter\"2!\" ] && [ \"$KEY\" = hunter\"2!\" ] && echo $KEY && exit "
      "7";
};

TEST_P(ExecutorSecretsConformance, ReachTheAttemptsThatNameThemAndNoFile) {
  {
    const std::lock_guard lock(mutex_);
    secrets_["key"] = "hunter2!";
  }
  EXPECT_EQ(Run(OrderWithSecret(Named("with"), check_)).exit_code, 7) << LogOf(Named("with"));
  EXPECT_EQ(Run("without", "[ -z \"$KEY_FILE$KEY\" ] && exit 5").exit_code, 5);
  for (const auto& entry : io::fs::recursive_directory_iterator(place_->FolderOf(Named("with")))) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(io::ReadFile(entry.path()).value_or("").find("hunter2!"), std::string::npos)
        << entry.path();
  }
}

TEST_P(ExecutorSecretsConformance, OneThatIsNotSetEndsTheAttemptBeforeItsCommand) {
  const ExitRecord record = Run(OrderWithSecret(Named("t"), Witnessed()));
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_EQ(record.message, "secret \"key\" is not set");
  EXPECT_EQ(Witness(), "");
  {
    const std::lock_guard lock(mutex_);
    secrets_["key"] = "hunter2!";
  }
  EXPECT_EQ(Run(OrderWithSecret(Named("t", 2), check_)).exit_code, 7) << "a retry finds it";
}

TEST_P(ExecutorSecretsConformance, ReachAnAttemptThatTheLastBuskerOnlyDecidedOn) {
  {
    const std::lock_guard lock(mutex_);
    secrets_["key"] = "hunter2!";
  }
  Recover(OrderWithSecret(Named("t"), check_));
  EXPECT_EQ(WaitFor(Named("t")).exit_code, 7);
}

}  // namespace busker::execute

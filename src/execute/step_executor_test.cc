// Busker's own steps, each on a thread: the part of the exam of executors that holds for them, and
// what is theirs alone.
#include "execute/step_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "execute/test_order.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

// Steps that look until they are let on, and then change something.
class StepExecutorTest : public testing::Test {
 protected:
  // What the steps share; they may outlive the test.
  struct Stage {
    std::promise<void> let_on;
    std::shared_future<void> gate = let_on.get_future().share();
    std::promise<void> let_change;
    std::shared_future<void> change_gate = let_change.get_future().share();
    std::atomic<int> looking = 0, changing = 0, changes = 0, over = 0;
  };

  void SetUp() override { Open(); }
  void TearDown() override {
    stage_->let_on.set_value();
    stage_->let_change.set_value();
    executor_.reset();
  }

  void Open(Milliseconds change_max = std::chrono::minutes(1)) {
    executor_ = std::make_unique<StepExecutor>(
        folder_ / "runs",
        [stage = stage_](const attempt::Order& order, const MayChange& may_change) {
          return Carry(*stage, order, may_change);
        },
        [this](const attempt::Name& name, Result<attempt::ExitRecord> exit) {
          const std::lock_guard lock(mutex_);
          EXPECT_FALSE(ended_.contains(name.task)) << "told twice";
          ended_[name.task] = exit.value();
          changed_.notify_all();
        },
        change_max);
  }

  static Result<StepEnd> Carry(Stage& stage, const attempt::Order& order,
                               const MayChange& may_change) {
    const std::string& what = order.command.back();
    if (what == "throw") throw std::runtime_error("no memory");
    if (what == "bad") return Invalid("no such version");
    if (what == "away") return Temporary("the store is away");
    if (what == "quick") return StepEnd{"it is live now", "{}"};
    ++stage.looking;
    stage.gate.wait();
    const auto may = may_change();
    if (!may) {
      ++stage.over;
      return tl::unexpected(may.error());
    }
    ++stage.changing;
    stage.change_gate.wait();
    ++stage.changes;
    return StepEnd{"done", ""};
  }

  static attempt::Name Named(const std::string& task) { return {"r", task, 1}; }
  static Attempt Of(const std::string& task, const std::string& what,
                    std::optional<Milliseconds> limit = std::nullopt) {
    attempt::Order order = TestOrder(Named(task), "");
    order.command = {what};
    order.repeatable = order.synced = true;
    order.timeout = limit;
    return Sealed(order);
  }
  attempt::ExitRecord WaitFor(const std::string& task) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return ended_.contains(task); }))
        << task << " never ended";
    return ended_[task];
  }
  static void Await(const std::atomic<int>& count, int at_least) {
    for (int i = 0; i < 30'000 && count < at_least; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_GE(count, at_least);
  }
  bool HasEnded(const std::string& task) {
    const std::lock_guard lock(mutex_);
    return ended_.contains(task);
  }

  const io::TestFolder folder_;
  const std::shared_ptr<Stage> stage_ = std::make_shared<Stage>();
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, attempt::ExitRecord> ended_;
  std::unique_ptr<StepExecutor> executor_;
};

TEST_F(StepExecutorTest, EndsAsAProcessOfItsOwnDid) {
  ASSERT_TRUE(executor_->Launch(Of("quick", "quick")));
  const attempt::ExitRecord good = WaitFor("quick");
  EXPECT_EQ(good.ending, attempt::Ending::kSucceeded);
  EXPECT_EQ(good.result, "{}");
  EXPECT_EQ(good.log_bytes, std::string("it is live now\n").size());
  EXPECT_NE(good.command_ended_at, Instant{});
  ASSERT_TRUE(executor_->Launch(Of("bad", "bad")));
  const attempt::ExitRecord bad = WaitFor("bad");
  EXPECT_EQ(bad.ending, attempt::Ending::kExited);
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_EQ(bad.message, "no such version");
  EXPECT_TRUE(bad.permanent);
  EXPECT_EQ(io::ReadFile(folder_ / "runs/r/bad.1/log").value(), "busker: no such version\n");
  ASSERT_TRUE(executor_->Launch(Of("away", "away")));
  EXPECT_EQ(WaitFor("away").exit_code, 75);
  EXPECT_FALSE(WaitFor("away").permanent);
  ASSERT_TRUE(executor_->Launch(Of("throw", "throw")));
  EXPECT_EQ(WaitFor("throw").message, "no memory");
  Attempt damaged = Of("damaged", "quick");
  damaged.order = "no order";
  EXPECT_FALSE(executor_->Launch(damaged));
}

// What was cancelled while its store hung moved the live pointer once that answered again.
TEST_F(StepExecutorTest, OneThatIsStoppedWhileItLooksChangesNothing) {
  ASSERT_TRUE(executor_->Launch(Of("t", "look")));
  Await(stage_->looking, 1);
  ASSERT_TRUE(executor_->Stop(Named("t")));
  EXPECT_EQ(WaitFor("t").ending, attempt::Ending::kCancelled);
  stage_->let_on.set_value();
  Await(stage_->over, 1);
  EXPECT_EQ(stage_->changes, 0);
  stage_->let_on = {};  // for the end of the test
}

TEST_F(StepExecutorTest, OneThatChangesSomethingIsWaitedFor) {
  stage_->let_on.set_value();
  ASSERT_TRUE(executor_->Launch(Of("t", "look", Milliseconds(500))));
  Await(stage_->changing, 1);
  ASSERT_TRUE(executor_->Stop(Named("t")));
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // nor does its limit end it
  EXPECT_FALSE(HasEnded("t"));
  stage_->let_change.set_value();
  EXPECT_EQ(WaitFor("t").ending, attempt::Ending::kSucceeded);
  EXPECT_EQ(stage_->changes, 1);
  stage_->let_on = {};
  stage_->let_change = {};
}

// A promotion whose disk hung while it wrote was waited for without limit, and its run with it.
TEST_F(StepExecutorTest, OneThatHangsWhileItChangesSomethingHasTimedOut) {
  Open(Milliseconds(100));
  stage_->let_on.set_value();
  ASSERT_TRUE(executor_->Launch(Of("t", "look")));
  const attempt::ExitRecord late = WaitFor("t");
  EXPECT_EQ(late.ending, attempt::Ending::kTimedOut);
  EXPECT_FALSE(late.permanent) << "the next attempt finds out";
  EXPECT_NE(late.message.find("not done with it within 100ms"), std::string::npos) << late.message;
  stage_->let_change.set_value();  // it goes on, and that is told to nobody
  Await(stage_->changes, 1);
  executor_.reset();
  stage_->let_on = {};
  stage_->let_change = {};
}

TEST_F(StepExecutorTest, OneThatLooksForTooLongIsEndedAndDelaysNoOther) {
  ASSERT_TRUE(executor_->Launch(Of("long", "look", std::chrono::hours(1))));
  ASSERT_TRUE(executor_->Launch(Of("short", "look", Milliseconds(50))));
  const attempt::ExitRecord late = WaitFor("short");
  EXPECT_EQ(late.ending, attempt::Ending::kTimedOut);
  EXPECT_EQ(late.message, "the step did not end within its timeout of 50ms");
  EXPECT_FALSE(HasEnded("long"));
  ASSERT_TRUE(executor_->Launch(Of("quick", "quick")));
  EXPECT_EQ(WaitFor("quick").ending, attempt::Ending::kSucceeded);
}

// Each that hangs keeps a thread, also when it was given up.
TEST_F(StepExecutorTest, RefusesForNowWhenTooManyHang) {
  const int most = 2 * attempt::kStepsAtOnceMax;
  for (int i = 0; i < most; ++i) {
    const std::string task = "t" + std::to_string(i);
    ASSERT_TRUE(executor_->Launch(Of(task, "look")));
    ASSERT_TRUE(executor_->Stop(Named(task)));
  }
  const auto refused = executor_->Launch(Of("more", "quick"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTemporary);
  stage_->let_on.set_value();
  Await(stage_->over, most);
  while (!executor_->Launch(Of("more", "quick"))) std::this_thread::yield();
  EXPECT_EQ(WaitFor("more").ending, attempt::Ending::kSucceeded);
  stage_->let_on = {};
}

TEST_F(StepExecutorTest, WaitsAtItsEndForWhatChangesAndForNothingThatLooks) {
  ASSERT_TRUE(executor_->Launch(Of("t", "look")));
  Await(stage_->looking, 1);
  const auto begun = std::chrono::steady_clock::now();
  executor_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  stage_->let_on.set_value();
  Await(stage_->over, 1);
  EXPECT_FALSE(HasEnded("t"));

  Open();  // the next one finds it, and carries it out
  ASSERT_TRUE(executor_->Recover(Of("t", "look")));
  Await(stage_->changing, 1);
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stage_->let_change.set_value();
  });
  executor_.reset();
  EXPECT_TRUE(HasEnded("t"));
  later.join();
  stage_->let_on = {};
  stage_->let_change = {};
}

TEST_F(StepExecutorTest, ARecoveryTellsWhatIsOnRecordAndCarriesOutTheRest) {
  ASSERT_TRUE(executor_->Launch(Of("t", "quick")));
  WaitFor("t");
  ended_.clear();
  ASSERT_TRUE(executor_->Recover(Of("t", "bad")));
  EXPECT_EQ(WaitFor("t").ending, attempt::Ending::kSucceeded) << "it was carried out again";
  ended_.clear();
  for (const char* const left : {"", "{\"run\": ", "{}"}) {  // by a power cut, or a bad disk
    ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "runs/r/t.1/exit.json", left));
    ASSERT_TRUE(executor_->Recover(Of("t", "bad")));
    EXPECT_EQ(WaitFor("t").exit_code, 2) << left;
    ended_.clear();
  }
}

}  // namespace
}  // namespace busker::execute

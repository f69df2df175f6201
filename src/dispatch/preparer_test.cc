#include "dispatch/preparer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "dispatch/test_gate.h"
#include "io/test_folder.h"

namespace busker::dispatch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

plan::DagRun RunOf(const plan::GraphKey& graph, const std::string& id) {
  plan::DagRun run;
  run.id = id;
  run.graph = graph;
  return run;
}

// What a preparer tells, on whatever thread.
class Told {
 public:
  Preparer::Done Done() {
    return [this](const Preparation& preparation) {
      const std::lock_guard lock(mutex_);
      runs_.push_back(preparation.run);
      changed_.notify_all();
    };
  }
  // Waits until so many runs have been told of.
  std::vector<std::string> Wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(60), [&] { return runs_.size() >= count; }));
    return runs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> runs_;
};

// A folder with a gate, and a way of preparing that passes the gate for the services whose name
// begins with "slow". It owns what it touches.
class PreparerTest : public testing::Test {
 protected:
  Preparer::Prepare HangingAtTheGate() {
    return [gate = gate_](const plan::DagRun& run) -> Result<Prepared> {
      if (run.graph.service.starts_with("slow")) gate->Pass();
      return Prepared{};
    };
  }

  const io::TestFolder folder_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>(folder_ / "gate");
  Told told_;
};

TEST_F(PreparerTest, PreparesTheRunsOfAServiceInTheirOrder) {
  std::mutex mutex;
  std::vector<std::string> begun;
  Preparer preparer(
      [&](const plan::DagRun& run) -> Result<Prepared> {
        const std::lock_guard lock(mutex);
        begun.push_back(run.id);
        return Prepared{};
      },
      told_.Done());
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back("r" + std::to_string(i));
    ASSERT_TRUE(preparer.Begin(RunOf({"shop", std::to_string(i % 3)}, expected.back())));
  }
  told_.Wait(100);
  EXPECT_EQ(begun, expected);
}

TEST_F(PreparerTest, LetsAServiceThatHangsDelayItsOwnRunsAlone) {
  Preparer preparer(HangingAtTheGate(), told_.Done());
  ASSERT_TRUE(preparer.Begin(RunOf("slow/a", "s1")));
  ASSERT_TRUE(preparer.Begin(RunOf("slow/b", "s2")));
  for (const char* id : {"r1", "r2", "r3"}) ASSERT_TRUE(preparer.Begin(RunOf("shop/a", id)));
  EXPECT_EQ(told_.Wait(3), (std::vector<std::string>{"r1", "r2", "r3"}));
  gate_->Open();
  EXPECT_EQ(told_.Wait(5), (std::vector<std::string>{"r1", "r2", "r3", "s1", "s2"}));
}

TEST_F(PreparerTest, TakesOtherThreadsForThoseThatHang) {
  Preparer::Limits limits;
  limits.usual = milliseconds(20);
  Preparer preparer(HangingAtTheGate(), told_.Done(), limits);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(preparer.Begin(RunOf({"slow" + std::to_string(i), "a"}, "s" + std::to_string(i))));
  }
  ASSERT_TRUE(preparer.Begin(RunOf("shop/a", "r1")));
  EXPECT_EQ(told_.Wait(1), std::vector<std::string>{"r1"});
  gate_->Open();
  EXPECT_EQ(told_.Wait(21).size(), 21U);
}

TEST_F(PreparerTest, RefusesForTheMomentWhatThereIsNoThreadFor) {
  Preparer::Limits limits;
  limits.usual = milliseconds(0);
  limits.threads_max = 2;
  Preparer preparer(HangingAtTheGate(), told_.Done(), limits);
  ASSERT_TRUE(preparer.Begin(RunOf("slow1/a", "s1")));
  ASSERT_TRUE(preparer.Begin(RunOf("slow2/a", "s2")));
  // The second thread has its run when there is none left for a third.
  for (;;) {
    const auto begun = preparer.Begin(RunOf("slow1/b", "s3"));
    if (begun) continue;
    EXPECT_EQ(begun.error().kind, ErrorKind::kTemporary);
    EXPECT_EQ(begun.error().message, "the preparing of 2 runs does not come to an end");
    break;
  }
  gate_->Open();
}

TEST_F(PreparerTest, DoesNotBeginWhatNobodyWantsAnyMore) {
  Preparer preparer(HangingAtTheGate(), told_.Done());
  ASSERT_TRUE(preparer.Begin(RunOf("slow/a", "s1")));
  const auto dropped = preparer.Begin(RunOf("slow/a", "s2"));
  ASSERT_TRUE(preparer.Begin(RunOf("slow/a", "s3")));
  preparer.Drop(*dropped);
  gate_->Open();
  EXPECT_EQ(told_.Wait(2), (std::vector<std::string>{"s1", "s3"}));
}

// What hangs may come back when all that it could tell is gone.
TEST_F(PreparerTest, LeavesBehindWhatHangsAndIsNotToldOfIt) {
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> is_there = owned;
  std::promise<void> begun;
  bool told = false;
  {
    Preparer::Limits limits;
    limits.patience = milliseconds(1);
    Preparer preparer(
        [owned = std::move(owned), gate = gate_, &begun](const plan::DagRun&) -> Result<Prepared> {
          begun.set_value();
          gate->Pass();
          ++*owned;
          return Prepared{};
        },
        [&](const Preparation&) { told = true; }, limits);
    ASSERT_TRUE(preparer.Begin(RunOf("slow/a", "s1")));
    ASSERT_TRUE(preparer.Begin(RunOf("slow/a", "s2")));
    begun.get_future().wait();
  }
  EXPECT_FALSE(is_there.expired());
  gate_->Open();
  for (int i = 0; i < 6000 && !is_there.expired(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(is_there.expired());  // its thread has ended
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace busker::dispatch

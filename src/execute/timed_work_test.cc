#include "execute/timed_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace busker::execute {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

bool Soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

TEST(TimedWork, CallsAJobAgainUntilItIsOver) {
  const auto work = TimedWork::Start(2).value();
  std::atomic<int> calls = 0;
  work->Add([&](const std::stop_token&) -> std::optional<TimedWork::Clock::duration> {
    if (++calls == 5) return std::nullopt;
    return milliseconds(1);
  });
  EXPECT_TRUE(Soon([&] { return calls == 5; }));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(calls, 5);
}

TEST(TimedWork, DoesManyAtOnceAndNoneTwiceAtOnce) {
  constexpr int kThreads = 4, kJobs = 100;
  const auto work = TimedWork::Start(kThreads).value();
  std::atomic<int> at_work = 0, most = 0, ended = 0;
  std::vector<std::atomic<int>> each(kJobs);
  for (int i = 0; i < kJobs; ++i) {
    work->Add([&, i, calls = 0](
                  const std::stop_token&) mutable -> std::optional<TimedWork::Clock::duration> {
      EXPECT_EQ(each[i]++, 0);
      const int now = ++at_work;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
      std::this_thread::sleep_for(milliseconds(2));
      --at_work;
      --each[i];
      if (++calls < 3) return milliseconds(0);
      ++ended;
      return std::nullopt;
    });
  }
  EXPECT_TRUE(Soon([&] { return ended == kJobs; }));
  EXPECT_GT(most, 1);
  EXPECT_LE(most, kThreads);
}

// An executor that ended let go of its work while a job was still waking another: the job went
// through a pointer that was null already.
TEST(TimedWork, WhatIsAtWorkWhenItIsStoppedReachesOthers) {
  struct Owner {
    std::unique_ptr<TimedWork> work = TimedWork::Start(1).value();
    std::atomic<bool> is_at_work = false;
    ~Owner() { work->Stop(); }
  };
  std::atomic<bool> has_woken = false;
  {
    Owner owner;
    owner.work->Add([&](const std::stop_token& stop) -> std::optional<TimedWork::Clock::duration> {
      owner.is_at_work = true;
      if (!Soon([&] { return stop.stop_requested(); })) return std::nullopt;
      owner.work->Wake(owner.work->Add([](const std::stop_token&) { return std::nullopt; }));
      has_woken = true;
      return std::nullopt;
    });
    ASSERT_TRUE(Soon([&] { return owner.is_at_work.load(); }));
  }
  EXPECT_TRUE(has_woken);
}

TEST(TimedWork, WakesOneThatIsNotDue) {
  const auto work = TimedWork::Start(1).value();
  std::atomic<int> calls = 0;
  const auto id = work->Add([&](const std::stop_token&) {
    ++calls;
    return std::optional<TimedWork::Clock::duration>(hours(1));
  });
  ASSERT_TRUE(Soon([&] { return calls == 1; }));
  work->Wake(id);
  EXPECT_TRUE(Soon([&] { return calls == 2; }));
  work->Wake(id + 1);
}

TEST(TimedWork, WakingOneThatIsAtWorkIsNotLost) {
  const auto work = TimedWork::Start(1).value();
  std::latch begun(1), woken(1);
  std::atomic<int> calls = 0;
  const auto id = work->Add([&](const std::stop_token&) {
    if (++calls == 1) {
      begun.count_down();
      woken.wait();
    }
    return std::optional<TimedWork::Clock::duration>(hours(1));
  });
  begun.wait();
  work->Wake(id);
  woken.count_down();
  EXPECT_TRUE(Soon([&] { return calls == 2; }));
}

TEST(TimedWork, TellsWhatIsAtWorkToStopAndWaitsForItsEnd) {
  std::atomic<bool> is_told = false;
  std::latch begun(1);
  {
    const auto work = TimedWork::Start(1).value();
    work->Add([&](const std::stop_token& stop) -> std::optional<TimedWork::Clock::duration> {
      begun.count_down();
      is_told = Soon([&] { return stop.stop_requested(); });
      return milliseconds(0);
    });
    begun.wait();
  }
  EXPECT_TRUE(is_told);
}

}  // namespace
}  // namespace busker::execute

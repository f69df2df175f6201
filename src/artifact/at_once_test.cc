#include "artifact/at_once.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace busker::artifact {
namespace {

io::Interrupt Soon() { return io::Within(Milliseconds(60'000)); }

// Returns when the interrupt ends it.
Result<void> WaitFor(const io::Interrupt& interrupt) {
  io::Waiter waiter(interrupt);
  for (;;) TRY(waiter.Wait({}));
}

TEST(DoAtOnce, DoesEachOnceOnAFewThreads) {
  std::vector<std::atomic<int>> done(100);
  std::atomic<int> now = 0, most = 0;
  ASSERT_TRUE(DoAtOnce(done.size(), 4, Soon(), [&](std::size_t i, const auto&) -> Result<void> {
    const int running = ++now;
    for (int before = most; running > before && !most.compare_exchange_weak(before, running);) {
    }
    std::this_thread::sleep_for(Milliseconds(1));
    ++done[i];
    --now;
    return {};
  }));
  for (const auto& count : done) EXPECT_EQ(count, 1);
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 4);
}

TEST(DoAtOnce, NothingIsDoneAtOnce) {
  EXPECT_TRUE(DoAtOnce(0, 4, Soon(), [](std::size_t, const auto&) -> Result<void> {
    return Failed("there is nothing to do");
  }));
}

TEST(DoAtOnce, TheFirstErrorStopsTheOthersAndIsWhatIsTold) {
  std::atomic<int> begun = 0;
  const auto done = DoAtOnce(1000, 4, Soon(), [&](std::size_t i, const auto& all) -> Result<void> {
    ++begun;
    if (i != 3) return WaitFor(all);
    return NotFound("the fourth");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the fourth");
  EXPECT_LE(begun, 4);
}

TEST(DoAtOnce, AStopOfTheWholeReachesEach) {
  std::stop_source stop;
  std::atomic<int> waiting = 0;
  std::jthread stops([&] {
    while (waiting < 3) std::this_thread::sleep_for(Milliseconds(1));
    stop.request_stop();
  });
  const auto done = DoAtOnce(3, 3, io::Within(Milliseconds(60'000), stop.get_token()),
                             [&](std::size_t, const auto& all) {
                               ++waiting;
                               return WaitFor(all);
                             });
  EXPECT_EQ(done.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(waiting, 3);
}

}  // namespace
}  // namespace busker::artifact

#include "daemon/glance.h"

#include <gtest/gtest.h>

#include <atomic>

#include "dispatch/test_gate.h"
#include "io/test_folder.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kLimit = std::chrono::seconds(60);

TEST(Glance, SeesWhatAnswers) {
  Glance glance;
  EXPECT_EQ(glance.At(
                "shop", [] { return 7; }, kLimit),
            7);
}

// A start of an action whose store did not answer kept a thread of the daemon, and its end,
// waiting.
TEST(Glance, LeavesWhatHangsToItselfAndLooksAgainWhenItIsThere) {
  const io::TestFolder folder;
  const auto gate = std::make_shared<dispatch::Gate>(folder / "gate");
  const auto looks = std::make_shared<std::atomic<int>>(0);
  const auto look = [gate, looks] {
    gate->Pass();
    return ++*looks;
  };
  Glance glance;
  EXPECT_EQ(glance.At("slow", look, Milliseconds(10)), std::nullopt);
  EXPECT_EQ(glance.At("slow", look, kLimit), std::nullopt);  // at once
  EXPECT_EQ(glance.At(
                "shop", [] { return 7; }, kLimit),
            7);
  gate->Open();
  std::optional<int> seen;
  while (!seen) seen = glance.At("slow", look, kLimit);
  EXPECT_EQ(*seen, 2);
}

}  // namespace
}  // namespace busker::daemon

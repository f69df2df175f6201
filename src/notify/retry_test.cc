#include "notify/retry.h"

#include <gtest/gtest.h>

#include <string>

namespace busker::notify {
namespace {

using namespace std::chrono_literals;

TEST(Retry, BeginsAtFiveSecondsAndDoublesUpToAnHour) {
  const Milliseconds expected[] = {5s, 10s, 20s, 40s, 80s, 160s, 320s, 640s, 1280s, 2560s, 1h, 1h};
  int tries = 1;
  for (const Milliseconds wait : expected) EXPECT_EQ(RetryAfter(tries++), wait);
  EXPECT_EQ(RetryAfter(1'000'000), 1h);
  EXPECT_EQ(RetryAfter(0), 5s);
}

TEST(Retry, IsSpreadByTheKeyAndAlwaysTheSameForIt) {
  Milliseconds least = 1h;
  Milliseconds most{};
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const Milliseconds wait = RetryAfter(20, key);
    EXPECT_EQ(wait, RetryAfter(20, key));
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, 54min);
  EXPECT_LT(least, 55min);
  EXPECT_LE(most, 60min);
  EXPECT_GT(most, 59min);
}

TEST(Retry, GivesUpThreeDaysAfterWhatHappened) {
  const Instant at{1'000'000'000s};
  Instant now = at;
  int tries = 0;
  for (auto next = NextTry(at, now, ++tries, "k"); next; next = NextTry(at, now, ++tries, "k")) {
    EXPECT_GT(*next, now);
    now = *next;
  }
  EXPECT_GT(now - at, 70h);
  EXPECT_LE(now - at, kGiveUpAfter);
  EXPECT_LT(tries, 100);
  EXPECT_FALSE(NextTry(at, at + 80h, 1, "k"));
}

}  // namespace
}  // namespace busker::notify

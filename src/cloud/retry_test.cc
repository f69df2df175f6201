#include "cloud/retry.h"

#include <gtest/gtest.h>

#include <thread>

namespace busker::cloud {
namespace {

using Clock = std::chrono::steady_clock;

const Error kFailure{ErrorKind::kTemporary, "busy"};
constexpr RetryPolicy kQuick{Milliseconds(4), Milliseconds(16), Milliseconds(60'000)};

Milliseconds Since(Clock::time_point begin) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
}

TEST(Tries, PauseNoLongerThanTheirGrowingBound) {
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000));
  Tries tries(kQuick, interrupt);
  const auto begin = Clock::now();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(tries.Again(kFailure));
  EXPECT_EQ(tries.failures(), 10);
  EXPECT_LT(Since(begin), Milliseconds(5'000));  // 4 + 8 + 8 * 16, and a slow machine
}

TEST(Tries, PauseAsLongAsTheServerAsks) {
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000));
  Tries tries(kQuick, interrupt);
  const auto begin = Clock::now();
  ASSERT_TRUE(tries.Again(kFailure, Milliseconds(150)));
  EXPECT_GE(Since(begin), Milliseconds(150));
}

TEST(Tries, EndWithTheDeadlineAndTellWhatFailed) {
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000));
  Tries tries(kQuick, interrupt);
  const auto begin = Clock::now();
  const auto again = tries.Again(kFailure, std::chrono::hours(1));  // would be too late
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kTimedOut);
  EXPECT_EQ(again.error().message, "the time is over; the last try: busy");
  EXPECT_LT(Since(begin), Milliseconds(10'000));  // and it is not waited for
}

TEST(Tries, GiveUpWhenNothingGoesOn) {
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000));
  Tries tries({Milliseconds(1), Milliseconds(1), Milliseconds(50)}, interrupt);
  const auto begin = Clock::now();
  Result<void> again;
  while (again && Since(begin) < Milliseconds(20'000))
    again = tries.Again(kFailure, Milliseconds(5));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(again.error().message, "busy");
}

TEST(Tries, BeginAnewWithWhatGoesOn) {
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000));
  Tries tries({Milliseconds(1), Milliseconds(1), Milliseconds(50)}, interrupt);
  for (int i = 0; i < 30; ++i) {  // 150 ms of failures, each followed by some progress
    ASSERT_TRUE(tries.Again(kFailure, Milliseconds(5)));
    tries.Progress();
  }
}

TEST(Tries, EndWhenTheyAreStoppedDuringAPause) {
  std::stop_source stop;
  const io::Interrupt interrupt = io::Within(Milliseconds(60'000), stop.get_token());
  Tries tries(kQuick, interrupt);
  std::jthread stops([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop.request_stop();
  });
  const auto begin = Clock::now();
  const auto again = tries.Again(kFailure, Milliseconds(30'000));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(again.error().message, "stopped before it was done; the last try: busy");
  EXPECT_LT(Since(begin), Milliseconds(10'000));
}

TEST(RetryAfter, IsANumberOfSeconds) {
  const auto read = [](const std::string& text) {
    return RetryAfter({503, {{"retry-after", text}}, "", false, ""});
  };
  EXPECT_EQ(read("0"), Milliseconds(0));
  EXPECT_EQ(read("120"), Milliseconds(120'000));
  EXPECT_EQ(read("999999999"), std::chrono::hours(24));
  for (const char* other : {"", "-1", "1.5", "99999999999", "Fri, 31 Dec 1999 23:59:59 GMT"}) {
    EXPECT_EQ(read(other), std::nullopt) << other;
  }
  EXPECT_EQ(RetryAfter({503, {}, "", false, ""}), std::nullopt);
}

TEST(MayPass, IsTrueOfWhatIsNoFaultOfOurs) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(MayPass(status)) << status;
  for (const int status : {200, 308, 400, 401, 403, 404, 409, 412, 413}) {
    EXPECT_FALSE(MayPass(status)) << status;
  }
}

}  // namespace
}  // namespace busker::cloud

#include "cloud/credentials.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace busker::cloud {
namespace {

io::Interrupt Soon() { return io::Within(Milliseconds(60'000)); }

// "token 1", "token 2", ..., each good for so long.
Credentials::Source Counting(std::atomic<int>& count, std::chrono::seconds good_for) {
  return [&count, good_for](const io::Interrupt&) -> Result<BearerToken> {
    return BearerToken{std::to_string(++count), std::chrono::steady_clock::now() + good_for};
  };
}

TEST(Credentials, OfNobodyAreEmpty) {
  Credentials none;
  EXPECT_EQ(none.Authorization(Soon()).value(), "");
  EXPECT_FALSE(none.Refuse(""));
}

TEST(Credentials, AreKeptWhileTheyAreGood) {
  std::atomic<int> count = 0;
  Credentials credentials(Counting(count, std::chrono::hours(1)));
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 1");
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 1");
}

TEST(Credentials, AreRenewedBeforeTheyEnd) {
  std::atomic<int> count = 0;
  Credentials credentials(Counting(count, Credentials::kSpare - std::chrono::seconds(1)));
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 1");
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 2");
}

TEST(Credentials, ThatAServerRefusedAreReplacedOnce) {
  std::atomic<int> count = 0;
  Credentials credentials(Counting(count, std::chrono::hours(1)));
  const std::string first = credentials.Authorization(Soon()).value();
  EXPECT_TRUE(credentials.Refuse(first));
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 2");
  EXPECT_TRUE(credentials.Refuse(first));  // by another thread, later: the new one stays
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 2");
}

TEST(Credentials, ThatCannotBeHadAreAskedForAgain) {
  int count = 0;
  Credentials credentials([&](const io::Interrupt&) -> Result<BearerToken> {
    if (++count == 1) return Temporary("no connection");
    return BearerToken{"x", std::chrono::steady_clock::now() + std::chrono::hours(1)};
  });
  EXPECT_EQ(credentials.Authorization(Soon()).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer x");
}

TEST(Credentials, AreFetchedOnceForManyThreads) {
  std::atomic<int> count = 0;
  Credentials credentials(Counting(count, std::chrono::hours(1)));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back(
          [&] { EXPECT_EQ(credentials.Authorization(Soon()).value(), "Bearer 1"); });
    }
  }
  EXPECT_EQ(count, 1);
}

TEST(Credentials, AreNotWaitedForBeyondTheLimit) {
  std::atomic<bool> fetching = false, done = false;
  Credentials credentials([&](const io::Interrupt&) -> Result<BearerToken> {
    fetching = true;
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return BearerToken{"x", std::chrono::steady_clock::now()};
  });
  std::jthread first([&] { EXPECT_TRUE(credentials.Authorization(Soon())); });
  while (!fetching) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(credentials.Authorization(io::Within(Milliseconds(10))).error().kind,
            ErrorKind::kTimedOut);
  done = true;
}

// Whoever had a token refused waited until another thread had fetched one, deaf to its own stop.
TEST(Credentials, AreRefusedWhileOthersAreFetched) {
  std::atomic<bool> fetching = false, done = false;
  Credentials credentials([&](const io::Interrupt&) -> Result<BearerToken> {
    fetching = true;
    for (int i = 0; i < 10'000 && !done; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(done) << "the refusal waited";
    return BearerToken{"x", std::chrono::steady_clock::now() + std::chrono::hours(1)};
  });
  std::jthread first([&] { EXPECT_TRUE(credentials.Authorization(Soon())); });
  while (!fetching) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(credentials.Refuse("Bearer an older one"));
  done = true;
}

}  // namespace
}  // namespace busker::cloud

#include "http/peer_limit.h"

#include <gtest/gtest.h>

namespace busker::http {
namespace {

using std::chrono::milliseconds;
const Instant kNow{std::chrono::seconds(1'700'000'000)};

TEST(PeerLimit, IsOfEachAddressAndOfASecond) {
  PeerLimit limit(2);
  EXPECT_TRUE(limit.Add("a", kNow));
  EXPECT_TRUE(limit.Add("a", kNow + milliseconds(999)));
  EXPECT_FALSE(limit.Add("a", kNow + milliseconds(1000)));
  EXPECT_TRUE(limit.Add("b", kNow + milliseconds(1000)));
  EXPECT_TRUE(limit.Add("a", kNow + milliseconds(1001)));
  EXPECT_TRUE(limit.Add("a", kNow)) << "a clock that was set back keeps nobody out";
}

TEST(PeerLimit, HasABound) {
  PeerLimit limit(1);
  EXPECT_TRUE(limit.Add("a", kNow));
  EXPECT_FALSE(limit.Add("a", kNow));
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(limit.Add(std::to_string(i), kNow));
  EXPECT_TRUE(limit.Add("a", kNow)) << "who was there before so many others is forgotten";
}

}  // namespace
}  // namespace busker::http

#include "access/sessions.h"

#include <gtest/gtest.h>

#include <vector>

#include "io/digest.h"

namespace busker::access {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Instant kNow{seconds(1'700'000'000)};
const Caller kAda = {"ada", Scope::kAdmin};

std::string LogIn(Sessions& sessions, Instant now = kNow) {
  return sessions.Begin(sessions.MakeLink(kAda, now), now).value();
}

TEST(Sessions, BeginByALinkThatWorksOnceAndForADay) {
  Sessions sessions;
  const std::string link = sessions.MakeLink({"ada", Scope::kOperator}, kNow);
  const auto session = sessions.Begin(link, kNow + hours(24));
  ASSERT_TRUE(session);
  EXPECT_NE(*session, link);
  EXPECT_FALSE(sessions.Begin(link, kNow));
  const auto caller = sessions.Use(*session, kNow + hours(24));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "ada");
  EXPECT_EQ(caller->scope, Scope::kOperator);
  EXPECT_FALSE(sessions.Use(link, kNow)) << "a link is no session";
  EXPECT_FALSE(sessions.Begin(sessions.MakeLink(kAda, kNow), kNow + hours(25)));
  EXPECT_FALSE(sessions.Begin("", kNow));
}

TEST(Sessions, EndWhenTheyWereNotUsedForTwelveHours) {
  Sessions sessions;
  const std::string session = LogIn(sessions);
  const std::string digest = io::Sha256Of(session);
  const Instant later = kNow + hours(11);
  EXPECT_TRUE(sessions.Use(session, later));
  EXPECT_TRUE(sessions.Use(session, later + hours(11)));
  EXPECT_TRUE(sessions.Has(digest, later + hours(23)));
  EXPECT_FALSE(sessions.Has(digest, later + hours(24))) << "to ask is no use of it";
  EXPECT_FALSE(sessions.Use(session, later + hours(24)));
  EXPECT_FALSE(sessions.Use(session, later + hours(11))) << "it is gone";
}

// Whoever logged in as the thousand-and-first was out again at once.
TEST(Sessions, MakeRoomByWhatWasUsedLeastLately) {
  Sessions sessions;
  std::vector<std::string> all;
  for (int i = 0; i < 1000; ++i) all.push_back(LogIn(sessions, kNow + seconds(i)));
  const Instant later = kNow + hours(1);
  EXPECT_TRUE(sessions.Use(all[0], later));
  all.push_back(LogIn(sessions, later + seconds(1)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(sessions.Use(all[i], later).has_value(), i != 1) << i;
  }
  std::vector<std::string> links;
  for (int i = 0; i < 101; ++i) links.push_back(sessions.MakeLink(kAda, kNow + seconds(i)));
  EXPECT_FALSE(sessions.Begin(links[0], later));
  EXPECT_TRUE(sessions.Begin(links[1], later));
  EXPECT_TRUE(sessions.Begin(links[100], later));
}

}  // namespace
}  // namespace busker::access

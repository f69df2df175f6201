#include "access/sessions.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "io/digest.h"
#include "io/test_folder.h"

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

// A restart of busker up ended all sessions, and each open page said so for ever.
TEST(Sessions, GoOnAfterARestartByTheirDigests) {
  const io::TestFolder folder;
  const io::fs::path file = folder / "sessions.json";
  std::string session;
  {
    Sessions before(file);
    session = LogIn(before);
  }
  const std::string text = folder.Read("sessions.json");
  EXPECT_EQ(text.find(session), std::string::npos) << "the secret itself is kept nowhere";
  EXPECT_NE(text.find(io::Sha256Of(session)), std::string::npos);
  Sessions after(file);
  const auto caller = after.Use(session, kNow + hours(12));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "ada");
  EXPECT_EQ(caller->scope, Scope::kAdmin);
  EXPECT_FALSE(Sessions(file).Use(session, kNow + hours(25))) << "it was not used for 13 hours";
  io::fs::permissions(file, io::fs::perms(0644));
  EXPECT_FALSE(Sessions(file).Use(session, kNow + hours(12))) << "others may have written it";
  folder.Write("sessions.json", "{\"sessions\": [1, {\"sha256\": \"x\"}]}");
  io::fs::permissions(file, io::fs::perms(0600));
  EXPECT_TRUE(LogIn(*std::make_unique<Sessions>(file)).size() == 64);
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

#include "serve/guard.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::serve {
namespace {

const Instant kNow{std::chrono::seconds(1'700'000'000)};
constexpr char kOrigin[] = "http://127.0.0.1:8321";

class GuardTest : public testing::Test {
 protected:
  static http::Request Get(std::map<std::string, std::string, std::less<>> headers = {}) {
    http::Request request;
    request.target = "/api/v1/runs";
    request.headers = std::move(headers);
    request.headers.emplace("host", "127.0.0.1:8321");
    request.peer = "127.0.0.1";
    return request;
  }
  int StatusOf(const http::Request& request, Instant now = kNow) {
    const auto identified = guard_.Identify(request, now);
    const auto* refused = std::get_if<http::Response>(&identified);
    return refused == nullptr ? 200 : refused->status;
  }
  // The session's cookie, of a link that is used.
  std::string LogIn(Instant now = kNow) {
    const std::string link = guard_.MakeLink(access::Scope::kAdmin, "ada", now);
    const http::Response response = guard_.Login(Get(), link.substr(link.find('=') + 1), now);
    for (const auto& [name, value] : response.headers) {
      if (name == "Set-Cookie") return value.substr(0, value.find(';'));
    }
    return "";
  }

  io::TestFolder folder_;
  Guard guard_{{kOrigin, "http://localhost:8321"}, folder_ / "tokens.json"};
};

TEST_F(GuardTest, KnowsATokenUntilItIsRevoked) {
  access::TokenFile file(folder_ / "tokens.json");
  const std::string secret = file.Add("grafana", access::Scope::kViewer, "ada", kNow).value();
  const auto identified = guard_.Identify(Get({{"authorization", "Bearer " + secret}}), kNow);
  ASSERT_TRUE(std::holds_alternative<access::Caller>(identified));
  EXPECT_EQ(std::get<access::Caller>(identified).name, "grafana");
  EXPECT_EQ(std::get<access::Caller>(identified).scope, access::Scope::kViewer);
  ASSERT_TRUE(file.Revoke("grafana"));
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + secret}})), 401);
}

TEST_F(GuardTest, KnowsNothingElseForAToken) {
  const std::string secret = access::TokenFile(folder_ / "tokens.json")
                                 .Add("a", access::Scope::kAdmin, "ada", kNow)
                                 .value();
  Instant now = kNow;
  for (const std::string& shown :
       {std::string("Bearer"), std::string("Bearer "), "bearer " + secret, "Bearer  " + secret,
        "Bearer " + secret + " ", "Bearer " + secret.substr(1), "Basic " + secret, secret,
        "Bearer " + std::string(64, '0')}) {
    now += std::chrono::seconds(2);  // not faster than wrong ones may come
    EXPECT_EQ(StatusOf(Get({{"authorization", shown}}), now), 401) << shown;
  }
}

TEST_F(GuardTest, OpensASessionByALinkThatWorksOnceAndForADay) {
  const std::string link = guard_.MakeLink(access::Scope::kOperator, "ada", kNow);
  EXPECT_TRUE(link.starts_with("http://127.0.0.1:8321/login?token=")) << link;
  const std::string secret = link.substr(link.find('=') + 1);
  const http::Response first = guard_.Login(Get(), secret, kNow);
  EXPECT_EQ(first.status, 303);
  EXPECT_EQ(first.headers.at(0).second, "/");
  const std::string cookie = first.headers.at(1).second;
  EXPECT_NE(cookie.find("; Path=/; HttpOnly; SameSite=Strict"), std::string::npos) << cookie;
  EXPECT_EQ(guard_.Login(Get(), secret, kNow).status, 401);
  const auto identified =
      guard_.Identify(Get({{"cookie", "other=1; " + cookie.substr(0, cookie.find(';'))}}), kNow);
  ASSERT_TRUE(std::holds_alternative<access::Caller>(identified));
  EXPECT_EQ(std::get<access::Caller>(identified).name, "ada");
  EXPECT_EQ(std::get<access::Caller>(identified).scope, access::Scope::kOperator);
  const http::Request same = Get({{"cookie", cookie.substr(0, cookie.find(';'))}});
  EXPECT_TRUE(guard_.HasSession(same, kNow));
  EXPECT_FALSE(guard_.HasSession(same, kNow + std::chrono::hours(25)));
  EXPECT_FALSE(guard_.HasSession(Get(), kNow));
  EXPECT_FALSE(guard_.HasSession(Get({{"cookie", "busker_8321=" + secret}}), kNow));

  const std::string late = guard_.MakeLink(access::Scope::kAdmin, "ada", kNow);
  EXPECT_EQ(
      guard_.Login(Get(), late.substr(late.find('=') + 1), kNow + std::chrono::hours(25)).status,
      401);
}

// The link of a mail, clicked, began a session and showed "This browser has no session": no browser
// sends a cookie of this site alone to where another site has led it.
TEST_F(GuardTest, SendsWhoComesFromAnotherSiteOnFromAPageOfItsOwn) {
  const std::string link = guard_.MakeLink(access::Scope::kAdmin, "ada", kNow);
  const http::Response response =
      guard_.Login(Get({{"sec-fetch-site", "cross-site"}}), link.substr(link.find('=') + 1), kNow);
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("http-equiv=\"refresh\" content=\"0;url=/\""), std::string::npos);
  EXPECT_EQ(response.headers.size(), 1u);
  EXPECT_EQ(response.headers.at(0).first, "Set-Cookie");
}

TEST_F(GuardTest, KnowsWhoWatchesUntilTheSessionOrTheTokenEnds) {
  access::TokenFile file(folder_ / "tokens.json");
  const std::string secret = file.Add("grafana", access::Scope::kViewer, "ada", kNow).value();
  const auto by_token = guard_.StillKnown(Get({{"authorization", "Bearer " + secret}}));
  const auto by_session = guard_.StillKnown(Get({{"cookie", LogIn()}}));
  EXPECT_TRUE(by_token(kNow) && by_session(kNow));
  ASSERT_TRUE(file.Revoke("grafana"));
  EXPECT_FALSE(by_token(kNow + std::chrono::seconds(1)));
  EXPECT_TRUE(by_session(kNow + std::chrono::hours(11)));
  EXPECT_FALSE(by_session(kNow + std::chrono::hours(13))) << "to look is no use of a session";
}

// Behind a proxy with TLS the cookie was named by the port of the address before it, and was sent
// without TLS, too.
TEST_F(GuardTest, GivesACookieForTheNameThatTheRequestCameTo) {
  Guard guard({"https://busker.example.com", "https://busker.example.com:8443",
               "http://127.0.0.1:8321", "http://[::1]:8321"},
              folder_ / "tokens.json");
  for (const auto& [host, begin, secure] :
       std::initializer_list<std::tuple<const char*, const char*, bool>>{
           {"busker.example.com", "__Host-busker_443=", true},
           {"busker.example.com:8443", "__Host-busker_8443=", true},
           {"127.0.0.1:8321", "busker_8321=", false},
           {"[::1]:8321", "busker_8321=", false}}) {
    const std::string link = guard.MakeLink(access::Scope::kAdmin, "ada", kNow);
    EXPECT_TRUE(link.starts_with("https://busker.example.com/login?token=")) << link;
    http::Request request = Get();
    request.headers["host"] = host;
    const http::Response response = guard.Login(request, link.substr(link.find('=') + 1), kNow);
    const std::string cookie = response.headers.at(1).second;
    EXPECT_TRUE(cookie.starts_with(begin)) << cookie;
    EXPECT_NE(cookie.find("; Path=/; HttpOnly; SameSite=Strict"), std::string::npos) << cookie;
    EXPECT_EQ(cookie.ends_with("; Secure"), secure) << cookie;
    request.headers["cookie"] = cookie.substr(0, cookie.find(';'));
    EXPECT_TRUE(std::holds_alternative<access::Caller>(guard.Identify(request, kNow))) << host;
  }
  http::Request page = Get({{"origin", "https://busker.example.com"}});
  page.headers["host"] = "busker.example.com";
  EXPECT_FALSE(guard.site().Refuse(page));
  page.headers["origin"] = "http://busker.example.com";
  EXPECT_EQ(guard.site().Refuse(page)->status, 403);
}

TEST_F(GuardTest, LetsNobodyGuessAndKeepsNobodyElseOut) {
  const std::string cookie = LogIn();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}})), 401);
  }
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}})), 429);
  // A neighbour that guesses kept the owner out, who has the same address: 127.0.0.1.
  EXPECT_EQ(StatusOf(Get({{"cookie", cookie}})), 200);
  http::Request other = Get({{"authorization", "Bearer " + std::string(64, '0')}});
  other.peer = "127.0.0.2";
  EXPECT_EQ(StatusOf(other), 401);
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}}),
                     kNow + std::chrono::seconds(2)),
            401);
}

}  // namespace
}  // namespace busker::serve

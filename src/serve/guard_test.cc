#include "serve/guard.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::serve {
namespace {

const Instant kNow{std::chrono::seconds(1'700'000'000)};
constexpr char kOrigin[] = "http://127.0.0.1:8321";

class GuardTest : public testing::Test {
 protected:
  static Request Get(std::map<std::string, std::string, std::less<>> headers = {}) {
    Request request;
    request.target = "/api/v1/runs";
    request.headers = std::move(headers);
    request.headers.emplace("host", "127.0.0.1:8321");
    request.peer = "127.0.0.1";
    return request;
  }
  int StatusOf(const Request& request, Instant now = kNow) {
    if (const auto refused = guard_.Refuse(request)) return refused->status;
    const auto identified = guard_.Identify(request, now);
    const auto* refused = std::get_if<Response>(&identified);
    return refused == nullptr ? 200 : refused->status;
  }
  // The session's cookie, of a link that is used.
  std::string LogIn(Instant now = kNow) {
    const std::string link = guard_.MakeLink(Scope::kAdmin, "ada", now);
    const Response response = guard_.Login(Get(), link.substr(link.find('=') + 1), now);
    for (const auto& [name, value] : response.headers) {
      if (name == "Set-Cookie") return value.substr(0, value.find(';'));
    }
    return "";
  }

  io::TestFolder folder_;
  Guard guard_{{kOrigin, "http://localhost:8321"}, folder_ / "tokens.json"};
};

TEST_F(GuardTest, RefusesEveryHostThatIsNotItsOwn) {
  for (const char* const host : {"",
                                 "evil.test",
                                 "127.0.0.1",
                                 "127.0.0.1:80",
                                 "127.0.0.1:83210",
                                 "127.0.0.1:8321.",
                                 "127.evil.com:8321",
                                 "127.0.0.1.evil.com:8321",
                                 "localhost",
                                 "localhost.evil:8321",
                                 "localhost.:8321",
                                 "LOCALHOST:8321",
                                 "[::1]:8321",
                                 "[::1]evil:8321",
                                 "0.0.0.0:8321",
                                 "0:8321",
                                 "2130706433:8321",
                                 "127.1:8321",
                                 "0x7f.1:8321",
                                 "127.0.0.1:8321,evil.test",
                                 "127.0.0.1:8321 evil.test",
                                 "evil.test@127.0.0.1:8321",
                                 "127.0.0.1:8321/",
                                 "http://127.0.0.1:8321",
                                 " 127.0.0.1:8321",
                                 "127.0.0.1:08321",
                                 "127.0.0.1:+8321",
                                 "127.0.0.2:8321",
                                 "169.254.169.254",
                                 "localhost:8321#"}) {
    Request request = Get();
    request.headers["host"] = host;
    EXPECT_EQ(StatusOf(request), 421) << host;
  }
  EXPECT_EQ(StatusOf(Get()), 401);
  Request other = Get();
  other.headers["host"] = "localhost:8321";
  EXPECT_EQ(StatusOf(other), 401);
}

TEST_F(GuardTest, RefusesOtherSites) {
  for (const char* const origin :
       {"null", "http://evil.test", "https://127.0.0.1:8321", "http://127.0.0.1",
        "http://127.0.0.1:8321.evil.test", "http://127.0.0.1:8321/"}) {
    EXPECT_EQ(StatusOf(Get({{"origin", origin}})), 403) << origin;
  }
  EXPECT_EQ(StatusOf(Get({{"origin", kOrigin}})), 401);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"}})), 403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "same-site"}, {"sec-fetch-mode", "no-cors"}})), 403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"},
                          {"sec-fetch-mode", "navigate"},
                          {"sec-fetch-dest", "iframe"}})),
            403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"},
                          {"sec-fetch-mode", "navigate"},
                          {"sec-fetch-dest", "document"}})),
            401)
      << "a link on another site may lead here";
}

TEST_F(GuardTest, RefusesWhatIsSaidTwice) {
  Request request = Get();
  request.repeated = {"authorization"};
  EXPECT_EQ(StatusOf(request), 400);
  request.repeated = {"x-forwarded-for"};
  EXPECT_EQ(StatusOf(request), 401);
}

TEST_F(GuardTest, KnowsATokenUntilItIsRevoked) {
  TokenFile file(folder_ / "tokens.json");
  const std::string secret = file.Add("grafana", Scope::kViewer, "ada", kNow).value();
  const auto identified = guard_.Identify(Get({{"authorization", "Bearer " + secret}}), kNow);
  ASSERT_TRUE(std::holds_alternative<Caller>(identified));
  EXPECT_EQ(std::get<Caller>(identified).name, "grafana");
  EXPECT_EQ(std::get<Caller>(identified).scope, Scope::kViewer);
  ASSERT_TRUE(file.Revoke("grafana"));
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + secret}})), 401);
}

TEST_F(GuardTest, KnowsNothingElseForAToken) {
  const std::string secret =
      TokenFile(folder_ / "tokens.json").Add("a", Scope::kAdmin, "ada", kNow).value();
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
  const std::string link = guard_.MakeLink(Scope::kOperator, "ada", kNow);
  EXPECT_TRUE(link.starts_with("http://127.0.0.1:8321/login?token=")) << link;
  const std::string secret = link.substr(link.find('=') + 1);
  const Response first = guard_.Login(Get(), secret, kNow);
  EXPECT_EQ(first.status, 303);
  EXPECT_EQ(first.headers.at(0).second, "/");
  const std::string cookie = first.headers.at(1).second;
  EXPECT_NE(cookie.find("; Path=/; HttpOnly; SameSite=Strict"), std::string::npos) << cookie;
  EXPECT_EQ(guard_.Login(Get(), secret, kNow).status, 401);
  const auto identified =
      guard_.Identify(Get({{"cookie", "other=1; " + cookie.substr(0, cookie.find(';'))}}), kNow);
  ASSERT_TRUE(std::holds_alternative<Caller>(identified));
  EXPECT_EQ(std::get<Caller>(identified).name, "ada");
  EXPECT_EQ(std::get<Caller>(identified).scope, Scope::kOperator);

  const std::string late = guard_.MakeLink(Scope::kAdmin, "ada", kNow);
  EXPECT_EQ(
      guard_.Login(Get(), late.substr(late.find('=') + 1), kNow + std::chrono::hours(25)).status,
      401);
}

TEST_F(GuardTest, EndsASessionThatWasNotUsedForTwelveHours) {
  const std::string cookie = LogIn();
  const Instant later = kNow + std::chrono::hours(11);
  EXPECT_EQ(StatusOf(Get({{"cookie", cookie}}), later), 200);
  EXPECT_EQ(StatusOf(Get({{"cookie", cookie}}), later + std::chrono::hours(11)), 200);
  EXPECT_EQ(StatusOf(Get({{"cookie", cookie}}), later + std::chrono::hours(24)), 401);
}

// Whoever logged in as the thousand-and-first was out again at once.
TEST_F(GuardTest, MakesRoomByWhatWasUsedLeastLately) {
  std::vector<std::string> cookies;
  for (int i = 0; i < 1000; ++i) cookies.push_back(LogIn(kNow + std::chrono::seconds(i)));
  const Instant later = kNow + std::chrono::hours(1);
  EXPECT_EQ(StatusOf(Get({{"cookie", cookies[0]}}), later), 200);
  cookies.push_back(LogIn(later + std::chrono::seconds(1)));
  for (std::size_t i = 0; i < cookies.size(); ++i) {
    EXPECT_EQ(StatusOf(Get({{"cookie", cookies[i]}}), later), i == 1 ? 401 : 200) << i;
  }
  std::vector<std::string> links;
  for (int i = 0; i < 101; ++i) {
    const std::string link = guard_.MakeLink(Scope::kViewer, "ada", kNow + std::chrono::seconds(i));
    links.push_back(link.substr(link.find('=') + 1));
  }
  EXPECT_EQ(guard_.Login(Get(), links[0], later).status, 401);
  EXPECT_EQ(guard_.Login(Get(), links[1], later).status, 303);
  EXPECT_EQ(guard_.Login(Get(), links[100], later).status, 303);
}

TEST_F(GuardTest, KnowsWhoWatchesUntilTheSessionOrTheTokenEnds) {
  TokenFile file(folder_ / "tokens.json");
  const std::string secret = file.Add("grafana", Scope::kViewer, "ada", kNow).value();
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
    const std::string link = guard.MakeLink(Scope::kAdmin, "ada", kNow);
    EXPECT_TRUE(link.starts_with("https://busker.example.com/login?token=")) << link;
    Request request = Get();
    request.headers["host"] = host;
    const Response response = guard.Login(request, link.substr(link.find('=') + 1), kNow);
    const std::string cookie = response.headers.at(1).second;
    EXPECT_TRUE(cookie.starts_with(begin)) << cookie;
    EXPECT_NE(cookie.find("; Path=/; HttpOnly; SameSite=Strict"), std::string::npos) << cookie;
    EXPECT_EQ(cookie.ends_with("; Secure"), secure) << cookie;
    request.headers["cookie"] = cookie.substr(0, cookie.find(';'));
    EXPECT_TRUE(std::holds_alternative<Caller>(guard.Identify(request, kNow))) << host;
  }
  Request page = Get({{"origin", "https://busker.example.com"}});
  page.headers["host"] = "busker.example.com";
  EXPECT_FALSE(guard.Refuse(page));
  page.headers["origin"] = "http://busker.example.com";
  EXPECT_EQ(guard.Refuse(page)->status, 403);
}

TEST_F(GuardTest, LetsNobodyGuessAndKeepsNobodyElseOut) {
  const std::string cookie = LogIn();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}})), 401);
  }
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}})), 429);
  // A neighbour that guesses kept the owner out, who has the same address: 127.0.0.1.
  EXPECT_EQ(StatusOf(Get({{"cookie", cookie}})), 200);
  Request other = Get({{"authorization", "Bearer " + std::string(64, '0')}});
  other.peer = "127.0.0.2";
  EXPECT_EQ(StatusOf(other), 401);
  EXPECT_EQ(StatusOf(Get({{"authorization", "Bearer " + std::string(64, '0')}}),
                     kNow + std::chrono::seconds(2)),
            401);
}

TEST_F(GuardTest, LetsASessionChangeThingsFromItsOwnPagesAlone) {
  const auto status = [&](std::map<std::string, std::string, std::less<>> headers) {
    const auto refused = guard_.RefuseChange(Get(std::move(headers)));
    return refused ? refused->status : 200;
  };
  for (const char* const type : {"", "text/plain", "application/x-www-form-urlencoded",
                                 "multipart/form-data", "application/jsonp", "text/json"}) {
    EXPECT_EQ(status({{"content-type", type}, {"origin", kOrigin}}), 415) << type;
  }
  EXPECT_EQ(status({{"content-type", "application/json"}}), 403);
  EXPECT_EQ(status({{"content-type", "application/json; charset=utf-8"}, {"origin", kOrigin}}),
            200);
  EXPECT_EQ(status({{"content-type", "application/json"}, {"sec-fetch-site", "same-origin"}}), 200);
  EXPECT_EQ(status({{"content-type", "application/json"}, {"authorization", "Bearer x"}}), 200);
}

}  // namespace
}  // namespace busker::serve

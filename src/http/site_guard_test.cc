#include "http/site_guard.h"

#include <gtest/gtest.h>

namespace busker::http {
namespace {

constexpr char kOrigin[] = "http://127.0.0.1:8321";

class SiteGuardTest : public testing::Test {
 protected:
  static Request Get(std::map<std::string, std::string, std::less<>> headers = {}) {
    Request request;
    request.target = "/api/v1/runs";
    request.headers = std::move(headers);
    request.headers.emplace("host", "127.0.0.1:8321");
    return request;
  }
  int StatusOf(const Request& request) {
    const auto refused = guard_.Refuse(request);
    return refused ? refused->status : 200;
  }

  SiteGuard guard_{{kOrigin, "http://localhost:8321"}};
};

TEST_F(SiteGuardTest, RefusesEveryHostThatIsNotItsOwn) {
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
  EXPECT_EQ(StatusOf(Get()), 200);
  Request other = Get();
  other.headers["host"] = "localhost:8321";
  EXPECT_EQ(StatusOf(other), 200);
}

TEST_F(SiteGuardTest, RefusesOtherSites) {
  for (const char* const origin :
       {"null", "http://evil.test", "https://127.0.0.1:8321", "http://127.0.0.1",
        "http://127.0.0.1:8321.evil.test", "http://127.0.0.1:8321/"}) {
    EXPECT_EQ(StatusOf(Get({{"origin", origin}})), 403) << origin;
  }
  EXPECT_EQ(StatusOf(Get({{"origin", kOrigin}})), 200);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"}})), 403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "same-site"}, {"sec-fetch-mode", "no-cors"}})), 403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"},
                          {"sec-fetch-mode", "navigate"},
                          {"sec-fetch-dest", "iframe"}})),
            403);
  EXPECT_EQ(StatusOf(Get({{"sec-fetch-site", "cross-site"},
                          {"sec-fetch-mode", "navigate"},
                          {"sec-fetch-dest", "document"}})),
            200)
      << "a link on another site may lead here";
}

TEST_F(SiteGuardTest, RefusesWhatIsSaidTwice) {
  Request request = Get();
  request.repeated = {"authorization"};
  EXPECT_EQ(StatusOf(request), 400);
  request.repeated = {"x-forwarded-for"};
  EXPECT_EQ(StatusOf(request), 200);
}

TEST_F(SiteGuardTest, LetsASessionChangeThingsFromItsOwnPagesAlone) {
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

TEST_F(SiteGuardTest, NamesTheOriginThatARequestCameTo) {
  EXPECT_EQ(guard_.origin(), kOrigin);
  EXPECT_EQ(guard_.OriginOf(Get()), kOrigin);
  EXPECT_EQ(guard_.OriginOf(Get({{"host", "localhost:8321"}})), "http://localhost:8321");
  EXPECT_EQ(guard_.OriginOf(Get({{"host", "localhost"}})), "");
}

}  // namespace
}  // namespace busker::http

#include "cloud/metadata_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "cloud/google_access.h"
#include "io/test_server.h"

namespace busker::cloud {
namespace {

constexpr RetryPolicy kQuick{Milliseconds(2), Milliseconds(10), Milliseconds(20'000)};

std::string Answer(const std::string& status, const std::string& body,
                   const std::string& flavor = "Google") {
  return "HTTP/1.1 " + status + "\r\nMetadata-Flavor: " + flavor +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

const std::string kToken = R"({"access_token": "abc", "expires_in": 3599, "token_type": "Bearer"})";

Result<std::string> AskedOf(io::TestHttpServer& server) {
  Credentials credentials(TokensOfMachine(server.Place(), kQuick));
  return credentials.Authorization(io::Within(Milliseconds(60'000)));
}

TEST(MetadataServer, GivesTheTokenOfTheMachine) {
  io::TestHttpServer server(Answer("200 OK", kToken));
  EXPECT_EQ(AskedOf(server).value(), "Bearer abc");
  const auto request = server.requests().All().at(0);
  EXPECT_EQ(request.target, "/computeMetadata/v1/instance/service-accounts/default/token");
  EXPECT_EQ(request.headers.at("metadata-flavor"), "Google");
}

// In the first seconds of a machine its metadata server does not answer yet.
TEST(MetadataServer, IsAskedAgainUntilItIsReady) {
  std::atomic<int> count = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    const int now = ++count;
    return now == 1 ? "" : now == 2 ? Answer("503 x", "") : Answer("200 OK", kToken);
  });
  EXPECT_EQ(AskedOf(server).value(), "Bearer abc");
}

TEST(MetadataServer, ThatHasNoTokenSaysSo) {
  io::TestHttpServer none(Answer("404 Not Found", ""));
  EXPECT_EQ(AskedOf(none).error().kind, ErrorKind::kUnusable);
  io::TestHttpServer other(Answer("200 OK", kToken, "Other"));
  EXPECT_EQ(AskedOf(other).error().kind, ErrorKind::kFailed);
  for (const char* body : {"", "{}", R"({"access_token": 1, "expires_in": 1})",
                           R"({"access_token": "a", "expires_in": "1"})"}) {
    io::TestHttpServer strange(Answer("200 OK", body));
    EXPECT_EQ(AskedOf(strange).error().kind, ErrorKind::kFailed) << body;
  }
}

TEST(MetadataServer, TellsWhatIsThereAndThatNothingIs) {
  io::TestHttpServer server([](const io::TestHttpRequest& request) {
    const bool is_there = request.target == "/computeMetadata/v1/instance/?recursive=true";
    return is_there ? Answer("200 OK", "{}") : Answer("404 Not Found", "<html>");
  });
  const auto ask = [&](const char* path) {
    return AskMachine(server.Place(), path, io::Within(Milliseconds(60'000)), kQuick);
  };
  EXPECT_EQ(ask("instance/?recursive=true").value(), "{}");
  EXPECT_EQ(ask("instance/attributes/other").value(), std::nullopt);
}

TEST(MetadataServer, TellsTheUniverse) {
  const auto universe = [](const std::string& answer) {
    io::TestHttpServer server(answer);
    const auto told = UniverseOfMachine(server.Place(), kQuick);
    return told ? *told : "fault: " + told.error().message;
  };
  EXPECT_EQ(universe(Answer("200 OK", "example.cloud\n")), "example.cloud");
  EXPECT_EQ(universe(Answer("404 Not Found", "")), "googleapis.com");
  EXPECT_EQ(universe(Answer("200 OK", "a/b")).find("fault: "), 0U);
  EXPECT_EQ(universe(Answer("200 OK", "x", "Other")).find("fault: "), 0U);
}

TEST(MetadataServer, IsUsedWhereTheEnvironmentNamesOne) {
  for (const char* name : kGoogleVariables) unsetenv(name);
  io::TestHttpServer server([](const io::TestHttpRequest& request) {
    const bool is_token = request.target.ends_with("/token");
    return Answer("200 OK", is_token ? kToken : "example.cloud");
  });
  setenv("GCE_METADATA_HOST", server.Place().c_str(), 1);
  const auto access = FindAccess(GoogleApi::kStorage);
  unsetenv("GCE_METADATA_HOST");
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->endpoint, "https://storage.example.cloud");
  EXPECT_EQ(access->credentials->Authorization(io::Within(Milliseconds(60'000))).value(),
            "Bearer abc");
}

}  // namespace
}  // namespace busker::cloud

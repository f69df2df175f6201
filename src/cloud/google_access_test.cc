#include "cloud/google_access.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "cloud/test_key.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::cloud {
namespace {

using json = nlohmann::ordered_json;

io::Interrupt Soon() { return io::Within(Milliseconds(60'000)); }

class StorageAccess : public testing::Test {
 protected:
  StorageAccess() { Forget(); }
  ~StorageAccess() override { Forget(); }
  static void Forget() {
    for (const char* name : kGoogleVariables) unsetenv(name);
  }
  static Result<GoogleAccess> Find() { return FindAccess(GoogleApi::kStorage); }
  static std::string Fault() {
    const auto access = Find();
    if (access) return "none";
    EXPECT_EQ(access.error().kind, ErrorKind::kUnusable);
    return access.error().message;
  }
  std::string AtEmulator(const char* place) {
    setenv("STORAGE_EMULATOR_HOST", place, 1);
    const auto access = Find();
    if (!access) return "no";
    EXPECT_EQ(access->credentials->Authorization(Soon()).value(), "");
    return access->endpoint;
  }
  void NameFile(const json& file) {
    setenv("GOOGLE_APPLICATION_CREDENTIALS", folder_.Write("key.json", file.dump()).c_str(), 1);
  }

  const io::TestFolder folder_;
};

TEST_F(StorageAccess, ToAnEmulatorIsNobodys) {
  EXPECT_EQ(AtEmulator("127.0.0.1:4443"), "http://127.0.0.1:4443");
  EXPECT_EQ(AtEmulator("http://localhost:9000/"), "http://localhost:9000");
  EXPECT_EQ(AtEmulator("ftp://x"), "no");
}

TEST_F(StorageAccess, IsThatOfTheKeyThatTheEnvironmentNames) {
  NameFile(TestKey().Json());
  const auto access = Find();
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->endpoint, "https://storage.googleapis.com");
  EXPECT_TRUE(access->credentials->Authorization(Soon()).value().starts_with("Bearer ey"));
}

TEST_F(StorageAccess, InAnotherUniverseIsThere) {
  json key = TestKey().Json();
  key["universe_domain"] = "example.cloud";
  NameFile(key);
  EXPECT_EQ(Find()->endpoint, "https://storage.example.cloud");
}

TEST_F(StorageAccess, IsElseThatOfWhoLoggedInByGcloud) {
  const json login = {{"type", "authorized_user"},
                      {"client_id", "a"},
                      {"client_secret", "b"},
                      {"refresh_token", "c"},
                      {"quota_project_id", "bill"}};
  const auto file = "application_default_credentials.json";
  folder_.Write(io::fs::path("ann/.config/gcloud") / file, login.dump());
  setenv("HOME", (folder_ / "ann").c_str(), 1);
  EXPECT_EQ(Find()->credentials->quota_project(), "bill");
  setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "other", 1);
  EXPECT_EQ(Find()->credentials->quota_project(), "other");
  // Elsewhere when that is said, and then not there.
  setenv("CLOUDSDK_CONFIG", (folder_ / "elsewhere").c_str(), 1);
  EXPECT_EQ(Fault().find("there are no credentials for Google Cloud"), 0U);
  folder_.Write(io::fs::path("elsewhere") / file, "{}");
  EXPECT_EQ(Fault(),
            (folder_ / "elsewhere" / file).string() +
                ": it is not a file of Google's with credentials: it has no \"type\"; `gcloud "
                "auth application-default login` writes the file anew");
}

TEST_F(StorageAccess, OfNobodySaysWhatToDo) {
  EXPECT_EQ(Fault(),
            "there are no credentials for Google Cloud; log in by `gcloud auth application-default "
            "login`, or let GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account");
  setenv("GOOGLE_APPLICATION_CREDENTIALS", (folder_ / "none").c_str(), 1);
  EXPECT_NE(Fault().find((folder_ / "none").string()), std::string::npos);
  NameFile({{"type", "gdch_service_account"}});
  EXPECT_NE(Fault().find("key.json: it has credentials of the type gdch_service_account"),
            std::string::npos);
}

// Each store that was opened, one for a request, made a session and fetched a token of its own.
TEST_F(StorageAccess, IsSharedByAllWhoHaveTheSameCredentials) {
  io::TestHttpServer server([](const io::TestHttpRequest&) {
    const std::string body = R"({"access_token": "a", "expires_in": 3600})";
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  });
  json login = {{"type", "authorized_user"},
                {"client_id", "a"},
                {"client_secret", "b"},
                {"refresh_token", "c"},
                {"token_uri", server.Url()}};
  NameFile(login);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back(
          [&] { EXPECT_EQ(Find()->credentials->Authorization(Soon()).value(), "Bearer a"); });
    }
  }
  EXPECT_EQ(server.requests().All().size(), 1U);
  EXPECT_EQ(Find()->http, Find()->http);
  // Another login in the same file counts at once.
  login["refresh_token"] = "d";
  NameFile(login);
  EXPECT_EQ(Find()->credentials->Authorization(Soon()).value(), "Bearer a");
  EXPECT_EQ(server.requests().All().size(), 2U);
}

TEST_F(StorageAccess, KeepsTheLastCredentialsAlone) {
  json login = {{"type", "authorized_user"}, {"client_id", "a"}, {"client_secret", "b"}};
  std::weak_ptr<Credentials> first;
  for (int i = 0; i < 9; ++i) {
    login["refresh_token"] = std::to_string(i);
    NameFile(login);
    const auto access = Find();
    ASSERT_TRUE(access) << access.error().message;
    if (i == 0) first = access->credentials;
    EXPECT_EQ(first.expired(), i == 8) << i;
  }
}

}  // namespace
}  // namespace busker::cloud

#include "image/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/test_folder.h"
#include "io/url.h"

namespace busker::image {
namespace {

class Logins : public testing::Test {
 protected:
  void Config(std::string_view text) { folder_.Write("config.json", text); }
  void Helper(const std::string& name, std::string_view script) {
    const auto file = folder_.Write("bin/docker-credential-" + name, script);
    ASSERT_EQ(chmod(file.c_str(), 0755), 0);
  }
  Result<std::optional<Login>> Find(const std::string& registry) {
    return FindLogin(registry,
                     {"DOCKER_CONFIG=" + folder_.path().string(),
                      "PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin"},
                     io::Within(std::chrono::seconds(30)));
  }

  const io::TestFolder folder_;
};

TEST_F(Logins, AreThoseOfDockerLogin) {
  Config(R"({"auths": {"r.example": {"auth": "dXNlcjpwYXNzOndvcmQ="},
                       "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
                       "https://old.example/v1/": {"auth": "b2xkOnB3"}}})");
  const auto login = Find("r.example");
  ASSERT_TRUE(login && *login);
  EXPECT_EQ((*login)->user, "user");
  EXPECT_EQ((*login)->password, "pass:word");
  EXPECT_EQ(Find("docker.io").value()->user, "hub");
  EXPECT_EQ(Find("old.example").value()->user, "old");
  EXPECT_FALSE(Find("other.example").value());
}

TEST_F(Logins, AreAskedOfAHelperOnItsStandardInput) {
  Helper("ours",
         "#!/bin/sh\nread -r host\n[ \"$1\" = get ] && echo "
         "\"{\\\"Username\\\": \\\"u-$host\\\", \\\"Secret\\\": \\\"s\\\"}\"\n");
  Helper("none", "#!/bin/sh\necho credentials not found in native keychain; exit 1\n");
  Helper("token", "#!/bin/sh\necho '{\"Username\": \"<token>\", \"Secret\": \"t\"}'\n");
  Helper("broken", "#!/bin/sh\necho locked; exit 1\n");
  Config(R"({"credsStore": "none", "credHelpers": {"a.example": "ours", "t.example": "token",
             "b.example": "broken", "m.example": "missing"},
             "auths": {"plain.example": {"auth": "dTpw"}}})");
  EXPECT_EQ(Find("a.example").value()->user, "u-a.example");
  EXPECT_EQ(Find("t.example").value()->identity_token, "t");
  EXPECT_FALSE(Find("other.example").value());
  EXPECT_EQ(Find("plain.example").value()->user, "u") << "what the store does not have";
  EXPECT_NE(Find("b.example").error().message.find("locked"), std::string::npos);
  EXPECT_NE(Find("m.example").error().message.find("docker-credential-missing"), std::string::npos);
}

TEST_F(Logins, ThatMakeNoSenseAreAnErrorAndNoneAtAllIsNone) {
  EXPECT_FALSE(Find("r.example").value());
  Config(R"({"auths": {"r.example": {"auth": "%%%"}}})");
  EXPECT_EQ(Find("r.example").error().kind, ErrorKind::kInvalid);
  Config("{");
  EXPECT_EQ(Find("r.example").error().kind, ErrorKind::kInvalid);
  Config(R"({"credHelpers": {"r.example": "../../tmp/evil"}})");
  EXPECT_EQ(Find("r.example").error().kind, ErrorKind::kInvalid);
}

TEST(EngineAuth, IsBase64OfJson) {
  const std::string text = EngineAuth({"user", "~~~~\xc3\xbf", ""}, "r.example");
  EXPECT_EQ(text.find_first_of("+/"), std::string::npos);
}

}  // namespace
}  // namespace busker::image

// Against a small registry that hands out tokens, as those of clouds do; what a real one does, and
// one with a password, tests/image_test.py tries.
#include "image/registry.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "io/digest.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::image {
namespace {

const auto kSoon = [] { return io::Within(std::chrono::seconds(30)); };

std::string Answer(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}", status,
                     body.size(), headers, body);
}

// Wants a token for every call, and takes the one that was asked for with the right scope.
class TokenRegistry {
 public:
  TokenRegistry()
      : server_([this](const io::TestHttpRequest& request) { return Reply(request); }) {}

  std::string name() const { return server_.Place(); }
  std::vector<io::TestHttpRequest> requests() { return server_.requests().All(); }

  std::string manifest = R"({"schemaVersion": 2})";
  int fails = 0;              // the next so many calls, with 503
  std::string realm;          // empty: its own
  bool is_generous = true;    // gives tokens
  int deaf = 0;               // the next so many pings
  int breaks = 0;             // the next so many bodies, without an answer
  bool loses_answer = false;  // when that breaks: it has the layer
  bool is_there = false;      // the layer that is asked for
  int cuts = 0;               // the next so many GETs, in the middle
  int begun = 0;              // uploads
  std::string redirect;       // of what is asked of blobs
  std::string missing;        // what it says of all that is asked for; empty: nothing is
  std::string upload = "/v2/x/blobs/uploads/1?state=a";

 private:
  std::string Reply(const io::TestHttpRequest& request) {
    if (request.target.starts_with("/token")) return Token(request);
    if (request.target == "/v2/" && deaf > 0) {
      --deaf;
      return "";
    }
    const auto authorization = request.headers.find("authorization");
    if (authorization == request.headers.end() || authorization->second != "Bearer good") {
      const std::string place = realm.empty() ? server_.Url("/token") : realm;
      return Answer(
          "401 Unauthorized",
          fmt::format("WWW-Authenticate: Bearer realm=\"{}\",service=\"ours\"\r\n", place),
          R"({"errors": [{"code": "UNAUTHORIZED", "message": "who is it?"}]})");
    }
    if (fails > 0) {
      --fails;
      return Answer("503 Busy", "", "");
    }
    if (!missing.empty()) return Answer("404 Not Found", "", missing);
    if (!redirect.empty() && (request.method == "GET" || request.method == "HEAD")) {
      return Answer("307 Elsewhere", "Location: " + redirect + "\r\n", "");
    }
    if (request.method == "GET" && cuts > 0) {
      --cuts;
      return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlay";
    }
    if (request.method == "GET") return Answer("200 OK", "Content-Type: a/b\r\n", manifest);
    if (request.method == "POST" && request.target.find("from=secret") != std::string::npos) {
      return Answer("403 Forbidden", "", "");
    }
    if (request.method == "POST" && request.target.find("mount=") != std::string::npos) {
      return Answer(
          request.target.find("from=good") != std::string::npos ? "201 Created" : "202 Accepted",
          "Location: /v2/x/blobs/uploads/1\r\n", "");
    }
    if (request.method == "HEAD") return Answer(is_there ? "200 OK" : "404 Not Found", "", "");
    if (request.method == "POST") {
      ++begun;
      return Answer("202 Accepted", "Location: " + upload + "\r\n", "");
    }
    if (request.method == "PUT" && breaks > 0) {
      --breaks;
      is_there = loses_answer;
      has_part = true;
      return "";
    }
    if (request.method == "PUT" && has_part && begun < 2) {
      return Answer("416 Range Not Satisfiable", "", "");
    }
    if (request.method == "PUT") return Answer("201 Created", "", "");
    return Answer("404 Not Found", "", "");
  }

  bool has_part = false;

  std::string Token(const io::TestHttpRequest& request) {
    tokens.push_back(request);
    return is_generous ? Answer("200 OK", "", R"({"token": "good"})")
                       : Answer("403 Forbidden", "", R"({"errors": [{"message": "not you"}]})");
  }

 public:
  std::vector<io::TestHttpRequest> tokens;

 private:
  io::TestHttpServer server_;
};

TEST(Registry, AsksForATokenByTheScopeOfWhatItDoes) {
  TokenRegistry there;
  Registry registry(there.name(), Login{"ann", "secret", ""});
  const auto manifest = registry.GetManifest("team/x", "1", kSoon());
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->digest, "sha256:" + io::Sha256Of(there.manifest));
  ASSERT_TRUE(registry.GetManifest("team/x", "1", kSoon()));
  ASSERT_EQ(there.tokens.size(), 1u) << "one token, as long as it is taken";
  EXPECT_NE(there.tokens[0].target.find("service=ours"), std::string::npos);
  EXPECT_NE(there.tokens[0].target.find("scope=repository%3Ateam%2Fx%3Apull"), std::string::npos);
  EXPECT_EQ(there.tokens[0].headers.at("authorization"), "Basic YW5uOnNlY3JldA==");
  ASSERT_TRUE(registry.PutManifest("team/x", "1", *manifest, kSoon()));
  ASSERT_EQ(there.tokens.size(), 2u);
  EXPECT_NE(there.tokens[1].target.find("pull%2Cpush"), std::string::npos);
  for (const auto& request : there.requests()) {
    const auto sent = request.headers.find("authorization");
    if (request.target.starts_with("/token") || sent == request.headers.end()) continue;
    EXPECT_EQ(sent->second, "Bearer good") << "the password goes to the token server alone";
  }
}

TEST(Registry, ChangesAnIdentityTokenForAnother) {
  TokenRegistry there;
  Registry registry(there.name(), Login{"", "", "refresh me"});
  ASSERT_TRUE(registry.GetManifest("x", "1", kSoon()));
  EXPECT_EQ(there.tokens[0].method, "POST");
  EXPECT_NE(there.tokens[0].body.find("grant_type=refresh_token"), std::string::npos);
  EXPECT_NE(there.tokens[0].body.find("refresh_token=refresh%20me"), std::string::npos);
}

TEST(Registry, SaysWhoRefusedAndWhatWouldHelp) {
  TokenRegistry there;
  there.is_generous = false;
  Registry registry(there.name(), std::nullopt);
  const auto manifest = registry.GetManifest("x", "1", kSoon());
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().kind, ErrorKind::kFailed);
  EXPECT_NE(manifest.error().message.find("not you; docker login " + there.name()),
            std::string::npos)
      << manifest.error().message;
}

// In a project that never had one, it was told that there is none, and not what to do.
TEST(Registry, SaysHowARepositoryIsMadeThatIsNotThere) {
  TokenRegistry there;
  there.missing = R"({"errors": [{"code": "NAME_UNKNOWN", "message": "no repository x"}]})";
  Registry registry(there.name(), std::nullopt);
  const auto manifest = registry.GetManifest("x", "1", kSoon());
  ASSERT_FALSE(manifest);
  EXPECT_NE(manifest.error().message.find("gcloud artifacts repositories create"),
            std::string::npos)
      << manifest.error().message;
  there.missing = R"({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no tag 1"}]})";
  EXPECT_EQ(registry.GetManifest("x", "1", kSoon()).error().message.find("gcloud"),
            std::string::npos);
}

// A registry could have had a login sent to anybody, in the clear.
TEST(Registry, SendsNoLoginToATokenServerWithoutTls) {
  TokenRegistry there;
  there.realm = "http://tokens.example/token";
  Registry registry(there.name(), Login{"ann", "secret", ""});
  const auto manifest = registry.GetManifest("x", "1", kSoon());
  ASSERT_FALSE(manifest);
  EXPECT_NE(manifest.error().message.find("does not speak TLS"), std::string::npos);
}

// A store to which a registry leads on could ask for a login with a token server of its own, and
// got the password of `docker login`; what the registry itself had asked was forgotten for it.
TEST(Registry, AnswersOnlyItsOwnQuestionWhoAsks) {
  TokenRegistry there, thief;
  Registry registry(there.name(), Login{"ann", "secret", ""});
  there.redirect = "http://" + thief.name() + "/blob";
  EXPECT_FALSE(registry.HasBlob("x", "sha256:1", kSoon()));
  EXPECT_FALSE(registry.GetText("x", "sha256:1", kSoon()));
  there.redirect.clear();
  there.upload = "http://" + thief.name() + "/upload?state=a";
  EXPECT_FALSE(registry.PutText("x", "sha256:1", "layer", kSoon()));
  EXPECT_TRUE(thief.tokens.empty());
  for (const auto& request : thief.requests()) {
    EXPECT_FALSE(request.headers.contains("authorization")) << request.target;
  }
  EXPECT_GE(thief.requests().size(), 3u);
  EXPECT_TRUE(registry.GetManifest("y", "1", kSoon())) << "it is still known who asks for logins";
}

TEST(Registry, IsAskedAgainWhileItIsBusy) {
  TokenRegistry there;
  there.fails = 2;
  Registry registry(there.name(), std::nullopt);
  EXPECT_TRUE(registry.GetManifest("x", "1", kSoon()));
}

// One on this machine that did not answer for a moment was taken for one that speaks TLS, for good.
TEST(Registry, IsAskedAgainHowItSpeaks) {
  TokenRegistry there;
  there.deaf = 1;
  Registry registry(there.name(), std::nullopt);
  const auto manifest = registry.GetManifest("x", "1", kSoon());
  EXPECT_TRUE(manifest) << manifest.error().message;
}

// A push to a registry that was not there said nothing for a minute.
TEST(Registry, SaysThatItWaitsAndNotForLongWhereNothingEverAnswered) {
  const std::string name = [] { return TokenRegistry().name(); }();  // it has gone
  std::vector<std::string> told;
  Registry registry(name, std::nullopt,
                    Say([&](const std::string& line) { told.push_back(line); }));
  const auto begin = std::chrono::steady_clock::now();
  const auto manifest = registry.GetManifest("x", "1", io::Within(std::chrono::minutes(1)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().kind, ErrorKind::kTemporary);
  const std::string where = fmt::format("the registry {}: http://{}: connect: ", name, name);
  EXPECT_TRUE(manifest.error().message.starts_with(where)) << manifest.error().message;
  EXPECT_NE(manifest.error().message.find("nothing has answered there"), std::string::npos);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(told[0].starts_with("waiting for " + where)) << told[0];
}

TEST(Registry, SaysOnceThatItWaitsForOneThatIsBusy) {
  TokenRegistry there;
  there.fails = 2;
  std::vector<std::string> told;
  Registry registry(there.name(), std::nullopt,
                    Say([&](const std::string& line) { told.push_back(line); }));
  ASSERT_TRUE(registry.GetManifest("x", "1", kSoon()));
  EXPECT_EQ(told, std::vector<std::string>{"waiting for the registry " + there.name() +
                                           ": go on: it answered 503"});
}

TEST(Registry, TakesNoOtherBytesThanWereAskedFor) {
  TokenRegistry there;
  Registry registry(there.name(), std::nullopt);
  const auto manifest = registry.GetManifest("x", "sha256:" + std::string(64, 'a'), kSoon());
  ASSERT_FALSE(manifest);
  EXPECT_NE(manifest.error().message.find("other bytes"), std::string::npos);
}

// A push that broke off was repeated into the same upload, of which the registry had a part; it
// refused the rest.
TEST(Registry, BeginsAnUploadAnewThatBrokeOff) {
  TokenRegistry there;
  there.breaks = 1;
  Registry registry(there.name(), std::nullopt);
  const auto put = registry.PutText("x", "sha256:1", "layer", kSoon());
  EXPECT_TRUE(put) << put.error().message;
  EXPECT_EQ(there.begun, 2);
}

TEST(Registry, SendsNoLayerAgainThatHasArrived) {
  TokenRegistry there;
  there.breaks = 1;
  there.loses_answer = true;
  Registry registry(there.name(), std::nullopt);
  EXPECT_TRUE(registry.PutText("x", "sha256:1", "layer", kSoon()));
  EXPECT_EQ(there.begun, 1);
}

// A layer of a base whose connection broke was asked for once, and one that did not end filled the
// disk.
TEST(Registry, GetsALayerAgainThatBrokeOffAndNoMoreOfItThanThereIs) {
  TokenRegistry there;
  there.is_there = true;
  there.manifest = "layer";
  there.cuts = 1;
  Registry registry(there.name(), std::nullopt);
  const io::TestFolder folder;
  const std::string digest = "sha256:" + io::Sha256Of("layer");
  const auto got = registry.GetBlob("x", {"", digest, 5}, folder / "layer", kSoon());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(io::ReadFile(folder / "layer").value(), "layer");
  const auto longer = registry.GetBlob("x", {"", digest, 4}, folder / "other", kSoon());
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("more than 4 bytes"), std::string::npos);
  EXPECT_FALSE(io::fs::exists(folder / "other"));
}

// Who may push to one repository but not read another of the registry could not push at all: that
// a layer was not mounted ended the push.
TEST(Registry, PushesWhatItMayNotMount) {
  TokenRegistry there;
  Registry registry(there.name(), std::nullopt);
  const std::string digest = "sha256:" + io::Sha256Of("layer");
  const auto mounted = registry.MountBlob("x", digest, "secret", kSoon());
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_FALSE(*mounted);
  there.is_generous = false;  // nor does the token server let it
  const auto other = registry.MountBlob("x", digest, "other", kSoon());
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_FALSE(*other);
}

TEST(Registry, MountsALayerWhereItMayAndPutsItElsewhere) {
  TokenRegistry there;
  Registry registry(there.name(), std::nullopt);
  const std::string digest = "sha256:" + io::Sha256Of("layer");
  EXPECT_TRUE(registry.MountBlob("x", digest, "good", kSoon()).value());
  EXPECT_NE(there.tokens.back().target.find("&scope=repository%3Ax%3Apull%2Cpush"
                                            "&scope=repository%3Agood%3Apull"),
            std::string::npos)
      << there.tokens.back().target;
  EXPECT_FALSE(registry.MountBlob("x", digest, "other", kSoon()).value());
  const io::TestFolder folder;
  ASSERT_TRUE(registry.PutBlob("x", {"", digest, 5}, folder.Write("layer", "layer"), kSoon()));
  const auto last = there.requests().back();
  EXPECT_EQ(last.target, "/v2/x/blobs/uploads/1?state=a&digest=sha256%3A" + digest.substr(7));
  EXPECT_EQ(last.body, "layer");
}

}  // namespace
}  // namespace busker::image

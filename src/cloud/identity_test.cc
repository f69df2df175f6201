#include "cloud/identity.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/google_client.h"
#include "cloud/test_key.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::cloud {
namespace {

using json = nlohmann::ordered_json;

constexpr RetryPolicy kQuick{Milliseconds(2), Milliseconds(10), Milliseconds(20'000)};

io::Interrupt Soon() { return io::Within(Milliseconds(60'000)); }

std::string Answer(const std::string& status, const json& body) {
  const std::string text = body.dump();
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(text.size()) +
         "\r\nConnection: close\r\n\r\n" + text;
}

// Gives "token 1", "token 2", ... whatever it is asked, or the account's.
class TokenServer {
 public:
  TokenServer()
      : server_([this](const io::TestHttpRequest& request) {
          const int count = ++count_;
          if (request.target.ends_with(":generateAccessToken")) {
            return Answer("200 OK", {{"accessToken", "of the account"}});
          }
          if (request.target == "/subject") return Answer("200 OK", {{"value", "their token"}});
          return Answer("200 OK",
                        {{"access_token", "token " + std::to_string(count)}, {"expires_in", 3600}});
        }) {}

  std::string Url(const std::string& target) const { return server_.Url(target); }
  std::string AccountUrl() const {
    return Url("/ann@p.iam.gserviceaccount.com:generateAccessToken");
  }
  std::vector<io::TestHttpRequest> Asked() { return server_.requests().All(); }

 private:
  std::atomic<int> count_ = 0;
  io::TestHttpServer server_;
};

std::shared_ptr<io::HttpSession> Http() { return std::make_shared<io::HttpSession>(); }

// The token, or what is wrong.
std::string TokenBy(const json& file) {
  const auto identity = ParseIdentity(file.dump(), Http(), kQuick);
  if (!identity) return identity.error().message;
  const auto token = identity->source(Soon());
  return token ? token->text : token.error().message;
}

json Login(const std::string& url) {
  return {{"type", "authorized_user"},   {"client_id", "an id"},
          {"client_secret", "a/secret"}, {"refresh_token", "1//refresh"},
          {"quota_project_id", "bill"},  {"token_uri", url}};
}

json Federated(const TokenServer& server, const json& source) {
  return {{"type", "external_account"},
          {"audience", "//iam.googleapis.com/pool"},
          {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
          {"token_url", server.Url("/v1/token")},
          {"credential_source", source}};
}

TEST(Identity, OfAPersonAsksByTheRefreshToken) {
  TokenServer server;
  EXPECT_EQ(TokenBy(Login(server.Url("/token"))), "token 1");
  const auto asked = server.Asked().at(0);
  EXPECT_EQ(asked.method + " " + asked.target, "POST /token");
  EXPECT_EQ(asked.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(asked.body,
            "grant_type=refresh_token&client_id=an%20id&client_secret=a%2Fsecret&"
            "refresh_token=1%2F%2Frefresh");
}

// Without it, calls of a person's are refused or count against gcloud's own project.
TEST(Identity, NamesTheProjectThatPays) {
  const auto identity = ParseIdentity(Login("https://x.example/").dump(), Http());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->quota_project, "bill");
  EXPECT_EQ(identity->universe, "googleapis.com");
  io::TestHttpServer api(io::TestAnswer("200 OK"));
  GoogleClient client(std::make_shared<Credentials>(
                          [](const io::Interrupt&) -> Result<BearerToken> {
                            return BearerToken{"x", io::SteadyInstant::max()};
                          },
                          identity->quota_project),
                      kQuick);
  io::HttpRequest request;
  request.url = api.Url();
  ASSERT_TRUE(client.Send(request, Soon()));
  EXPECT_EQ(api.requests().All().at(0).headers.at("x-goog-user-project"), "bill");
}

TEST(Identity, ThatIsRevokedSaysHowToLogInAgain) {
  io::TestHttpServer server(Answer(
      "400 Bad Request", {{"error", "invalid_grant"}, {"error_description", "It was revoked."}}));
  EXPECT_EQ(TokenBy(Login(server.Url("/token"))),
            "http://" + server.Place() +
                " gives no token, and answered 400: It was revoked; log in again by `gcloud auth "
                "application-default login`");
}

TEST(Identity, IsNotToldWhenAServerRepeatsIt) {
  for (const char* status : {"400 Bad Request", "503 x"}) {
    io::TestHttpServer server(Answer(status, {{"error_description", "what is 1//refresh?"}}));
    const auto identity = ParseIdentity(Login(server.Url("/token")).dump(), Http(), kQuick);
    const auto token = identity->source(io::Within(Milliseconds(500)));
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().message.find("refresh"), std::string::npos) << token.error().message;
  }
}

TEST(Identity, IsAskedForAgainWhenTheServerIsBusy) {
  std::atomic<int> count = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    return ++count == 1 ? Answer("503 x", {})
                        : Answer("200 OK", {{"access_token", "a"}, {"expires_in", 60}});
  });
  EXPECT_EQ(TokenBy(Login(server.Url("/token"))), "a");
}

TEST(Identity, OfAnotherProviderIsExchanged) {
  TokenServer server;
  const io::TestFolder folder;
  const std::string file = folder.Write("token", "their token\n");
  EXPECT_EQ(TokenBy(Federated(server, {{"file", file}})), "token 1");
  EXPECT_EQ(server.Asked().at(0).body,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
            "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&"
            "audience=%2F%2Fiam.googleapis.com%2Fpool&"
            "scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&"
            "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&"
            "subject_token=their%20token");
}

TEST(Identity, OfAnotherProviderByItsServerActsAsAnAccount) {
  TokenServer server;
  json file =
      Federated(server, {{"url", server.Url("/subject")},
                         {"headers", {{"Metadata", "True"}}},
                         {"format", {{"type", "json"}, {"subject_token_field_name", "value"}}}});
  file["service_account_impersonation_url"] = server.AccountUrl();
  file["service_account_impersonation"] = {{"token_lifetime_seconds", 900}};
  EXPECT_EQ(TokenBy(file), "of the account");
  const auto asked = server.Asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].headers.at("metadata"), "True");
  EXPECT_TRUE(asked[1].body.ends_with("&subject_token=their%20token"));
  EXPECT_EQ(asked[2].headers.at("authorization"), "Bearer token 2");
  EXPECT_EQ(
      json::parse(asked[2].body),
      (json{{"lifetime", "900s"}, {"scope", {"https://www.googleapis.com/auth/cloud-platform"}}}));
}

TEST(Identity, OfAnotherProviderRunsNoProgram) {
  const TokenServer server;
  EXPECT_EQ(
      TokenBy(Federated(server, {{"executable", {{"command", "/bin/true"}}}})),
      "credential_source: Busker does not do \"executable\"; it takes a token from a \"file\" "
      "or a \"url\"");
  EXPECT_NE(TokenBy(Federated(server, {{"environment_id", "aws1"}})).find("environment_id"),
            std::string::npos);
  EXPECT_NE(TokenBy(Federated(server, json::object())).find("credential_source"),
            std::string::npos);
  EXPECT_NE(TokenBy(Federated(server, {{"file", "/none/token"}})).find("/none/token"),
            std::string::npos);
}

TEST(Identity, ThatActsAsAnAccountDoesSoByItsOwnToken) {
  TokenServer server;
  EXPECT_EQ(TokenBy({{"type", "impersonated_service_account"},
                     {"service_account_impersonation_url", server.AccountUrl()},
                     {"delegates", {"projects/-/serviceAccounts/bob"}},
                     {"source_credentials", Login(server.Url("/token"))}}),
            "of the account");
  const auto asked = server.Asked();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[1].headers.at("authorization"), "Bearer token 1");
  EXPECT_EQ(asked[1].headers.at("x-goog-user-project"), "bill");
  EXPECT_EQ(json::parse(asked[1].body)["delegates"], json{"projects/-/serviceAccounts/bob"});
}

TEST(Identity, OfAServiceAccountSignsItself) {
  json file = TestKey().Json();
  file["universe_domain"] = "example.cloud";
  EXPECT_TRUE(TokenBy(file).starts_with("eyJ"));
  EXPECT_EQ(ParseIdentity(file.dump(), Http())->universe, "example.cloud");
}

TEST(Identity, OfAnotherTypeIsRefusedByName) {
  for (const char* type : {"gdch_service_account", "external_account_authorized_user", "x"}) {
    const std::string fault = TokenBy({{"type", type}});
    EXPECT_EQ(fault.find("it has credentials of the type " + std::string(type) + "; Busker takes"),
              0U)
        << fault;
  }
  for (const char* text : {"", "{", "[]", "7"}) {
    EXPECT_EQ(ParseIdentity(text, Http()).error().message,
              "it is not a file of Google's with credentials: no JSON object");
  }
}

// A refresh token or a key that went there in the clear would be everybody's.
TEST(Identity, IsNotSentInTheClear) {
  const std::string away = "http://example.com/token", no = "http:// goes no further";
  const TokenServer server;
  EXPECT_NE(TokenBy(Login(away)).find("token_uri: " + no), std::string::npos);
  json federated = Federated(server, {{"url", away}});
  EXPECT_NE(TokenBy(federated).find("credential_source.url: " + no), std::string::npos);
  federated["credential_source"] = {{"file", "/x"}};
  federated["token_url"] = away;
  EXPECT_NE(TokenBy(federated).find("token_url: " + no), std::string::npos);
  federated["token_url"] = server.Url("/");
  federated["service_account_impersonation_url"] = away;
  EXPECT_NE(TokenBy(federated).find("service_account_impersonation_url: " + no), std::string::npos);
}

}  // namespace
}  // namespace busker::cloud

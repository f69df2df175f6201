#include "cloud/federated_identity.h"

#include <fmt/core.h>

#include <map>
#include <vector>

#include "base/json_object.h"
#include "base/text.h"
#include "cloud/endpoint.h"
#include "cloud/google_client.h"
#include "cloud/impersonation.h"
#include "cloud/token_server.h"
#include "io/file.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

constexpr std::uint64_t kTokenBytesMax = 64 << 10;
constexpr int kLifetimeMin = 600, kLifetimeMax = 43'200;  // as Google takes it
constexpr char kMachine[] = "169.254.169.254";  // where Azure, too, hands out its machines' tokens

// Where the other provider's token is.
struct SubjectToken {
  std::string file, url;  // one of them
  std::vector<io::HttpHeader> headers;
  std::string field;  // of JSON; empty: all of it is the token
};

Result<SubjectToken> SubjectTokenIn(const nlohmann::ordered_json& source) {
  SubjectToken token;
  std::optional<std::string> file, url;
  JsonObject in(source, "credential_source");
  for (const char* const other : {"executable", "environment_id", "certificate"}) {
    if (in.Member(other).is_null()) continue;
    return Invalid(
        fmt::format("credential_source: Busker does not do \"{}\"; it takes a token from "
                    "a \"file\" or a \"url\"",
                    other));
  }
  in.Get("file", file);
  in.Get("url", url);
  TRY(in.Done());
  if (file.has_value() == url.has_value()) {
    return Invalid("credential_source: it has to name one of \"file\" and \"url\"");
  }
  token.file = file.value_or("");
  token.url = url.value_or("");
  if (url && !url->starts_with(std::string("http://") + kMachine + "/")) {
    if (const auto fine = CheckEndpoint(*url); !fine) {
      return Wrap("credential_source.url", fine.error());
    }
  }
  if (const auto& headers = in.Member("headers"); headers.is_object()) {
    for (const auto& [name, value] : headers.items()) {
      if (!value.is_string()) return Invalid("credential_source.headers: one of them is not text");
      token.headers.push_back({name, value.get<std::string>()});
    }
  }
  if (const auto& format = in.Member("format"); !format.is_null()) {
    std::optional<std::string> type;
    JsonObject form(format, "credential_source.format");
    form.Get("type", type);
    if (type == "json") form.Get("subject_token_field_name", token.field);
    TRY(form.Done());
    if (type && type != "json" && type != "text") {
      return Invalid("credential_source.format: its type is \"json\" or \"text\"");
    }
  }
  return token;
}

Result<std::string> Fetch(const SubjectToken& token, const RetryPolicy& policy,
                          const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = token.url;
  request.headers = token.headers;
  io::HttpSession::Settings settings;
  settings.may_call_metadata = io::HostOf(token.url) == kMachine;
  GoogleClient nobody(std::make_shared<Credentials>(), policy,
                      std::make_shared<io::HttpSession>(settings));
  TRY_ASSIGN(auto answer, nobody.Send(request, interrupt));
  if (answer.response.status != 200) {
    return Failed(fmt::format("{} answered {}", io::OriginOf(token.url), answer.response.status));
  }
  return std::move(answer.response.body);
}

// The token itself. Nothing of it is told when it is none.
Result<std::string> Read(const SubjectToken& token, const RetryPolicy& policy,
                         const io::Interrupt& interrupt) {
  auto text = token.file.empty() ? Fetch(token, policy, interrupt)
                                 : io::ReadFile(token.file, kTokenBytesMax);
  if (!text) return Wrap("the token of the other identity provider", text.error());
  if (!token.field.empty()) {
    const auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
    const bool there =
        json.is_object() && json.contains(token.field) && json[token.field].is_string();
    *text = there ? json[token.field].get<std::string>() : "";
  }
  std::string trimmed(Trim(*text));
  if (!trimmed.empty()) return trimmed;
  return Failed(fmt::format("the token of the other identity provider is not in {}{}",
                            token.file.empty() ? io::OriginOf(token.url) : Printable(token.file),
                            token.field.empty() ? "" : " as JSON's \"" + token.field + "\""));
}

Result<std::chrono::seconds> LifetimeIn(const nlohmann::ordered_json& impersonation) {
  if (impersonation.is_null()) return Impersonation().lifetime;
  std::optional<Milliseconds> seconds;  // a whole number, if any; of seconds here
  JsonObject in(impersonation, "service_account_impersonation");
  in.Get("token_lifetime_seconds", seconds);
  TRY(in.Done());
  if (!seconds) return Impersonation().lifetime;
  if (seconds->count() < kLifetimeMin || seconds->count() > kLifetimeMax) {
    return Invalid(
        fmt::format("service_account_impersonation: token_lifetime_seconds goes from {} "
                    "to {}",
                    kLifetimeMin, kLifetimeMax));
  }
  return std::chrono::seconds(seconds->count());
}

}  // namespace

Result<Credentials::Source> TokensOfFederated(const nlohmann::ordered_json& file,
                                              const std::string& universe,
                                              std::shared_ptr<io::HttpSession> http,
                                              const RetryPolicy& policy) {
  std::string audience, type;
  std::optional<std::string> url, as, id, secret, project;
  JsonObject in(file, "the configuration");
  in.Get("audience", audience);
  in.Get("subject_token_type", type);
  in.Get("token_url", url);
  in.Get("service_account_impersonation_url", as);
  in.Get("client_id", id);
  in.Get("client_secret", secret);
  in.Get("workforce_pool_user_project", project);
  TRY(in.Done());
  TRY_ASSIGN(const SubjectToken subject, SubjectTokenIn(in.Member("credential_source")));
  TRY_ASSIGN(const std::chrono::seconds lifetime,
             LifetimeIn(in.Member("service_account_impersonation")));
  TokenRequest request;
  request.url = url.value_or("https://sts." + universe + "/v1/token");
  if (const auto fine = CheckEndpoint(request.url); !fine) return Wrap("token_url", fine.error());
  request.form = {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                  {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                  {"audience", audience},
                  {"scope", kScope},
                  {"subject_token_type", type}};
  if (id) {
    request.authorization = io::BasicAuthorization(*id + ":" + secret.value_or(""));
  } else if (project) {
    request.form.emplace_back("options", nlohmann::json{{"userProject", *project}}.dump());
  }
  request.remedy = "does the pool of the audience know the provider, and is its token still good?";
  Credentials::Source source = [subject, request, http,
                                policy](const io::Interrupt& interrupt) -> Result<BearerToken> {
    TokenRequest with = request;
    TRY_ASSIGN(std::string token, Read(subject, policy, io::Within(kTokenLimit, interrupt)));
    with.form.emplace_back("subject_token", std::move(token));
    return AskForToken(http, with, policy, interrupt);
  };
  if (!as) return source;
  Impersonation impersonation{*as, {}, lifetime};
  return TokensBy(std::move(impersonation), std::make_shared<Credentials>(std::move(source)),
                  std::move(http), policy);
}

}  // namespace busker::cloud

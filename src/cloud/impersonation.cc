#include "cloud/impersonation.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/endpoint.h"
#include "cloud/google_client.h"
#include "cloud/google_error.h"
#include "cloud/token_server.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

constexpr std::string_view kMethod = ":generateAccessToken";

// For messages: the e-mail address.
std::string AccountOf(const std::string& url) {
  const std::size_t begin = url.rfind('/') + 1;
  return Printable(url.substr(begin, url.size() - kMethod.size() - begin));
}

Error Refusal(const Impersonation& as, const io::HttpResponse& response) {
  std::string said = GoogleMessage(response.body);
  while (said.ends_with('.')) said.pop_back();
  return {ErrorKind::kFailed,
          fmt::format("{} gives no token of {}, and answered {}{}{}; whoever acts as it needs the "
                      "role Service Account Token Creator on it",
                      io::OriginOf(as.url), AccountOf(as.url), response.status,
                      said.empty() ? "" : ": ", said)};
}

}  // namespace

Result<Credentials::Source> TokensBy(Impersonation as, std::shared_ptr<Credentials> who,
                                     std::shared_ptr<io::HttpSession> http,
                                     const RetryPolicy& policy) {
  if (const auto fine = CheckEndpoint(as.url); !fine) {
    return Wrap("service_account_impersonation_url", fine.error());
  }
  if (!as.url.ends_with(kMethod)) {
    return Invalid("service_account_impersonation_url: it does not end with " +
                   std::string(kMethod));
  }
  nlohmann::json body = {{"scope", {kScope}},
                         {"lifetime", fmt::format("{}s", as.lifetime.count())}};
  if (!as.delegates.empty()) body["delegates"] = as.delegates;
  io::HttpRequest request;
  request.method = "POST";
  request.url = as.url;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto client = std::make_shared<GoogleClient>(std::move(who), policy, std::move(http));
  return [as, request, client](const io::Interrupt& interrupt) -> Result<BearerToken> {
    const auto asked = std::chrono::steady_clock::now();
    TRY_ASSIGN(const auto answer, client->Send(request, io::Within(kTokenLimit, interrupt)));
    if (answer.response.status != 200) return tl::unexpected(Refusal(as, answer.response));
    const auto json = nlohmann::json::parse(answer.response.body, nullptr, false);
    if (!json.is_object() || !json.contains("accessToken") || !json["accessToken"].is_string()) {
      return Failed(io::OriginOf(as.url) + " answered something that is not a token");
    }
    // Its own expireTime is of another clock than ours; the lifetime is what we asked for.
    return BearerToken{json["accessToken"], asked + as.lifetime};
  };
}

}  // namespace busker::cloud

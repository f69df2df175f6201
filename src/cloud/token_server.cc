#include "cloud/token_server.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cloud/google_client.h"
#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

constexpr std::uint64_t kSecondsMax = 86'400;

bool IsSecret(const std::string& name) {
  return name == "refresh_token" || name == "client_secret" || name == "subject_token";
}

// A server that repeats what it was given must not make an error of ours tell it.
bool TellsASecret(const TokenRequest& request, const std::string& body) {
  return std::any_of(request.form.begin(), request.form.end(), [&](const auto& member) {
    return IsSecret(member.first) && !member.second.empty() &&
           body.find(member.second) != std::string::npos;
  });
}

Error Refusal(const TokenRequest& request, const io::HttpResponse& response) {
  const std::string place = io::OriginOf(request.url);
  std::string said = TellsASecret(request, response.body) ? "" : GoogleMessage(response.body);
  while (said.ends_with('.')) said.pop_back();
  return {ErrorKind::kFailed,
          fmt::format("{} gives no token, and answered {}{}{}; {}", place, response.status,
                      said.empty() ? "" : ": ", said, request.remedy)};
}

}  // namespace

Result<BearerToken> AskForToken(const std::shared_ptr<io::HttpSession>& http,
                                const TokenRequest& request, const RetryPolicy& policy,
                                const io::Interrupt& interrupt) {
  io::HttpRequest call;
  call.method = "POST";
  call.url = request.url;
  call.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  if (!request.authorization.empty()) {
    call.headers.push_back({"Authorization", request.authorization});
  }
  for (const auto& [name, value] : request.form) {
    if (!call.body.empty()) call.body += '&';
    call.body += io::PercentEncoded(name) + "=" + io::PercentEncoded(value);
  }
  const auto asked = std::chrono::steady_clock::now();
  GoogleClient nobody(std::make_shared<Credentials>(), policy, http);
  auto answer = nobody.Send(call, io::Within(kTokenLimit, interrupt));
  if (!answer) {
    Error error = std::move(answer).error();
    if (TellsASecret(request, error.message)) {
      error.message = io::OriginOf(request.url) + " gives no token for now";
    }
    return tl::unexpected(std::move(error));
  }
  if (answer->response.status != 200) return tl::unexpected(Refusal(request, answer->response));
  return TokenIn(answer->response.body, asked, io::OriginOf(request.url));
}

Result<BearerToken> TokenIn(const std::string& body, io::SteadyInstant asked,
                            const std::string& place) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool good = json.is_object() && json.contains("access_token") &&
                    json["access_token"].is_string() && json.contains("expires_in") &&
                    json["expires_in"].is_number_unsigned();
  if (!good) return Failed(place + " answered something that is not a token");
  const std::uint64_t seconds = std::min(json["expires_in"].get<std::uint64_t>(), kSecondsMax);
  return BearerToken{json["access_token"], asked + std::chrono::seconds(seconds)};
}

}  // namespace busker::cloud

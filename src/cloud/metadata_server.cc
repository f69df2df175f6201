#include "cloud/metadata_server.h"

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "cloud/google_error.h"
#include "io/http_session.h"

namespace busker::cloud {
namespace {

constexpr char kTokenPath[] = "/computeMetadata/v1/instance/service-accounts/default/token";
// Whoever needs a token waits no longer for it; others wait for who does.
constexpr Milliseconds kLimit{30'000};
constexpr char kPlace[] = "the metadata server";

Result<BearerToken> TokenIn(const std::string& body) {
  const auto now = std::chrono::steady_clock::now();
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool good = json.is_object() && json.contains("access_token") &&
                    json["access_token"].is_string() && json.contains("expires_in") &&
                    json["expires_in"].is_number_unsigned();
  if (!good) return Failed(std::string(kPlace) + " answered something that is no token");
  return BearerToken{json["access_token"],
                     now + std::chrono::seconds(json["expires_in"].get<int>())};
}

Result<BearerToken> Fetch(io::HttpSession& http, const io::HttpRequest& request,
                          const RetryPolicy& policy, const io::Interrupt& interrupt) {
  Tries tries(policy, interrupt);
  for (;;) {
    const auto response = http.Send(request, interrupt);
    TRY(tries.CheckStillWanted());
    if (!response) {
      TRY(tries.Again(
          {response.error().kind, std::string(kPlace) + ": " + response.error().message}));
    } else if (MayPass(response->status)) {
      TRY(tries.Again(GoogleError(*response, kPlace), RetryAfter(*response)));
    } else if (response->Header("metadata-flavor") != "Google") {
      return Failed("what answers in place of the metadata server is another");
    } else if (response->status == 404) {
      return Unusable("this machine has no service account, so there are no credentials");
    } else if (response->status != 200) {
      return tl::unexpected(GoogleError(*response, kPlace));
    } else {
      return TokenIn(response->body);
    }
  }
}

}  // namespace

std::optional<std::string> FindMetadataServer() {
  const char* const host = std::getenv("GCE_METADATA_HOST");
  if (host != nullptr && *host != '\0') return host;
  const auto product = io::ReadFile("/sys/class/dmi/id/product_name", 4096);
  if (product && product->starts_with("Google")) return "169.254.169.254";
  return std::nullopt;
}

Credentials::Source TokensOfMachine(const std::string& host, const RetryPolicy& policy) {
  io::HttpRequest request;
  request.url = "http://" + host + kTokenPath;
  request.headers = {{"Metadata-Flavor", "Google"}};
  request.connect_limit = Milliseconds(3'000);
  io::HttpSession::Settings settings;
  settings.may_call_metadata = true;
  const auto http = std::make_shared<io::HttpSession>(settings);
  return [=](const io::Interrupt& interrupt) {
    return Fetch(*http, request, policy, io::Within(kLimit, interrupt));
  };
}

}  // namespace busker::cloud

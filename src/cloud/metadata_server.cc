#include "cloud/metadata_server.h"

#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "cloud/endpoint.h"
#include "cloud/google_error.h"
#include "cloud/token_server.h"
#include "io/http_session.h"

namespace busker::cloud {
namespace {

constexpr char kRoot[] = "/computeMetadata/v1/";
constexpr char kTokenPath[] = "instance/service-accounts/default/token";
constexpr char kUniversePath[] = "universe/universe-domain";
constexpr char kPlace[] = "the metadata server";

constexpr Milliseconds kUniverseLimit{10'000};

io::HttpRequest RequestTo(const std::string& host, const std::string& path) {
  io::HttpRequest request;
  request.url = "http://" + host + kRoot + path;
  request.headers = {{"Metadata-Flavor", "Google"}};
  request.connect_limit = Milliseconds(3'000);
  return request;
}

std::shared_ptr<io::HttpSession> SessionToMetadata() {
  io::HttpSession::Settings settings;
  settings.may_call_metadata = true;
  return std::make_shared<io::HttpSession>(settings);
}

// 200 or 404, of the metadata server itself, which may not be ready yet.
Result<io::HttpResponse> Ask(io::HttpSession& http, const io::HttpRequest& request,
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
    } else if (response->status != 200 && response->status != 404) {
      return tl::unexpected(GoogleError(*response, kPlace));
    } else {
      return *response;
    }
  }
}

bool IsDomain(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
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
  return [request = RequestTo(host, kTokenPath), policy,
          http = SessionToMetadata()](const io::Interrupt& interrupt) -> Result<BearerToken> {
    const auto asked = std::chrono::steady_clock::now();
    TRY_ASSIGN(const auto response,
               Ask(*http, request, policy, io::Within(kTokenLimit, interrupt)));
    if (response.status == 404) {
      return Unusable("this machine has no service account, so there are no credentials");
    }
    return TokenIn(response.body, asked, kPlace);
  };
}

Result<std::optional<std::string>> AskMachine(const std::string& host, const std::string& path,
                                              const io::Interrupt& interrupt,
                                              const RetryPolicy& policy) {
  TRY_ASSIGN(auto response, Ask(*SessionToMetadata(), RequestTo(host, path), policy, interrupt));
  if (response.status == 404) return std::nullopt;
  return std::move(response.body);
}

Result<std::string> UniverseOfMachine(const std::string& host, const RetryPolicy& policy) {
  TRY_ASSIGN(const auto answer,
             AskMachine(host, kUniversePath, io::Within(kUniverseLimit), policy));
  if (!answer) return kUniverse;
  std::string universe(Trim(*answer));
  if (!IsDomain(universe)) {
    return Failed(std::string(kPlace) + " answered something that is not a universe's domain");
  }
  return universe;
}

}  // namespace busker::cloud

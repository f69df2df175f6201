#include "online/door.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>

#include "base/text.h"
#include "http/problem.h"
#include "io/digest.h"
#include "io/url.h"
#include "online/answer.h"
#include "online/unpack.h"

namespace busker::online {
namespace {

constexpr std::size_t kSecretDigits = 64;

http::Response Unauthorized() {
  http::Response response =
      Fault(401,
            "show a token: Authorization: Bearer TOKEN, or Basic with the token as the password; "
            "busker token create NAME --scope predict makes one");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"busker\"");
  return response;
}

// The token that the header shows; empty: none.
std::string TokenIn(std::string_view authorization) {
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos) return "";
  const std::string scheme = LowerCase(authorization.substr(0, blank));
  const std::string_view shown = Trim(authorization.substr(blank));
  std::string token;
  if (scheme == "bearer") {
    token = shown;
  } else if (scheme == "basic") {
    const auto decoded = io::FromBase64(shown);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon != std::string::npos) token = decoded->substr(colon + 1);
  }
  return token.size() == kSecretDigits ? token : "";
}

// Browsers say where a request comes from. A person who types the address is "none".
bool IsOfPage(const http::Request& request) {
  const std::string_view site = request.Header("sec-fetch-site");
  return !request.Header("origin").empty() || (!site.empty() && site != "none");
}

std::optional<http::Response> RefuseAlways(const http::Request& request) {
  for (const char* once :
       {"authorization", "content-type", "content-encoding", "inference-header-content-length"}) {
    if (std::find(request.repeated.begin(), request.repeated.end(), once) !=
        request.repeated.end()) {
      return Fault(400, fmt::format("the header {} is there twice", once));
    }
  }
  if (IsOfPage(request)) return Fault(403, "predictions are not for pages in a browser");
  return std::nullopt;
}

}  // namespace

Door::Door(Settings settings, const Routes& routes)
    : settings_(std::move(settings)), routes_(routes) {
  if (settings_.tokens) tokens_.emplace(*settings_.tokens);
}

std::variant<access::Caller, http::Response> Door::Identify(const http::Request& request,
                                                            Instant now) {
  if (!tokens_) return access::Caller{"anybody", access::Scope::kPredict, {}};
  const std::string_view authorization = request.Header("authorization");
  if (authorization.empty()) return Unauthorized();
  const std::string token = TokenIn(authorization);
  if (!token.empty()) {
    auto caller = tokens_->Find(io::Sha256Of(token));
    if (!caller) return Fault(503, "the file of tokens cannot be read; busker fsck says more");
    if (*caller) {
      if (access::Allows((*caller)->scope, access::Scope::kPredict)) return **std::move(caller);
      return Fault(403, fmt::format("this takes the scope predict, and {} has {}", (*caller)->name,
                                    NameOf((*caller)->scope)));
    }
  }
  if (wrong_.Add(request.peer, now)) return Unauthorized();
  return Fault(429, "more than 5 wrong tokens a second came from this address; wait a second");
}

http::Response Door::Ask(const http::Request& request, Instant now) {
  if (auto refused = RefuseAlways(request)) return *std::move(refused);
  // Clients write "/v2/" as well as "/v2".
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  const std::string_view query = std::string_view(request.target).substr(path.size());
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto target = http::ParseTarget(std::string(path).append(query));
  http::Parameters parameters;
  const Route* const route =
      target ? routes_.Find(request.method, target->path, &parameters) : nullptr;
  access::Caller caller;
  if (route == nullptr || route->open == Open::kWithToken) {
    auto identified = Identify(request, now);
    if (auto* refused = std::get_if<http::Response>(&identified)) return std::move(*refused);
    caller = std::get<access::Caller>(std::move(identified));
  }
  if (route == nullptr) {
    const std::string allowed = target ? routes_.MethodsOf(target->path) : "";
    if (allowed.empty()) return Fault(404, "there is nothing of that name");
    http::Response response = Fault(405, "this takes " + allowed);
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  std::string unpacked;
  std::string_view body = request.body;
  const std::string_view encoding = request.Header("content-encoding");
  if (!encoding.empty() && encoding != "identity") {
    auto result = Unpack(body, encoding, settings_.body_bytes_max);
    if (!result) return Fault(result.error());
    unpacked = *std::move(result);
    body = unpacked;
  }
  return route->handler({request, body, *target, caller, std::move(parameters), now});
}

http::Response Door::Answer(const http::Request& request, Instant now) {
  try {
    return Ask(request, now);
  } catch (const std::exception&) {  // memory that is not there, most likely
    return Fault(500, "Busker could not answer this; that is a fault of its own");
  }
}

}  // namespace busker::online

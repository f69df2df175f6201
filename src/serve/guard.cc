#include "serve/guard.h"

#include <fmt/core.h>

#include <algorithm>

#include "io/digest.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

constexpr Milliseconds kSessionIdleMax = std::chrono::hours(12);
constexpr Milliseconds kLinkMax = std::chrono::hours(24);
constexpr std::size_t kSessionsMax = 1000, kLinksMax = 100, kPeersMax = 10'000;
constexpr int kFailuresMax = 5;  // in a second, of one peer
constexpr Milliseconds kFailureWindow = std::chrono::seconds(1);
constexpr std::size_t kSecretDigits = 64;

constexpr char kHowToLogIn[] =
    "show a token (Authorization: Bearer ...), which busker token create makes, or open the link "
    "that "
    "busker token link prints";

// A browser gets a page that a person can read.
Response Unauthorized(const Request& request) {
  if (request.Header("accept").find("text/html") == std::string_view::npos) {
    Response response = Problem(401, kHowToLogIn);
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  Response response;
  response.status = 401;
  response.type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html><html lang=\"en\"><title>Busker</title><h1>Busker: who is there?</h1>"
      "<p>This browser has no session. Where Busker runs, type <code>busker token link</code> and "
      "open "
      "the address that it prints; it works once.</p></html>\n";
  return response;
}

void RemoveOldest(auto& entries, std::size_t count_max) {
  while (entries.size() > count_max) {
    entries.erase(std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a.second.used_at < b.second.used_at; }));
  }
}

}  // namespace

Guard::Guard(std::vector<std::string> origins, io::fs::path token_file)
    : origins_(std::move(origins)), tokens_(std::move(token_file)) {}

std::string_view Guard::OriginOf(const Request& request) const {
  for (const std::string& origin : origins_) {
    if (std::string_view(origin).substr(origin.find("//") + 2) == request.Header("host")) {
      return origin;
    }
  }
  return {};
}

bool Guard::IsOurOrigin(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

std::optional<Response> Guard::Refuse(const Request& request) const {
  if (OriginOf(request).empty()) {
    return Problem(421, "this server goes by another name; see [http] names in daemon.toml");
  }
  for (const char* const once : {"host", "authorization", "cookie", "content-type", "origin",
                                 "content-length", "transfer-encoding"}) {
    if (std::find(request.repeated.begin(), request.repeated.end(), once) !=
        request.repeated.end()) {
      return Problem(400, fmt::format("the header {} may come once only", once));
    }
  }
  const std::string_view origin = request.Header("origin");
  if (!origin.empty() && !IsOurOrigin(origin)) return Problem(403, "no other site may ask");
  // A link on another site may lead here; nothing else of it may.
  const std::string_view from = request.Header("sec-fetch-site");
  const bool is_visit = request.method == Method::kGet &&
                        request.Header("sec-fetch-mode") == "navigate" &&
                        request.Header("sec-fetch-dest") == "document";
  if ((from == "cross-site" || from == "same-site") && !is_visit) {
    return Problem(403, "no other site may ask");
  }
  return std::nullopt;
}

std::optional<Response> Guard::RefuseChange(const Request& request) const {
  std::string_view type = request.Header("content-type");
  type = type.substr(0, type.find(';'));
  if (type != "application/json") {
    return Problem(415, "what changes something comes as Content-Type: application/json");
  }
  const bool by_session = request.Header("authorization").empty();
  const std::string_view from = request.Header("sec-fetch-site");
  if (by_session && request.Header("origin").empty() && from != "same-origin") {
    return Problem(403, "a browser's session changes nothing without the Origin header");
  }
  return std::nullopt;
}

// Cookies do not know ports: two homes on one machine have two names. By the name that this request
// came to, which has TLS before it or has not.
std::string Guard::CookieName(const Request& request) const {
  const std::string_view origin = OriginOf(request);
  const bool secure = origin.starts_with("https:");
  const std::size_t colon = origin.rfind(':');
  std::string_view port = origin.substr(std::min(colon + 1, origin.size()));
  if (port.starts_with('/') || port.ends_with(']')) port = secure ? "443" : "80";
  return fmt::format("{}busker_{}", secure ? "__Host-" : "", port);
}

std::optional<std::string> Guard::SessionIn(const Request& request) const {
  const std::string wanted = CookieName(request) + "=";
  std::string_view cookies = request.Header("cookie");
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find("; "), cookies.size());
    const std::string_view cookie = cookies.substr(0, end);
    if (cookie.starts_with(wanted)) return std::string(cookie.substr(wanted.size()));
    cookies.remove_prefix(std::min(end + 2, cookies.size()));
  }
  return std::nullopt;
}

std::variant<Caller, Response> Guard::Identify(const Request& request, Instant now) {
  const std::string_view authorization = request.Header("authorization");
  const auto session = SessionIn(request);
  if (authorization.empty() && !session) return Unauthorized(request);
  if (!authorization.empty()) {
    if (authorization.starts_with("Bearer ") && authorization.size() == 7 + kSecretDigits) {
      auto caller = FindToken(std::string(authorization.substr(7)));
      if (!caller) return Problem(caller.error());
      if (*caller) return **std::move(caller);
    }
  } else if (session->size() == kSecretDigits) {
    if (auto caller = FindSession(*session, now)) return *std::move(caller);
  }
  return Wrong(request, now);
}

// Who has a right secret is not kept out by others of the same address, who may be anybody.
Response Guard::Wrong(const Request& request, Instant now) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() >= kPeersMax) failures_.clear();
  Failures& failures = failures_[request.peer];
  if (now - failures.since > kFailureWindow || now < failures.since) failures = {now, 0};
  if (++failures.count > kFailuresMax) {
    return Problem(429, "too many wrong tokens came from this address; wait a second");
  }
  return Unauthorized(request);
}

std::optional<Caller> Guard::FindSession(const std::string& secret, Instant now) {
  const std::string digest = io::Sha256Of(secret);
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(digest);
  if (found == sessions_.end()) return std::nullopt;
  Session& session = found->second;
  if (now - session.used_at > kSessionIdleMax) {
    sessions_.erase(found);
    return std::nullopt;
  }
  session.used_at = now;
  return session.caller;
}

// Every token is looked at, whichever it is.
Result<std::optional<Caller>> Guard::FindToken(const std::string& secret) {
  const std::string digest = io::Sha256Of(secret);
  TRY_ASSIGN(const KnownTokens::Tokens tokens, tokens_.Read());
  std::optional<Caller> found;
  for (const Token& token : *tokens) {
    if (SameSecret(token.sha256, digest)) found = Caller{token.name, token.scope, token.confines};
  }
  return found;
}

std::function<bool(Instant)> Guard::StillKnown(const Request& request) {
  const std::string_view authorization = request.Header("authorization");
  const bool by_token = !authorization.empty();
  const std::string digest = io::Sha256Of(by_token ? std::string(authorization.substr(7))
                                                   : SessionIn(request).value_or(""));
  return [this, by_token, digest](Instant now) {
    return by_token ? HasToken(digest) : HasSession(digest, now);
  };
}

bool Guard::HasSession(const std::string& digest, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(digest);
  return found != sessions_.end() && now - found->second.used_at <= kSessionIdleMax;
}

// A file that cannot be read lets nobody go on.
bool Guard::HasToken(const std::string& digest) {
  const auto tokens = tokens_.Read();
  return tokens && std::any_of((*tokens)->begin(), (*tokens)->end(),
                               [&](const Token& token) { return token.sha256 == digest; });
}

std::string Guard::MakeLink(Scope scope, const std::string& by, Instant now) {
  const std::string secret = MakeSecret();
  const std::lock_guard lock(mutex_);
  links_[io::Sha256Of(secret)] = {{by, scope}, now};
  RemoveOldest(links_, kLinksMax);
  return origins_.front() + "/login?token=" + secret;
}

Response Guard::Login(const Request& request, const std::string& secret, Instant now) {
  const std::string session = MakeSecret();
  {
    const std::lock_guard lock(mutex_);
    const auto link = links_.extract(io::Sha256Of(secret));
    if (!link.empty() && now - link.mapped().used_at <= kLinkMax) {
      sessions_[io::Sha256Of(session)] = {link.mapped().caller, now};
      RemoveOldest(sessions_, kSessionsMax);
      Response response;
      response.status = 303;
      response.headers = {
          {"Location", "/"},
          {"Set-Cookie",
           fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}", CookieName(request), session,
                       OriginOf(request).starts_with("https:") ? "; Secure" : "")}};
      return response;
    }
  }
  return Wrong(request, now);
}

}  // namespace busker::serve

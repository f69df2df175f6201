#include "serve/guard.h"

#include <fmt/core.h>

#include <algorithm>

#include "http/problem.h"
#include "io/digest.h"

namespace busker::serve {
namespace {

constexpr std::size_t kSecretDigits = 64;
constexpr std::string_view kBearer = "Bearer ";

constexpr char kHowToLogIn[] =
    "show a token (Authorization: Bearer ...), which busker token create makes, or sign in with "
    "busker open";

// A browser gets a page that a person can read.
http::Response Unauthorized(const http::Request& request) {
  if (request.Header("accept").find("text/html") == std::string_view::npos) {
    http::Response response = http::Problem(401, kHowToLogIn);
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  http::Response response;
  response.status = 401;
  response.type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html><html lang=\"en\"><title>Sign in - Busker</title><h1>Sign in to Busker</h1>"
      "<p>This browser has no session. Where Busker runs, type <code>busker open</code>: it opens "
      "the dashboard, or prints an address that does, once.</p></html>\n";
  return response;
}

}  // namespace

// Cookies do not know ports: two homes on one machine have two names. By the name that this request
// came to, which has TLS before it or has not.
std::string Guard::CookieName(const http::Request& request) const {
  const std::string_view origin = site_.OriginOf(request);
  const bool secure = origin.starts_with("https:");
  const std::size_t colon = origin.rfind(':');
  std::string_view port = origin.substr(std::min(colon + 1, origin.size()));
  if (port.starts_with('/') || port.ends_with(']')) port = secure ? "443" : "80";
  return fmt::format("{}busker_{}", secure ? "__Host-" : "", port);
}

std::optional<std::string> Guard::SessionIn(const http::Request& request) const {
  return request.Cookie(CookieName(request));
}

std::variant<access::Caller, http::Response> Guard::Identify(const http::Request& request,
                                                             Instant now) {
  const std::string_view authorization = request.Header("authorization");
  const auto session = SessionIn(request);
  if (authorization.empty() && !session) return Unauthorized(request);
  if (!authorization.empty()) {
    const bool is_token = authorization.starts_with(kBearer) &&
                          authorization.size() == kBearer.size() + kSecretDigits;
    if (is_token) {
      const std::string token(authorization.substr(kBearer.size()));
      auto caller = tokens_.Find(io::Sha256Of(token));
      if (!caller) return http::Problem(caller.error());
      if (*caller) return **std::move(caller);
    }
  } else if (session->size() == kSecretDigits) {
    if (auto caller = sessions_.Use(*session, now)) return *std::move(caller);
  }
  return Wrong(request, now);
}

// Who has a right secret is not kept out by others of the same address, who may be anybody.
http::Response Guard::Wrong(const http::Request& request, Instant now) {
  if (wrong_.Add(request.peer, now)) return Unauthorized(request);
  return http::Problem(429, "too many wrong tokens came from this address; wait a second");
}

// A file of tokens that cannot be read lets nobody go on.
std::function<bool(Instant)> Guard::StillKnown(const http::Request& request) {
  const std::string_view authorization = request.Header("authorization");
  const bool by_token = !authorization.empty();
  const std::string digest =
      io::Sha256Of(by_token ? std::string(authorization.substr(kBearer.size()))
                            : SessionIn(request).value_or(""));
  return [this, by_token, digest](Instant now) {
    if (!by_token) return sessions_.Has(digest, now);
    const auto caller = tokens_.Find(digest);
    return caller && caller->has_value();
  };
}

std::string Guard::MakeLink(access::Scope scope, const std::string& by, Instant now) {
  return site_.origin() + "/login?token=" + sessions_.MakeLink({by, scope}, now);
}

bool Guard::HasSession(const http::Request& request, Instant now) {
  const auto session = SessionIn(request);
  return session && session->size() == kSecretDigits && sessions_.Use(*session, now);
}

http::Response Guard::ToTheDashboard() {
  http::Response response;
  response.status = 303;
  response.headers = {{"Location", "/"}};
  return response;
}

http::Response Guard::Login(const http::Request& request, const std::string& secret, Instant now) {
  const auto session = sessions_.Begin(secret, now);
  if (!session) return Wrong(request, now);
  const bool secure = site_.OriginOf(request).starts_with("https:");
  http::Response response = ToTheDashboard();
  response.headers.emplace_back(
      "Set-Cookie", fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}", CookieName(request),
                                *session, secure ? "; Secure" : ""));
  // Led here by a mail's or another site's page, or a file, a browser would not send the cookie
  // along the same way; from a page of ours it does.
  if (request.Header("sec-fetch-site") == "cross-site") {
    response.status = 200;
    response.headers.erase(response.headers.begin());
    response.type = "text/html; charset=utf-8";
    response.body =
        "<!doctype html><title>Busker</title><meta http-equiv=\"refresh\" content=\"0;url=/\">\n";
  }
  return response;
}

}  // namespace busker::serve

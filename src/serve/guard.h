// Who is let in. Everything is refused that is not known to be allowed, before anything looks at
// what is asked for: what other sites ask (http/site_guard.h), and
//
//   a token or a session is shown, and known (else 401; after 5 wrong ones in a second, 429 for the
//   wrong ones of that address)
//
// A session is what a browser has: it begins with a link that works once, which `busker up` prints.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "access/caller.h"
#include "access/known_tokens.h"
#include "access/sessions.h"
#include "base/time.h"
#include "http/message.h"
#include "http/peer_limit.h"
#include "http/site_guard.h"

namespace busker::serve {

// Any thread. The time is handed in.
class Guard {
 public:
  // `origins` as for http::SiteGuard; `session_file` as for access::Sessions.
  Guard(std::vector<std::string> origins, io::fs::path token_file, io::fs::path session_file = {})
      : site_(std::move(origins)),
        tokens_(std::move(token_file)),
        sessions_(std::move(session_file)) {}

  const http::SiteGuard& site() const { return site_; }

  // Who asks, or the answer that says no.
  std::variant<access::Caller, http::Response> Identify(const http::Request& request, Instant now);

  // For whoever Identify let in: whether it would still. Costs little, and is no use of a session.
  std::function<bool(Instant now)> StillKnown(const http::Request& request);

  // The address that begins a session with that scope, once, within a day.
  std::string MakeLink(access::Scope scope, const std::string& by, Instant now);
  // Answers that address: a session and the way to the dashboard, or no.
  http::Response Login(const http::Request& request, const std::string& secret, Instant now);
  // Whether the request's cookie is of a session that goes on; that is a use of it.
  bool HasSession(const http::Request& request, Instant now);
  static http::Response ToTheDashboard();

 private:
  std::string CookieName(const http::Request& request) const;
  std::optional<std::string> SessionIn(const http::Request& request) const;
  http::Response Wrong(const http::Request& request, Instant now);

  const http::SiteGuard site_;
  access::KnownTokens tokens_;
  access::Sessions sessions_;
  http::PeerLimit wrong_{5};  // tokens and links
};

}  // namespace busker::serve

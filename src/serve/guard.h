// Who is let in. Everything is refused that is not known to be allowed, before anything looks at
// what is asked for:
//
//   the Host header is one of ours (else 421: a page of another name resolved to this address)
//   who comes from a page comes from one of ours (else 403)
//   a token or a session is shown, and known (else 401; after 5 wrong ones in a second, 429 for the
//   wrong ones of that address)
//
// A session is what a browser has: it begins with a link that works once, which `busker up` prints,
// and lasts until it was not used for 12 hours, or until the daemon ends.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "serve/message.h"
#include "serve/router.h"
#include "serve/tokens.h"

namespace busker::serve {

// Any thread. The time is handed in.
class Guard {
 public:
  // `origins`: how this server is called, "http://127.0.0.1:8321", in small letters and without a
  // port that goes without saying; the first is the one of links.
  Guard(std::vector<std::string> origins, io::fs::path token_file);

  const std::string& origin() const { return origins_.front(); }

  // What any request has to be: nullopt, or the answer that says no.
  std::optional<Response> Refuse(const Request& request) const;

  // Who asks, or the answer that says no.
  std::variant<Caller, Response> Identify(const Request& request, Instant now);

  // For whoever Identify let in: whether it would still. Costs little, and is no use of a session.
  std::function<bool(Instant now)> StillKnown(const Request& request);

  // nullopt, or the answer that says no to a request that changes something.
  std::optional<Response> RefuseChange(const Request& request) const;

  // The address that begins a session with that scope, once, within a day.
  std::string MakeLink(Scope scope, const std::string& by, Instant now);
  // Answers that address: a session and the way to the dashboard, or no.
  Response Login(const Request& request, const std::string& secret, Instant now);

 private:
  struct Session {
    Caller caller;
    Instant used_at{};
  };
  struct Failures {
    Instant since{};
    int count = 0;
  };

  // That of ours which the Host header names; empty: it names none.
  std::string_view OriginOf(const Request& request) const;
  bool IsOurOrigin(std::string_view origin) const;
  std::string CookieName(const Request& request) const;
  std::optional<std::string> SessionIn(const Request& request) const;
  std::optional<Caller> FindSession(const std::string& secret, Instant now);
  Result<std::optional<Caller>> FindToken(const std::string& secret);
  bool HasSession(const std::string& digest, Instant now);
  bool HasToken(const std::string& digest);
  Response Wrong(const Request& request, Instant now);

  const std::vector<std::string> origins_;
  KnownTokens tokens_;
  std::mutex mutex_;                                 // guards what follows
  std::map<std::string, Session> sessions_, links_;  // by the SHA-256 of their secrets
  std::map<std::string, Failures> failures_;         // by peer
};

}  // namespace busker::serve

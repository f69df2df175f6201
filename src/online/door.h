// The whole way of a request to the prediction server, without what the routes do: who asks, what
// for, unpacked, answered.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "access/known_tokens.h"
#include "base/time.h"
#include "http/peer_limit.h"
#include "online/route.h"

namespace busker::online {

// Who is let in: a token of the scope `predict` (or that of an operator, or an administrator) is
// shown, as Bearer, or as the password of Basic, which clients that take no header can put into the
// address. Browsers are not let in at all: nothing here is for a page, and so no other site can
// have one ask. Any thread.
class Door {
 public:
  struct Settings {
    std::optional<io::fs::path> tokens;     // nullopt: whoever reaches the port may ask
    std::size_t body_bytes_max = 16 << 20;  // when it is unpacked
  };
  // `routes` outlives it, and is whole.
  Door(Settings settings, const Routes& routes);

  http::Response Answer(const http::Request& request, Instant now);

 private:
  std::variant<access::Caller, http::Response> Identify(const http::Request& request, Instant now);
  http::Response Ask(const http::Request& request, Instant now);

  const Settings settings_;
  const Routes& routes_;
  std::optional<access::KnownTokens> tokens_;
  http::PeerLimit wrong_{5};
};

}  // namespace busker::online

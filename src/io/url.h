// What a URL says, and what of it may be told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::io {

// "https://user:pass@host:8443/path?token=1" -> "https://host:8443": what may stand in a message,
// for the rest of a URL is often a secret.
std::string OriginOf(std::string_view url);

// Without the port, and without the brackets of an IPv6 address.
std::string HostOf(std::string_view url);

// Is the host this machine, by its spelling: localhost, 127.0.0.0/8 or ::1?
bool IsLoopbackHost(std::string_view host);

struct Url {
  bool is_safe = false;  // https, smtps
  std::string host;      // without the brackets of an IPv6 address
  std::uint16_t port = 0;
  std::string target;  // "/path?query", from "/" on
  std::string user;    // "user:password" with what %XX stands for; empty: none

  std::string Place() const;  // "host", "host:8080", "[::1]:8080": without a port of HTTP's
  std::string PlaceWithPort() const;
};

// kInvalid as CheckUrl, and for a port that cannot be.
Result<Url> ParseHttpUrl(std::string_view url);
Result<Url> ParseMailUrl(std::string_view url);  // smtp://, smtps://

// The URL to which a redirect leads from `base`, which is one that ParseHttpUrl takes.
std::string ResolveUrl(std::string_view base, std::string_view location);

// For a part of a path or a query (RFC 3986, section 2.3): all but letters, digits and -._~ as %XX.
std::string PercentEncoded(std::string_view text);

// RFC 4648, section 4; and section 5, for URLs and names. Both are padded with "=".
std::string Base64Of(std::string_view bytes);
std::string Base64UrlOf(std::string_view bytes);
std::optional<std::string> FromBase64(std::string_view text);  // padded; nullopt: it is none

// RFC 7617: the value of an Authorization header for "user:password".
std::string BasicAuthorization(const std::string& user);

// kInvalid unless the URL begins with one of two schemes ("http", "https"), has a host, and holds
// only characters that a URL may hold, so that no two readers can differ about its host.
Result<void> CheckUrl(std::string_view url, std::string_view scheme, std::string_view safe_scheme);

}  // namespace busker::io

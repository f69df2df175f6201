// The few questions about a URL that are asked before libcurl is.
#pragma once

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

// kInvalid unless the URL begins with one of two schemes ("http", "https"), has a host, and holds
// only characters that a URL may hold, so that no two readers can differ about its host.
Result<void> CheckUrl(std::string_view url, std::string_view scheme, std::string_view safe_scheme);

}  // namespace busker::io

// Which proxy a call goes by, as the environment says: http_proxy; https_proxy or HTTPS_PROXY;
// all_proxy or ALL_PROXY for what these do not name; none for the hosts of no_proxy or NO_PROXY.
// HTTP_PROXY is not looked at: a header of a request sets it in the environment of CGI programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/url.h"

namespace busker::io {

struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  // of Proxy-Authorization; empty: none
};

// nullopt: straight to the server. kInvalid for a proxy that is spoken to by something other than
// HTTP (https://, socks5://).
Result<std::optional<Proxy>> ProxyFor(const Url& url);

// Is the host one of a no_proxy list: "*"; "example.com" with all below it; an address;
// "10.0.0.0/8"?
bool IsOnNoProxyList(std::string_view host, std::string_view list);

}  // namespace busker::io

#include "io/url.h"

#include <arpa/inet.h>

#include <algorithm>

namespace busker::io {
namespace {

constexpr std::string_view kAfterScheme = "://";

struct Parts {
  std::string_view scheme;
  std::string_view authority;  // without user and password
};

Parts PartsOf(std::string_view url) {
  const std::size_t end = url.find(kAfterScheme);
  if (end == std::string_view::npos) return {};
  std::string_view authority = url.substr(end + kAfterScheme.size());
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  return {url.substr(0, end), authority};
}

bool IsUrlCharacter(char c) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

}  // namespace

std::string OriginOf(std::string_view url) {
  const Parts parts = PartsOf(url);
  if (parts.authority.empty()) return "(a URL without a host)";
  return std::string(parts.scheme) + std::string(kAfterScheme) + std::string(parts.authority);
}

std::string HostOf(std::string_view url) {
  const std::string_view authority = PartsOf(url).authority;
  if (authority.starts_with('[')) {
    return std::string(authority.substr(1, authority.find(']') - 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

bool IsLoopbackHost(std::string_view host) {
  const std::string text(host);
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return text == "localhost";
}

Result<void> CheckUrl(std::string_view url, std::string_view scheme, std::string_view safe_scheme) {
  const Parts parts = PartsOf(url);
  if (parts.scheme != scheme && parts.scheme != safe_scheme) {
    return Invalid("a URL must begin with " + std::string(safe_scheme) + ":// or " +
                   std::string(scheme) + "://");
  }
  if (HostOf(url).empty()) return Invalid("the URL names no host");
  if (!std::all_of(url.begin(), url.end(), IsUrlCharacter)) {
    return Invalid("the URL holds a character that a URL cannot hold; write it as %XX");
  }
  return {};
}

}  // namespace busker::io

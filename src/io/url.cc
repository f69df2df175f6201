#include "io/url.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace busker::io {
namespace {

constexpr std::string_view kAfterScheme = "://";

struct Parts {
  std::string_view scheme;
  std::string_view user;       // and password
  std::string_view authority;  // without these
  std::string_view rest;       // path, query and fragment
};

Parts PartsOf(std::string_view url) {
  const std::size_t end = url.find(kAfterScheme);
  if (end == std::string_view::npos) return {};
  std::string_view authority = url.substr(end + kAfterScheme.size());
  const std::size_t path = std::min(authority.find_first_of("/?#"), authority.size());
  const std::string_view rest = authority.substr(path);
  authority = authority.substr(0, path);
  std::string_view user;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  return {url.substr(0, end), user, authority, rest};
}

bool IsUrlCharacter(char c) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

int HexOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool whole = text[i] == '%' && i + 2 < text.size();
    const int high = whole ? HexOf(text[i + 1]) : -1, low = whole ? HexOf(text[i + 2]) : -1;
    const bool escaped = high >= 0 && low >= 0;
    plain += escaped ? static_cast<char>(high * 16 + low) : text[i];
    if (escaped) i += 2;
  }
  return plain;
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

std::string Url::PlaceWithPort() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Url::Place() const {
  std::string place = PlaceWithPort();
  if (port == (is_safe ? 443 : 80)) place.resize(place.rfind(':'));
  return place;
}

namespace {

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};

Result<Url> ParseUrl(std::string_view text, const Scheme& open, const Scheme& safe) {
  TRY(CheckUrl(text, open.name, safe.name));
  const Parts parts = PartsOf(text);
  Url url;
  url.is_safe = parts.scheme == safe.name;
  url.host = HostOf(text);
  url.user = Unescaped(parts.user);
  url.target = std::string(parts.rest.substr(0, parts.rest.find('#')));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  url.port = url.is_safe ? safe.port : open.port;
  const std::size_t host_end = parts.authority.starts_with('[')
                                   ? parts.authority.find(']') + 1  // 0: there is none
                                   : std::min(parts.authority.find(':'), parts.authority.size());
  std::string_view port = parts.authority.substr(host_end);
  if (host_end == 0 || (!port.empty() && port[0] != ':')) {
    return Invalid("the URL's host is not an IPv6 address");
  }
  if (port.size() <= 1) return url;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
    return Invalid("the URL's port is not a number from 1 to 65535");
  }
  return url;
}

}  // namespace

Result<Url> ParseHttpUrl(std::string_view text) {
  return ParseUrl(text, {"http", 80}, {"https", 443});
}

Result<Url> ParseMailUrl(std::string_view text) {
  return ParseUrl(text, {"smtp", 25}, {"smtps", 465});
}

std::string ResolveUrl(std::string_view base, std::string_view location) {
  const Parts parts = PartsOf(base);
  if (location.find(kAfterScheme) < location.find_first_of("/?#")) return std::string(location);
  if (location.starts_with("//")) {
    return std::string(parts.scheme) + ":" + std::string(location);
  }
  if (location.starts_with('/')) return OriginOf(base) + std::string(location);
  const std::string_view path = parts.rest.substr(0, parts.rest.find_first_of("?#"));
  if (location.starts_with('?')) return OriginOf(base) + std::string(path) + std::string(location);
  const std::size_t slash = path.rfind('/');
  const std::string folder(slash == std::string_view::npos ? "/" : path.substr(0, slash + 1));
  return OriginOf(base) + folder + std::string(location);
}

std::string PercentEncoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::string Base64Of(std::string_view bytes) {
  std::vector<unsigned char> text(4 * ((bytes.size() + 2) / 3) + 1);
  const auto* const from = reinterpret_cast<const unsigned char*>(bytes.data());
  const int length = EVP_EncodeBlock(text.data(), from, static_cast<int>(bytes.size()));
  return {text.begin(), text.begin() + length};
}

std::string Base64UrlOf(std::string_view bytes) {
  std::string text = Base64Of(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<unsigned char> bytes(text.size() / 4 * 3 + 1);
  const auto* const from = reinterpret_cast<const unsigned char*>(text.data());
  const int count = EVP_DecodeBlock(bytes.data(), from, static_cast<int>(text.size()));
  if (count < 0) return std::nullopt;
  const int padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  return std::string(bytes.begin(), bytes.begin() + count - padding);
}

std::string BasicAuthorization(const std::string& user) { return "Basic " + Base64Of(user); }

}  // namespace busker::io

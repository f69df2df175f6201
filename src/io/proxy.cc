#include "io/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "io/http_message.h"

namespace busker::io {
namespace {

constexpr std::uint16_t kUsualPort = 1080;  // libcurl's, which this environment was made for

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(Trim(value));
}

std::string FirstOf(const char* name, const char* other) {
  std::string value = Variable(name);
  return value.empty() ? Variable(other) : value;
}

std::vector<unsigned char> AddressOf(const std::string& host) {
  std::vector<unsigned char> bytes(16);
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) != 1) bytes.clear();
  return bytes;
}

// Are the first `bits` of both the same?
bool StartAlike(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b,
                std::size_t bits) {
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const auto differ = static_cast<unsigned>(a[bit / 8] ^ b[bit / 8]);
    if ((differ >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

bool IsInRange(const std::vector<unsigned char>& address, std::string_view range) {
  const std::size_t slash = range.find('/');
  const std::vector<unsigned char> begin = AddressOf(std::string(range.substr(0, slash)));
  if (begin.size() != address.size()) return false;
  std::size_t bits = begin.size() * 8;
  if (slash != std::string_view::npos) {
    const std::string_view text = range.substr(slash + 1);
    std::size_t said = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), said);
    if (error != std::errc() || end != text.data() + text.size() || said > bits) return false;
    bits = said;
  }
  return StartAlike(address, begin, bits);
}

bool IsAtOrBelow(std::string_view host, std::string_view domain) {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (domain.empty() || !host.ends_with(domain)) return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

bool IsOnNoProxyList(std::string_view host, std::string_view list) {
  std::string name = LowerCase(host);
  if (name.ends_with('.')) name.pop_back();
  const std::vector<unsigned char> address = AddressOf(name);
  std::string words = LowerCase(list);
  std::replace(words.begin(), words.end(), ' ', ',');
  for (const std::string& word : Split(words, ',')) {
    if (word == "*") return true;
    if (address.empty() ? IsAtOrBelow(name, word) : IsInRange(address, word)) return true;
  }
  return false;
}

Result<std::optional<Proxy>> ProxyFor(const Url& url) {
  std::string named = url.is_safe ? FirstOf("https_proxy", "HTTPS_PROXY") : Variable("http_proxy");
  if (named.empty()) named = FirstOf("all_proxy", "ALL_PROXY");
  if (named.empty() || IsOnNoProxyList(url.host, FirstOf("no_proxy", "NO_PROXY"))) {
    return std::nullopt;
  }
  if (named.find("://") == std::string::npos) named.insert(0, "http://");
  const auto parsed = ParseHttpUrl(named);
  if (!parsed || parsed->is_safe) {
    return Invalid("the proxy " + Printable(OriginOf(named)) +
                   " of the environment cannot be used; it has to be http://HOST:PORT");
  }
  Proxy proxy{parsed->host, parsed->port, {}};
  // Without its scheme's usual port, which ParseHttpUrl has put in.
  const std::string origin = OriginOf(named);
  if (parsed->port == 80 && !origin.ends_with(":80")) proxy.port = kUsualPort;
  if (!parsed->user.empty()) proxy.authorization = BasicAuthorization(parsed->user);
  return proxy;
}

}  // namespace busker::io

#include "io/refused_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace busker::io {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

bool IsLinkLocal4(std::uint32_t address) { return (address >> 16) == 0xA9FE; }

std::uint32_t Ipv4At(const Bytes& bytes, std::size_t place) {
  std::uint32_t address = 0;
  for (std::size_t i = 0; i < 4; ++i) address = address << 8 | bytes[place + i];
  return address;
}

template <std::size_t Count>
bool StartsWith(const Bytes& bytes, const std::array<std::uint8_t, Count>& prefix) {
  return std::memcmp(bytes.data(), prefix.data(), Count) == 0;
}

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// The IPv4 address that an IPv6 one stands for.
std::optional<std::uint32_t> Embedded(const Bytes& bytes) {
  constexpr std::array<std::uint8_t, 12> kCompatible{};
  constexpr std::array<std::uint8_t, 12> kNat64{0x00, 0x64, 0xFF, 0x9B};
  constexpr std::array<std::uint8_t, 2> k6to4{0x20, 0x02};
  if (StartsWith(bytes, kMapped) || StartsWith(bytes, kCompatible) || StartsWith(bytes, kNat64)) {
    return Ipv4At(bytes, 12);
  }
  if (StartsWith(bytes, k6to4)) return Ipv4At(bytes, 2);
  return std::nullopt;
}

std::uint32_t Ipv4Of(const sockaddr* address) {
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return ntohl(v4.sin_addr.s_addr);
}

Bytes Ipv6Of(const sockaddr* address) {
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  Bytes bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return bytes;
}

}  // namespace

bool IsRefusedAddress(const sockaddr* address) {
  if (address->sa_family == AF_INET) return IsLinkLocal4(Ipv4Of(address));
  if (address->sa_family != AF_INET6) return true;
  constexpr Bytes kAmazonMetadata{0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  const Bytes bytes = Ipv6Of(address);
  const bool link_local = bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
  const auto embedded = Embedded(bytes);
  return link_local || bytes == kAmazonMetadata || (embedded && IsLinkLocal4(*embedded));
}

bool IsLoopbackAddress(const sockaddr* address) {
  if (address->sa_family == AF_INET) return (Ipv4Of(address) >> 24) == 127;
  if (address->sa_family != AF_INET6) return false;
  constexpr Bytes kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Bytes bytes = Ipv6Of(address);
  return bytes == kLoopback || (StartsWith(bytes, kMapped) && bytes[12] == 127);
}

std::string FormatAddress(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "an address that is not of the internet";
  if (address->sa_family == AF_INET) {
    const std::uint32_t number = htonl(Ipv4Of(address));
    inet_ntop(AF_INET, &number, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const Bytes bytes = Ipv6Of(address);
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

}  // namespace busker::io

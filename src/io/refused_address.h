// Addresses that nothing may be sent to: the link-local ones, where clouds hand out a machine's
// credentials to whoever asks from the machine itself.
#pragma once

#include <sys/socket.h>

#include <string>

namespace busker::io {

// Link-local (169.254.0.0/16, fe80::/10), also written inside an IPv6 address (mapped, compatible,
// NAT64, 6to4); the metadata address of Amazon's machines (fd00:ec2::254); and whatever is neither
// IPv4 nor IPv6. `address` is as long as its family says.
bool IsRefusedAddress(const sockaddr* address);

bool IsLoopbackAddress(const sockaddr* address);  // 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104

std::string FormatAddress(const sockaddr* address);  // "169.254.169.254", "fe80::1"

}  // namespace busker::io

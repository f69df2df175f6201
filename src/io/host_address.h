// From the name of a host to a connected socket. What is connected to is looked at here, and here
// alone: the address that counts is the one behind the name, whatever the spelling was.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::io {

struct HostAddress {
  sockaddr_storage storage{};
  socklen_t size_bytes = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Which addresses may be called.
enum class Reach {
  kAll,           // all but the refused ones of refused_address.h
  kWithMetadata,  // and 169.254.169.254, where a cloud gives its machine credentials
  kLoopback,      // this machine alone
};

// The addresses of a host, in the order in which they are to be tried; those that are out of reach
// are left out, and kInvalid when none is left. An address that is written in numbers is not looked
// up. kTemporary: no such host, or none that a name server tells just now.
Result<std::vector<HostAddress>> FindHost(const std::string& host, std::uint16_t port, Reach reach,
                                          Waiter& waiter);

// Connects to the first of them that answers: the next is begun when one did not answer within a
// quarter of a second (RFC 8305), so that a way that leads nowhere costs no more than that. The
// socket does not block. kTemporary when none can be reached.
Result<Descriptor> ConnectToHost(const std::vector<HostAddress>& addresses, Waiter& waiter);

// The same for the socket of a service on this machine, by its path.
Result<Descriptor> ConnectToUnixSocket(const fs::path& path, Waiter& waiter);

}  // namespace busker::io

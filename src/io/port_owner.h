// Who has a port of this machine, for the sentence that it is taken.
#pragma once

#include <cstdint>
#include <string>

namespace busker::io {

// "process 4711, python3 -m http.server": who listens at that TCP port, with the beginning of its
// command line; "a process of another user" when /proc does not tell; empty when nobody listens.
std::string WhoListens(std::uint16_t port);

}  // namespace busker::io

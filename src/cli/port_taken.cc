#include "cli/port_taken.h"

#include <fmt/core.h>

#include "io/port_owner.h"

namespace busker::cli {

Error PortTaken(int port, const std::string& remedy) {
  const std::string owner = io::WhoListens(static_cast<std::uint16_t>(port));
  const std::string taken =
      owner.empty() ? fmt::format("port {} was taken a moment ago; try again, or choose", port)
                    : fmt::format("port {} is taken by {}; end that, or choose", port, owner);
  return {ErrorKind::kTemporary, fmt::format("{} another port: {}", taken, remedy)};
}

}  // namespace busker::cli

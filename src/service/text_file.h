// Reads a text file that a person wrote.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"

namespace busker::service {

// The file's content; of a longer file, its first bytes_max + 1 bytes, which tells it. nullopt: it
// is not there. kInvalid for what is no regular file (a folder, a pipe); never waits for one.
Result<std::optional<std::string>> ReadTextFile(const std::string& path, std::size_t bytes_max);

}  // namespace busker::service

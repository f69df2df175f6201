// Reading a secret from whoever has it.
#pragma once

#include <string>

#include "base/result.h"

namespace busker::cli {

// From the terminal that is standard input, without showing it, twice. The terminal is as before in
// the end, also when somebody interrupts. kInvalid: the two differ, or nothing came.
Result<std::string> AskTwice(const std::string& name);

// All of standard input, without one line end behind it. Of a longer one `bytes_max` + 1 bytes,
// which is too long then.
Result<std::string> ReadSecret(std::size_t bytes_max);

}  // namespace busker::cli

// Programs of this machine that a build is done with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::image {

// Told a line about what is being done.
using Say = std::function<void(const std::string& line)>;

// Whether a program is there and ends well within half a minute: Works({"uv", "--version"}, ...).
bool Works(const std::vector<std::string>& words, const std::vector<std::string>& environment);

// Says what it runs and runs it, its output on our standard error. kFailed: its exit code is not 0;
// kTimedOut after 6 hours; kTemporary when it is to stop, which the program is told then.
Result<void> Run(std::vector<std::string> words, const std::vector<std::string>& environment,
                 const Say& say, const io::Interrupt& interrupt);

}  // namespace busker::image

// The command line: which verbs and options there are, and what --help says of them.
#pragma once

#include "cli/verbs.h"

namespace busker::cli {

// Carries out what the person typed; returns the exit code (base/result.h).
int RunCommandLine(int argc, const char* const* argv, const Installation& installation);

}  // namespace busker::cli

// A port that somebody else has.
#pragma once

#include <string>

#include "base/result.h"

namespace busker::cli {

// kTemporary: "port 8321 is taken by process 4711, busker up; end that, or ...". `remedy`: how to
// have another port.
Error PortTaken(int port, const std::string& remedy);

}  // namespace busker::cli

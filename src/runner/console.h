// The serial console of a VM, as far as it is ours.
#pragma once

#include <string>

namespace busker::runner {

// A line, "busker: ...".
void Say(const std::string& line);

}  // namespace busker::runner

// Which boot of the kernel this is: what was not synced before another one may be gone.
#pragma once

#include <string>

namespace busker::io {

// Read once. Empty where it cannot be had (no /proc); two empty ones are not the same boot.
const std::string& BootId();

}  // namespace busker::io

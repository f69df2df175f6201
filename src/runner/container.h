// What a runner does first when it is the first process of a container.
#pragma once

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

// What it has to complain of goes to the attempt's folder, as nobody reads the container's log; and
// the attempt's secrets, if there are any, come from the file that is mounted for them.
Result<void> SettleIn(const io::fs::path& attempt_folder);

}  // namespace busker::runner

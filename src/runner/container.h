// What a runner does first when it is the first process of a container.
#pragma once

#include "attempt/order.h"
#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

// What it has to complain of goes to the attempt's folder, as nobody reads the container's log; and
// the attempt's secrets, if there are any, come from the file that is mounted for them.
Result<void> SettleIn(const io::fs::path& attempt_folder);

// Where the service is in an image that says so itself (attempt::kRootOfImage): in /service, else
// in the image's working directory, whichever has the order's config. It is put into the order.
// kNotFound: in neither. kInvalid: this process's user may not read it. `within`: what the paths of
// the image are below, for tests.
Result<void> FindRootInImage(const io::fs::path& working_directory, attempt::Order& order,
                             const io::fs::path& within = "/");

}  // namespace busker::runner

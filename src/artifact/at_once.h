// Many small deeds on a few threads.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::artifact {

// Calls deed(i, ...) for each i below `count`, on up to `threads_max` threads, the caller's among
// them, which have all ended when this returns. The first error ends it: no further deed begins,
// and the interrupt that is handed to the others is a stop, too. It is what is returned.
Result<void> DoAtOnce(std::size_t count, std::size_t threads_max, const io::Interrupt& interrupt,
                      const std::function<Result<void>(std::size_t, const io::Interrupt&)>& deed);

}  // namespace busker::artifact

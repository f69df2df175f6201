// A runner that waits for orders (attempt/channel.h).
#pragma once

#include "attempt/folder.h"
#include "base/result.h"

namespace busker::runner {

// Carries out the orders that come by the socket until there are no more. An Error is about the
// last attempt, and is also left in its folder (attempt::kErrorFile).
Result<void> CarryOutOrders(int socket);

}  // namespace busker::runner

// A delivery, taken back by hand.
#pragma once

#include <string>

#include "daemon/ledger.h"
#include "deliver/warehouse.h"

namespace busker::daemon {

// The table as it was before that delivery; errors as deliver::Warehouse::Undo.
Result<deliver::Delivery> Undo(deliver::Warehouse& warehouse, const std::string& delivery,
                               bool force, const std::string& by, const Ledger& ledger);

}  // namespace busker::daemon

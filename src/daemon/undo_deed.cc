#include "daemon/undo_deed.h"

namespace busker::daemon {

Result<deliver::Delivery> Undo(deliver::Warehouse& warehouse, const std::string& delivery,
                               bool force, const std::string& by, const Ledger& ledger) {
  record::Deed deed{by, "undo", "delivery undone", delivery};
  return Do(ledger, deed, [&] {
    auto undone = warehouse.Undo(delivery, force);
    if (undone) deed.detail = undone->id + " of " + undone->table;
    return undone;
  });
}

}  // namespace busker::daemon

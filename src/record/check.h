// What fsck asks of the record.
#pragma once

#include <string>
#include <vector>

#include "record/sqlite.h"

namespace busker::record {

// Goes through everything: the file's integrity, the chain of events, that each end has its event,
// that each run's state follows from its tasks', that tasks started by their rules, that attempts
// are counted and a success is shown by one, that notices get somewhere. A sentence per fault. The
// caller holds a Snapshot: what one statement finds is compared with what another does.
Result<std::vector<std::string>> CheckRecord(Database& database);

}  // namespace busker::record

// The lead of a record in SQLite: one row, changed and asked for within transactions. What each
// function promises stands in record.h.
//
// A change of hands is not synced by itself. What can take it back, a power cut, has ended whoever
// had the lead, too; and the first turn of the next syncs all that was written before it.
#pragma once

#include <optional>
#include <string>

#include "record/record.h"
#include "record/sqlite.h"

namespace busker::record {

Result<Lead> ReadLead(Database& database);
Result<Epoch> TakeLead(Database& database, const std::string& holder, Instant now,
                       const std::optional<Milliseconds>& lease);
Result<void> KeepLead(Database& database, Epoch epoch, Instant now,
                      const std::optional<Milliseconds>& lease);
Result<void> GiveUpLead(Database& database, Epoch epoch);

// That the epoch is the current one, and stays so as long as the caller's transaction.
Result<void> CheckEpoch(Database& database, Epoch epoch);

}  // namespace busker::record

// What was decided of a run when it was prepared, as a digest: who asked for what, its tasks and
// their orders. The event that says that it was prepared has it, and events are chained, so that a
// row that was changed afterwards, by whatever, is found.
#pragma once

#include <string>

#include "record/sqlite.h"

namespace busker::record {

// Of the rows as they are, but for what changes while a run is under way. 64 hexadecimal digits.
Result<std::string> DigestOfRun(Database& database, const std::string& run);

// What comes before the digest in the event's detail.
inline constexpr char kDigestWord[] = "SHA-256 ";

}  // namespace busker::record

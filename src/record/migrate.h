// Records of earlier versions of Busker.
#pragma once

#include <string>

#include "base/result.h"

namespace busker::record {

// Brings the record at `path`, whose schema is of an earlier version, to kSchemaVersion, in one
// transaction: a crash leaves the one or the other. It wants the file for itself: kTemporary while
// an older Busker, or anything else, has it open. Does nothing when another process was faster.
Result<void> Migrate(const std::string& path);

}  // namespace busker::record

// Records of earlier versions of Busker.
#pragma once

#include <string>

#include "base/result.h"

namespace busker::record {

// Brings the record at `path`, whose schema is version 1, to version 2, in one transaction: a crash
// leaves the one or the other. It wants the file for itself: kTemporary while an older Busker, or
// anything else, has it open. Does nothing when another process was faster.
Result<void> MigrateFromVersion1(const std::string& path);

}  // namespace busker::record

// A record's file: opened, laid out when it is new, brought up to date when it is old.
#pragma once

#include <string>

#include "record/sqlite.h"

namespace busker::record {

// As OpenSqliteRecord says.
Result<Database> OpenRecordFile(const std::string& path, bool create, bool stays);

}  // namespace busker::record

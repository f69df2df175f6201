// A record in one SQLite file (WAL, synchronous=FULL): every process on its machine may open it.
#pragma once

#include <memory>
#include <string>

#include "record/record.h"

namespace busker::record {

// Opens the record at `path` (":memory:" for tests), creating it when `create`; kNotFound when it
// is missing and not to be created; kUnusable when it is corrupt or from a newer Busker, in which
// case nothing is written. One of an earlier Busker is brought up to date first.
//
// `stays`: room is made for the turns to come (4 MiB of log), and at the end the log is moved into
// the file. A turn that finds the room there costs a write to the disk, where one that makes the
// file longer costs the file system's journal, too; where it cannot be had, all goes on without.
// Who does not stay leaves the log, `path`-wal, to the next: both files together are the record.
Result<std::unique_ptr<Record>> OpenSqliteRecord(const std::string& path, bool create,
                                                 bool stays = false);

}  // namespace busker::record

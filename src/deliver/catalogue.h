// What readers open: derived from the tables' logs, and made anew from them whenever it lags
// behind.
//
//   warehouse.duckdb          -> .catalogues/FINGERPRINT.duckdb, a view per table over exactly the
//   parts
//                                of its current state
//   SCHEMA/TABLE/current      -> snapshots/NUMBER, a folder with exactly these parts (hard links),
//   for
//                                any program that reads Parquet
//
// Both are symbolic links that are swapped by rename: whoever has opened the old target keeps it,
// writes to it or locks it without being in anyone's way. Old targets go an hour after the swap.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/duckdb_session.h"
#include "deliver/table_log.h"
#include "io/file.h"

namespace busker::deliver {

struct Table {
  TableLog log;
  TableState state;
};

// The tables that have rows, now, each with its state.
Result<std::vector<Table>> ReadTables(const io::fs::path& warehouse);

// Makes a view of each table in `session`; returns a sentence for each that cannot be read, which
// gets none.
Result<std::vector<std::string>> CreateViews(Session& session, const std::vector<Table>& tables);

using OpenSession = std::function<Result<Session>(const io::fs::path&)>;

// Brings the links up to the logs. `wait_max`: for another process that is doing so (kTimedOut); 0:
// leaves the work to it.
Result<void> Publish(const io::fs::path& warehouse, Milliseconds wait_max, const OpenSession& open);

// Whether they are up to the logs.
Result<bool> IsPublished(const io::fs::path& warehouse);

}  // namespace busker::deliver

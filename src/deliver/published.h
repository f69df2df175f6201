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

// All tables that have a log, now. One that is damaged is among `damaged`, and among `tables` as
// far as its columns are known.
struct Tables {
  std::vector<Table> tables;
  std::vector<DamagedTable> damaged;

  bool IsDamaged(const std::string& table) const;
};
Result<Tables> ReadTables(const io::fs::path& warehouse);

// Makes a view of each table that has rows in `session`. What reads a damaged one is told why, by
// an error; one that turns out to be damaged here is added to `tables.damaged`.
Result<void> CreateViews(Session& session, Tables& tables);

using OpenSession = std::function<Result<Session>(const io::fs::path&)>;

// Brings the links up to the logs. `wait_max`: for another process that is doing so (kTimedOut); 0:
// leaves the work to it. Returns the tables that could not be published.
Result<std::vector<DamagedTable>> Publish(const io::fs::path& warehouse, Milliseconds wait_max,
                                          const OpenSession& open);

// Whether they are up to the logs.
Result<bool> IsPublished(const io::fs::path& warehouse);

// What is wrong with what the links name although they are up to the logs, a sentence each: it was
// damaged, or changed by hand. It is made anew.
Result<std::vector<std::string>> MendPublished(const io::fs::path& warehouse, Milliseconds wait_max,
                                               const OpenSession& open);

}  // namespace busker::deliver

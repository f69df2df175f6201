// The log of a table: what made each of its states, oldest first. It is the truth about the table.
//
//   SCHEMA/TABLE/log/00000001.json ...
//     one immutable file a change, put-if-absent: the commit point
//   SCHEMA/TABLE/parts/DELIVERY.parquet
//     the rows that a delivery brought; never changed or removed
//   SCHEMA/TABLE/parts/DELIVERY.rows
//     the same by key (row_index.h), where they are asked for by one
//
// The highest number is the current state. A change says which parts it added and removed; some, at
// least every 64th, list all parts, so that the state is read from few files however long the log
// is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "deliver/warehouse.h"
#include "io/file.h"

namespace busker::deliver {

// How the rows of a delivery are asked for by key (table_rows.h): the file parts/DELIVERY.rows
// (row_index.h), and what is answered of the delivery with them.
struct KeyedRows {
  std::vector<std::string> key;         // columns
  std::optional<Milliseconds> max_age;  // of rows that are answered
  std::uint64_t size_bytes = 0;         // of the file
  std::string sha256;
  std::string service, model_version, data_date;
  bool operator==(const KeyedRows&) const = default;
};

// The rows of one delivery, in the file parts/DELIVERY.parquet.
struct Part {
  std::string delivery;
  std::uint64_t rows = 0;
  std::string partition;  // the data date that Write::kPartition gave it, or empty
  Instant scheduled_at{};
  // Of its file, as it was written; size 0 in logs of before this was kept.
  std::uint64_t size_bytes = 0;
  std::string sha256;
  Instant written_at{};
  std::optional<KeyedRows> keyed = {};
  bool operator==(const Part&) const = default;
};

struct TableState {
  std::uint64_t number = 0;  // of the last change; 0: the table never was
  std::vector<Column> columns;
  std::vector<Part> parts;  // oldest first; none: there is no such table (any more)

  std::uint64_t Rows() const;
  bool Has(const std::string& delivery) const;
};

struct Change {
  enum class Kind { kDelivery, kUndo } kind = Kind::kDelivery;
  std::uint64_t number = 0;
  Instant at{};
  Delivery delivery;                      // kDelivery: its facts, as they were then
  std::uint64_t snapshot_size_bytes = 0;  // kDelivery: of its part
  std::string undone;                     // kUndo: the delivery's id
  std::vector<Part> added, removed;
  std::vector<Column> columns;             // of the table afterwards
  std::optional<std::vector<Part>> parts;  // all parts afterwards, where the change lists them
};

// As JSON, and out of it; the number is not in it. kUnusable: damaged, or from a newer Busker.
Result<std::string> TextOf(const Change& change);
Result<Change> ParseChange(const std::string& text);

class TableLog {
 public:
  // The table's folder; nothing is created or read.
  TableLog(const io::fs::path& warehouse, const std::string& table);

  const std::string& table() const { return table_; }
  const io::fs::path& folder() const { return folder_; }
  io::fs::path PartPath(const std::string& delivery) const;
  io::fs::path RowsPath(const std::string& delivery) const;
  io::fs::path ChangePath(std::uint64_t number) const;

  // The number of the last change, 0 when there is none.
  Result<std::uint64_t> Head() const;

  // kUnusable when a change is missing, damaged, or from a newer Busker.
  Result<TableState> State() const;
  Result<std::vector<Change>> History() const;

  // Why a part's file is not what was written, with what to do; empty: it is. Looks at its size and
  // time, and at its digest when the file was changed after it was written.
  std::string FaultOf(const Part& part) const;
  // The same of its rows by key; it has some.
  std::string FaultOfRows(const Part& part) const;

  // Makes `change` the successor of `state`, durably; number, parts and what follows from them are
  // filled in. The caller holds the table's lock.
  Result<void> Append(const TableState& state, Change change) const;

 private:
  Result<Change> Read(std::uint64_t number) const;

  std::string table_;
  io::fs::path folder_;
};

// All tables that have a log, in `warehouse`, by name.
Result<std::vector<TableLog>> ListTables(const io::fs::path& warehouse);

// "schema.table", two names of [a-z0-9_] of at most 63 characters.
Result<void> CheckTableName(const std::string& table);

// The state after `change`.
TableState Follow(TableState state, const Change& change);

// A history's deliveries with undone_at and current filled in.
std::vector<Delivery> DeliveriesOf(const std::vector<Change>& history);

}  // namespace busker::deliver

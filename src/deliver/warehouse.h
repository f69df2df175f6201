// PORT: where predictions are delivered. Tables are named "schema.table".
//
// A back end promises, and warehouse_conformance_test.cc checks: every reader sees a table wholly
// before or wholly after a delivery or an undo, at every instant, also when a process is killed at
// any moment; a delivery that fails leaves the table as it was; delivering twice for the same `id`
// changes nothing the second time and returns the same Delivery; a reader never blocks a delivery.
// Calls may come from several processes at once; one object is used by one thread.
//
// The truth is in the warehouse itself: every back end keeps there, as the table
// `_busker_deliveries` or as files that say as much, what each delivery and undo added and removed,
// for ever, and changes it in the transaction that changes the table. What a table consists of,
// whether a delivery was made, what an undo brings back, the types of a column and the order of
// deliveries are read from there, and never from what the caller remembers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::deliver {

enum class Write { kReplace, kAppend, kPartition };
std::string_view NameOf(Write write);  // "replace", "append", "partition"
Result<Write> ParseWrite(std::string_view name);

struct Column {
  std::string name;
  std::string type;  // BigQuery's name: STRING, BOOL, INT64, FLOAT64, NUMERIC, DATE, TIMESTAMP, ...
  bool operator==(const Column&) const = default;
};

// The type names that `Column::type` may have, and BigQuery's aliases for them (INTEGER, FLOAT,
// BOOLEAN, ...). Upper case.
const std::vector<std::string>& TypeNames();
Result<std::string> CanonicalType(std::string_view name);  // any case, alias -> canonical

// The file that is delivered: a value of an artifact store, which a warehouse may load from where
// it is. CSV, RFC 4180, UTF-8, with a header.
struct Source {
  artifact::Store* store = nullptr;  // outlives the call
  std::string key;
  std::string sha256;  // of the value; compared before anything is changed; empty: not compared
  // The same with its size, where that is known: so that a store can tell without sending the
  // value.
  std::optional<io::FileDigest> digest = {};
};

struct Request {
  std::string id;     // names the delivery: a pure function of run and file; [a-z0-9._-]
  std::string table;  // "schema.table": two names of [a-z0-9_], at most 63 each
  Source source;
  std::vector<Column> schema;  // the columns that the file must have, by name, in any order; the
                               // table gets them in this order. Empty: all columns, types inferred
  Write write = Write::kReplace;
  // The partition for Write::kPartition, as a date 2019-08-01; the table gets the column
  // `data_date` (DATE) behind the others. For all modes: an older date never overwrites a newer
  // delivery (replace: of the table, partition: not checked across partitions) unless `force`.
  std::string data_date;
  Instant scheduled_at{};  // the same as an instant, compared by the rule above
  bool force = false;
  std::optional<std::uint64_t>
      rows_min;  // fewer rows fail the delivery; default: an empty file fails
  // The columns by whose values a row is asked for (table_rows.h): STRING, INT64, BOOL or DATE, a
  // value in each row, and no two rows with the same. Empty: rows are not asked for.
  std::vector<std::string> key = {};
  std::optional<Milliseconds> max_age = {};  // with a key: older rows are not answered

  std::string run;  // who delivers: run id, service, and the model version applied
  std::string service;
  std::string model_version;  // key of the version; may be empty
};

struct Delivery {
  std::string id, table, run, service, model_version, data_date;
  Write write = Write::kReplace;
  std::uint64_t rows = 0;        // in the file and, verified, in the table's new part
  std::uint64_t table_rows = 0;  // in the whole table afterwards
  std::string file_sha256;       // of the CSV delivered
  std::string
      snapshot_sha256;  // of the data file that the warehouse wrote; empty where it has none
  std::vector<Column> columns;  // of the table afterwards
  Instant scheduled_at{}, delivered_at{};
  std::optional<Instant> undone_at;
  bool current = false;  // some of its rows are in the table now
};

// A value of a query's answer. Numbers keep their text, so that nothing is lost.
struct Value {
  enum class Kind { kNull, kBool, kNumber, kText } kind = Kind::kNull;
  std::string text;  // "true"/"false", decimal, or the text
};

struct Answer {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
  bool truncated = false;  // there were more than the caller's limit
};

// A table whose files are not what was written. It stops no other table.
struct DamagedTable {
  std::string table;
  std::string why;  // a sentence, with what to do
};

class Warehouse {
 public:
  virtual ~Warehouse() = default;

  // Loads a file into a table. kInvalid: the file or the request is wrong (the message names row
  // and column where it can); kTemporary: disk full, locked.
  virtual Result<Delivery> Deliver(const Request& request) = 0;

  // Puts the table back to what it was before the delivery: its rows go, the rows it replaced come
  // back. kNotFound: no such delivery; kInvalid: already undone, or a later delivery has replaced
  // it (the message names that one). A table whose only delivery is undone is gone. What is
  // returned has the rows and columns that the table has now; no columns: it is gone. A table that
  // others can change, too, and have since, is left alone (kInvalid) without `force`.
  virtual Result<Delivery> Undo(const std::string& id, bool force) = 0;
  Result<Delivery> Undo(const std::string& id) { return Undo(id, /*force=*/false); }
  // Does undo load delivered files again (undoable.h says which)? Else the warehouse keeps all that
  // it needs.
  virtual bool UndoLoadsFiles() const = 0;

  // All deliveries ever, oldest first; `table` empty: of all tables. A table whose log cannot be
  // read is added to `damaged`; without that it is an error (kUnusable).
  virtual Result<std::vector<Delivery>> Deliveries(
      const std::string& table = "", std::vector<DamagedTable>* damaged = nullptr) = 0;

  // Runs a query in the warehouse's own SQL on one consistent snapshot of all tables; it cannot
  // change them. At most `rows_max` rows. kUnusable when it asks for a table that is damaged.
  virtual Result<Answer> Query(const std::string& sql, std::uint64_t rows_max) = 0;

  // Checks everything that can be checked (files against digests, row counts); a sentence per
  // fault, with what to do. What can be made anew from the rest is, and told.
  virtual Result<std::vector<std::string>> Check() = 0;
};

// Opens the warehouse at "embedded:///absolute/folder", with the DuckDB library at
// `duckdb_library`, which is opened on first use; or at "bigquery://PROJECT[/DATASET]"
// (bigquery_warehouse.h). Another scheme is kInvalid, and the message says which ones there are.
// Opening makes nothing: where nothing was delivered yet, it is empty. Who changes a table waits
// for others that do for `wait_max` at most.
Result<std::unique_ptr<Warehouse>> OpenWarehouse(const std::string& url,
                                                 const io::fs::path& duckdb_library,
                                                 Milliseconds wait_max = std::chrono::minutes(10));

// kInvalid as OpenWarehouse has it: by the URL alone, without looking at anything.
Result<void> CheckWarehouseUrl(const std::string& url);

// kInvalid: rows are not asked for by key there; what the message says stands behind "key" in a
// sentence.
Result<void> CheckWarehouseTakesKeys(const std::string& url);

// kInvalid: the warehouse cannot take what is in that artifact store; what the message says stands
// behind "artifacts" in a sentence.
Result<void> CheckWarehouseTakesFrom(const std::string& url, const std::string& store_url);

}  // namespace busker::deliver

// The rows of tables by key, for who is asked for predictions online: what batch runs delivered,
// straight from the files of the embedded warehouse, without DuckDB.
//
// A request looks at its table once, and sees one state of it: wholly before or wholly after a
// delivery or an undo. A delivery is seen by the next request.
//
// Which row is answered: the one of the newest delivery that has the key. Newest is the delivery
// for the latest data date, and of those for the same the one that was made last; so it is whether
// the table is replaced, appended to or written by partition. Deliveries of before there was a key,
// or with another one, are passed over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "deliver/table_log.h"
#include "io/file.h"

namespace busker::deliver {

class PartRows;  // of one delivery; opened when it is first asked

struct FoundRow {
  std::string json;            // an object, the columns of the key first
  const Part* part = nullptr;  // whose it is, with its `keyed`; there as long as the view
};

// One state of a table. Any number of threads at once.
class TableView {
 public:
  TableView(std::string table, TableState state, std::vector<std::shared_ptr<PartRows>> parts);

  const std::string& table() const { return table_; }
  std::span<const Column> key() const { return key_; }
  // Whose deliveries it has.
  const std::set<std::string>& services() const { return services_; }

  // The text of a key, from a value for each column of it, in their order. kInvalid names the
  // column, what came and what is expected.
  Result<std::string> KeyText(std::span<const std::string> values) const;

  // kTemporary: too old to be answered now, with the age and the limit, of whatever key.
  Result<void> CheckAge(Instant now) const;

  // The row with the key; nullopt: there is none. `as_of`: a date, 2026-11-01; no delivery for a
  // later data date is looked at, and none is too old then. Empty: rows that are older than the
  // newest delivery's max_age are passed over. kUnusable: a file is damaged; it names it, and the
  // remedy.
  Result<std::optional<FoundRow>> Find(std::string_view key, const std::string& as_of,
                                       Instant now) const;

 private:
  std::string table_;
  std::vector<Column> key_;
  std::optional<Milliseconds> max_age_;
  std::set<std::string> services_;
  std::vector<std::shared_ptr<PartRows>> parts_;  // newest first
};

// All tables of a warehouse. Any number of threads at once.
class TableReader {
 public:
  // Reads nothing yet; a folder that is not there is a warehouse without tables.
  explicit TableReader(io::fs::path warehouse);
  ~TableReader();
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // The table as it is now. A table that was seen before costs a look for the next file of its log.
  // kNotFound: there is no such table, or its rows are not asked for by key, with the remedy;
  // kUnusable: its log is damaged.
  Result<std::shared_ptr<const TableView>> Look(const std::string& table);

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

// Where the embedded warehouse at the URL is; nullopt: it is another one, without rows by key.
std::optional<io::fs::path> FolderOfWarehouse(const std::string& url);

}  // namespace busker::deliver

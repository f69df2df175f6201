// The SQL that turns staged text into a table's values, in GoogleSQL.
//
// A file is staged as text, a column c1, c2, ... of STRING for each of its own, because BigQuery's
// own reading of a CSV file rounds NUMERIC and refuses spellings that declared_value.h takes. What
// is turned was judged before, so that each expression has a value for each text, or NULL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

// Rows that wait in a staging table.
struct Staged {
  std::string table;                // "project.dataset.table"
  std::vector<std::string> header;  // what c1, c2, ... are in the file
  std::vector<Column> columns;      // and which types they get
  std::string data_date;            // of the column data_date; empty: it has none
};

// A SELECT of the rows, with the columns `wanted` in their order; one that the file has not is
// NULL. `wanted` may have data_date.
std::string SelectOf(const Staged& staged, const std::vector<Column>& wanted);

// A SELECT of one row: how many rows are staged, and how many of their values are not written
// plainly, in the columns as `columns` says. What is plain is a value of its type by
// declared_value.h, for certain; what is not has to be judged by that.
std::string PlainnessOf(const Staged& staged);

// Does a text, as one of `type`, count as plain? NULL and "" do. For tests: as the SELECT has it,
// but for days that no calendar has.
std::string PlainPattern(const std::string& type);  // a regular expression; empty: nothing is plain

// "`a`, `b`"
std::string NamesOf(const std::vector<Column>& columns);

// kInvalid: BigQuery takes no column of that name.
Result<void> CheckColumnNames(const std::vector<std::string>& names);

}  // namespace busker::deliver

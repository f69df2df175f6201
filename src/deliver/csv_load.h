// Turning a CSV file into a Parquet file, with every value checked.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/csv_file.h"
#include "deliver/duckdb_session.h"
#include "deliver/warehouse.h"
#include "io/file.h"

namespace busker::deliver {

// A CSV file that is open: what is digested is what is loaded, whatever happens to its name.
struct CsvSource {
  io::fs::path path;  // for messages
  io::Descriptor fd;
  CsvHeader header;

  std::string SqlName() const;  // how DuckDB opens the same file
};
Result<CsvSource> OpenCsv(const io::fs::path& path);

// That the file's header has exactly the columns of `schema`, in any order.
Result<void> CheckHeader(const CsvSource& source, const std::vector<Column>& schema);

// That the file has a header, and its values commas between them, as far as that can be told where
// nobody said what the columns are.
Result<void> CheckHeader(const CsvSource& source);

struct LoadPlan {
  std::vector<Column> columns;  // of the file, in the order that the table has
  std::string data_date;        // when not empty, a column data_date with it goes behind them
  bool guess = false;           // the types are Busker's guess
  bool undeclared = false;      // the types are those that the table has, and nobody declared them
  bool quoted_blanks = false;   // "" is read, as no value where the column is no STRING
};

// A judge for each column of the header: what its type is, or whether it has the type of the plan.
std::vector<ColumnJudge> JudgesFor(const CsvSource& source, const LoadPlan& plan);

// The COPY statement that writes `target`; it answers with the number of rows. It gives the values
// that the texts say where the judges found that they fit. Of one that does not, DuckDB may make
// another value, or fail, as it does at "" unless the plan reads it.
std::string LoadSql(const CsvSource& source, const LoadPlan& plan, const io::fs::path& target);

// The first value that is not of its column's type, as a sentence; empty: all are. The file has to
// be well-formed.
Result<std::string> FindBadValue(const CsvSource& source, const LoadPlan& plan);

}  // namespace busker::deliver

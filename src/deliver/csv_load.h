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

// The columns of the file with the types that all of its values have: INT64, FLOAT64, BOOL, DATE,
// DATETIME, TIMESTAMP, TIME or STRING. `sample` looks at the first rows only, which is fast.
Result<std::vector<Column>> InferColumns(Session& session, const CsvSource& source, bool sample);

struct LoadPlan {
  std::vector<Column> columns;  // of the file, in the order that the table has
  std::string data_date;        // when not empty, a column data_date with it goes behind them
};

// Whether INT64 columns are read as they stand, which turns 1.5 into 2: the caller then has to see
// to it that no value has a fraction (CsvSurvey::has_fraction, FindBadValue). It is the fast way,
// taken where no column of another type can have a '.' either.
bool NeedsFractionCheck(const LoadPlan& plan);

// The COPY statement that writes `target`; it answers with the number of rows.
std::string LoadSql(const CsvSource& source, const LoadPlan& plan, const io::fs::path& target);

// The first value that is not of its column's type, as a sentence; empty: all are. The file has to
// be well-formed.
Result<std::string> FindBadValue(Session& session, const CsvSource& source, const LoadPlan& plan);

}  // namespace busker::deliver

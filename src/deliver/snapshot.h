// Writing a snapshot: the Parquet file of one delivery, held against the CSV file that it came
// from.
#pragma once

#include <unistd.h>

#include <utility>

#include "base/result.h"
#include "deliver/csv_load.h"
#include "deliver/duckdb_session.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

// A file that goes unless it is kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(io::fs::path path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const io::fs::path& path() const { return path_; }
  Result<void> Keep(const io::fs::path& name) {
    TRY(io::Rename(path_, name));
    path_.clear();
    return {};
  }

 private:
  io::fs::path path_;
};

// Writes the rows of the file to `target` and checks that every one arrived; the survey runs beside
// DuckDB's load. A plan that is a guess gets the types that all rows have; a column without values
// has the one of `table` then, or STRING. kInvalid names row, line and column of the first fault
// where it can.
Result<CsvSurvey> WriteSnapshot(Session& session, const CsvSource& source, LoadPlan& plan,
                                const std::vector<Column>& table, const io::fs::path& target);

// The same judgement of the whole file, for a warehouse that loads it itself.
Result<CsvSurvey> JudgeCsv(const CsvSource& source, LoadPlan& plan,
                           const std::vector<Column>& table);

// Why a load failed with `otherwise`: the first malformed record or bad value, else that itself.
tl::unexpected<Error> Explain(const CsvSource& source, const LoadPlan& plan, Error otherwise);

// The digest of a file, read while the system makes it durable.
Result<io::FileDigest> SyncAndDigest(const io::fs::path& path);

}  // namespace busker::deliver

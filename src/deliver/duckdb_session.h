// A DuckDB database that is open in this process, and the writing of SQL for it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deliver/duckdb_library.h"
#include "deliver/warehouse.h"
#include "io/file.h"

namespace busker::deliver {

// The two ways for text from outside to get into SQL.
std::string QuoteName(std::string_view name);     // "a""b"
std::string QuoteLiteral(std::string_view text);  // 'it''s'

// A path as DuckDB's table functions take it, without being a pattern: 'a[*]b', quoted.
std::string QuotePath(const io::fs::path& path);

// The values of one column in some rows of an answer.
class ColumnChunk {
 public:
  ColumnChunk(const void* data, const std::uint64_t* validity) : data_(data), validity_(validity) {}

  bool Has(std::uint64_t row) const {  // false: NULL
    return validity_ == nullptr || ((validity_[row / 64] >> (row % 64)) & 1) != 0;
  }
  // Of a column of this type.
  std::int64_t Bigint(std::uint64_t row) const {
    return static_cast<const std::int64_t*>(data_)[row];
  }
  double Double(std::uint64_t row) const { return static_cast<const double*>(data_)[row]; }
  bool Boolean(std::uint64_t row) const {
    return static_cast<const std::uint8_t*>(data_)[row] != 0;
  }
  std::string_view Varchar(std::uint64_t row) const;

 private:
  const void* data_;
  const std::uint64_t* validity_;
};

// One connection to one database. Not for several threads at once; DuckDB has threads of its own.
// Its time zone is UTC: neither what is read nor what is shown depends on TZ.
class Session {
 public:
  // Opens the database file `path` (empty: in memory). Nothing is fetched from the network, and
  // what does not fit into memory spills into `spill_folder` (created when needed).
  static Result<Session> Open(const DuckdbLibrary& duckdb, const io::fs::path& path,
                              const io::fs::path& spill_folder);
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  using Cell = std::optional<std::string>;  // nullopt: NULL
  using Table = std::vector<std::vector<Cell>>;

  // Runs one or more statements and returns the rows of the last. Its columns have to be VARCHAR,
  // BIGINT or BOOLEAN: cast the others. A full disk or memory is kTemporary, other errors kFailed.
  Result<Table> Run(const std::string& sql);

  // Hands the rows of one SELECT to `take`, some at a time and in their order, without keeping all
  // of them in memory. Its columns have to be VARCHAR, BIGINT, BOOLEAN or DOUBLE.
  using Take =
      std::function<Result<void>(std::uint64_t rows, std::span<const ColumnChunk> columns)>;
  Result<void> Stream(const std::string& sql, const Take& take);

  // What one statement that only reads answers; any other statement is kInvalid and is not run.
  // Call Seal first. At most `rows_max` rows.
  Result<Answer> Ask(const std::string& sql, std::uint64_t rows_max);

  // From now on this session opens no file but `readable`, loads nothing and keeps these settings.
  Result<void> Seal(const std::vector<io::fs::path>& readable);

 private:
  explicit Session(const DuckdbLibrary& duckdb) : duckdb_(duckdb) {}

  const DuckdbLibrary& duckdb_;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

}  // namespace busker::deliver

// A thin layer over SQLite's C interface: errors as values, statements that clean up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace busker::record {

class Statement;

class Database {
 public:
  // `create`: make the file when it is missing.
  static Result<Database> Open(const std::string& path, bool create);

  Result<void> Execute(const char* sql);  // statements without parameters or rows
  Result<Statement> Prepare(std::string_view sql);
  std::int64_t changes() const;  // rows changed by the last statement

  // The error that SQLite reports now, as kTemporary (busy, full), kUnusable (corrupt, no database)
  // or kFailed.
  tl::unexpected<Error> LastError(std::string_view doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

// One prepared statement. Bind in order, then Step for each row, then read columns by index.
class Statement {
 public:
  Statement& Bind(std::string_view text);
  Statement& Bind(std::int64_t number);
  Statement& Bind(std::optional<std::int64_t> number);

  Result<bool> Step();  // true: a row is there
  Result<void> Run();   // to the end, rows ignored
  void Reset();         // for another round of Bind and Step

  std::string Text(int column) const;
  std::int64_t Integer(int column) const;
  std::optional<std::int64_t> MaybeInteger(int column) const;

 private:
  friend class Database;
  Statement(const Database& database, sqlite3_stmt* handle)
      : database_(&database), handle_(handle) {}
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bound_ = 0;
};

// BEGIN IMMEDIATE ... COMMIT; rolled back unless Commit was called and succeeded.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace busker::record

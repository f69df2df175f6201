// A thin layer over SQLite's C interface: errors as values, statements that clean up and are kept
// for the next time. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace busker::record {

class Statement;

class Database {
 public:
  // `create`: make the file when it is missing.
  static Result<Database> Open(const std::string& path, bool create);
  // To read a file that nobody writes, where nothing can be written beside it.
  static Result<Database> OpenUnchanging(const std::string& path);

  Result<void> Execute(const char* sql);  // statements without parameters or rows
  // The statement, compiled once and kept: its text is to be one of few.
  Result<Statement> Prepare(std::string_view sql);
  std::int64_t changes() const;  // rows changed by the last statement
  bool in_transaction() const;

  // From now on its end leaves the log beside the file as it is; else the last to close moves it
  // into the file and removes it, which waits for the disk four times.
  void KeepLog();

  // Pages that it keeps of the file, and that nothing uses now, go.
  void ReleaseMemory();

  // The error that SQLite reports now: kTemporary (busy, full), kUnusable (corrupt, no database),
  // kNotFound (no file) or kFailed.
  tl::unexpected<Error> LastError(std::string_view doing) const;

  sqlite3* handle() const { return handle_.get(); }
  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  struct Kept {
    std::unique_ptr<sqlite3_stmt, Finalize> handle;
    bool in_use = false;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
  std::unordered_map<std::string, Kept, TextHash, std::equal_to<>> kept_;
};

// One prepared statement. Bind in order, then Step for each row, then read columns by index.
// It is to end before its Database does.
class Statement {
 public:
  Statement(Statement&& other) noexcept
      : database_(other.database_),
        kept_(std::exchange(other.kept_, nullptr)),
        own_(std::move(other.own_)),
        handle_(std::exchange(other.handle_, nullptr)),
        bound_(other.bound_) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Texts are not copied: they are to stay as they are until the last Step.
  Statement& Bind(std::string_view text);
  Statement& Bind(const std::string& text) { return Bind(std::string_view(text)); }
  Statement& Bind(const char* text) { return Bind(std::string_view(text)); }
  Statement& Bind(std::string&&) = delete;
  Statement& BindBytes(std::string_view bytes);
  Statement& Bind(std::int64_t number);
  Statement& Bind(int number) { return Bind(std::int64_t(number)); }
  Statement& Bind(bool flag) { return Bind(std::int64_t(flag ? 1 : 0)); }
  Statement& Bind(std::uint64_t number) { return Bind(static_cast<std::int64_t>(number)); }
  Statement& Bind(Instant instant) {
    return Bind(std::int64_t(instant.time_since_epoch().count()));
  }
  Statement& Bind(Milliseconds duration) { return Bind(std::int64_t(duration.count())); }
  template <typename T>
  Statement& Bind(const std::optional<T>& value) {
    return value ? Bind(*value) : BindNull();
  }
  Statement& BindNull();

  Result<bool> Step();  // true: a row is there
  Result<void> Run();   // to the end, rows ignored
  void Reset();         // for another round of Bind and Step

  std::string Text(int column) const;
  std::string_view View(int column) const;  // until the next Step
  std::string_view Bytes(int column) const;
  std::int64_t Integer(int column) const;
  int Int(int column) const { return static_cast<int>(Integer(column)); }
  bool Flag(int column) const { return Integer(column) != 0; }
  bool IsNull(int column) const;
  Instant Time(int column) const { return Instant(Milliseconds(Integer(column))); }
  std::optional<Instant> MaybeTime(int column) const;

 private:
  friend class Database;
  Statement(const Database& database, Database::Kept* kept, sqlite3_stmt* handle)
      : database_(&database), kept_(kept), handle_(handle) {}

  const Database* database_;
  Database::Kept* kept_;  // where it goes back to; none: it is this object's own
  std::unique_ptr<sqlite3_stmt, Database::Finalize> own_;
  sqlite3_stmt* handle_;
  int bound_ = 0;
};

// While it lives, all statements read one state of the database, whatever others write meanwhile.
class Snapshot {
 public:
  static Result<Snapshot> Take(Database& database);
  Snapshot(Snapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(Database& database) : database_(&database) {}
  Database* database_;
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

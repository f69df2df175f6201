#include "record/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace busker::record {
namespace {

constexpr int kBusyMilliseconds = 10'000;

ErrorKind KindOf(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorKind::kTemporary;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kUnusable;
    case SQLITE_CANTOPEN:
      return ErrorKind::kNotFound;
    default:
      return ErrorKind::kFailed;
  }
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Result<Database> Database::Open(const std::string& path, bool create) {
  Database database;
  database.path_ = path;
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.LastError("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

tl::unexpected<Error> Database::LastError(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  return Fail(KindOf(code),
              std::string(doing) + " the record " + path_ + ": " + sqlite3_errmsg(handle_.get()));
}

Result<void> Database::Execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError("write");
  }
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), 0,
                                      &handle, nullptr);
  if (code != SQLITE_OK) return LastError("read");
  return Statement(*this, handle);
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_.get()); }

Statement& Statement::Bind(std::string_view text) {
  // A null pointer would be bound as NULL; an empty text is a text.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(handle_.get(), ++bound_, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), ++bound_, number);
  return *this;
}

Statement& Statement::Bind(std::optional<std::int64_t> number) {
  if (number) return Bind(*number);
  sqlite3_bind_null(handle_.get(), ++bound_);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->LastError("use");
}

Result<void> Statement::Run() {
  for (;;) {
    TRY_ASSIGN(const bool row, Step());
    if (!row) return {};
  }
}

void Statement::Reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
  bound_ = 0;
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (text == nullptr) return {};
  return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::optional<std::int64_t> Statement::MaybeInteger(int column) const {
  if (sqlite3_column_type(handle_.get(), column) == SQLITE_NULL) return std::nullopt;
  return Integer(column);
}

Result<Transaction> Transaction::Begin(Database& database) {
  TRY(database.Execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->Execute("ROLLBACK");
}

Result<void> Transaction::Commit() {
  TRY(database_->Execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace busker::record

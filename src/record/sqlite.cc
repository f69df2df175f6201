#include "record/sqlite.h"

#include <sqlite3.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace busker::record {
namespace {

constexpr int kBusyMilliseconds = 10'000;

// SQLite does not keep what the system said of all its files, so the disk itself is asked, too.
bool IsFull(const std::string& path) {
  constexpr unsigned long long kPagesBytes = 64 << 10;
  struct statvfs disk {};
  if (statvfs(std::filesystem::path(path).parent_path().c_str(), &disk) != 0) return false;
  return 1ULL * disk.f_bavail * disk.f_frsize < kPagesBytes ||
         (disk.f_files > 0 && disk.f_favail == 0);
}

// Why SQLite could not write, when that passes as soon as there is room; else an empty text. Where
// a sync fails, what had been written may be gone: never that.
std::string_view WhyNoRoom(int code, int system_errno, const std::string& path) {
  const int primary = code & 0xFF;
  if (primary == SQLITE_FULL) return "the disk is full";
  if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) return "";
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return "";
  if (system_errno == EDQUOT) return "the disk quota is used up";
  return system_errno == ENOSPC || IsFull(path) ? "the disk is full" : "";
}

ErrorKind KindOf(int code, int system_errno) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return ErrorKind::kTemporary;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kUnusable;
    case SQLITE_CANTOPEN:
      return system_errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kFailed;
    default:
      return ErrorKind::kFailed;
  }
}

// Nobody asks how much memory SQLite has, and counting it takes a lock each time.
void CountNoMemory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Database::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Result<Database> Database::Open(const std::string& path, bool create) {
  CountNoMemory();
  Database database;
  database.path_ = path;
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.LastError("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

Result<Database> Database::OpenUnchanging(const std::string& path) {
  Database database;
  database.path_ = path;
  std::string uri = "file:";
  for (const char c : path) {  // what a URI gives a meaning
    if (c == '%' || c == '?' || c == '#') {
      uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    } else {
      uri += c;
    }
  }
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2((uri + "?immutable=1").c_str(), &handle,
                      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.LastError("open");
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

void Database::KeepLog() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Database::ReleaseMemory() { sqlite3_db_release_memory(handle_.get()); }

tl::unexpected<Error> Database::LastError(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  const int system_errno = sqlite3_system_errno(handle_.get());
  const std::string what = std::string(doing) + " the record " + path_ + ": ";
  const std::string_view full = WhyNoRoom(code, system_errno, path_);
  if (!full.empty()) return Temporary(what + std::string(full));
  return Fail(KindOf(code, system_errno), what + sqlite3_errmsg(handle_.get()));
}

Result<void> Database::Execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError("write");
  }
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) {
  auto found = kept_.find(sql);
  if (found != kept_.end() && !found->second.in_use) {
    found->second.in_use = true;
    return Statement(*this, &found->second, found->second.handle.get());
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return LastError("read");
  if (found != kept_.end()) {  // a second of the kind, while the first is in use
    Statement statement(*this, nullptr, handle);
    statement.own_.reset(handle);
    return statement;
  }
  Kept& kept = kept_[std::string(sql)];
  kept.handle.reset(handle);
  kept.in_use = true;
  return Statement(*this, &kept, handle);
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_.get()); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

Statement::~Statement() {
  if (handle_ == nullptr) return;
  Reset();
  if (kept_ != nullptr) kept_->in_use = false;
}

Statement& Statement::Bind(std::string_view text) {
  // A null pointer would be bound as NULL; an empty text is a text.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(handle_, ++bound_, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBytes(std::string_view bytes) {
  sqlite3_bind_blob64(handle_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::Bind(std::int64_t number) {
  sqlite3_bind_int64(handle_, ++bound_, number);
  return *this;
}

Statement& Statement::BindNull() {
  sqlite3_bind_null(handle_, ++bound_);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(handle_);
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
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = 0;
}

std::string_view Statement::View(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::string Statement::Text(int column) const { return std::string(View(column)); }

std::string_view Statement::Bytes(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::int64_t Statement::Integer(int column) const { return sqlite3_column_int64(handle_, column); }

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::optional<Instant> Statement::MaybeTime(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Time(column);
}

Result<Snapshot> Snapshot::Take(Database& database) {
  TRY(database.Execute("BEGIN DEFERRED"));
  return Snapshot(database);
}

Snapshot::~Snapshot() {
  if (database_ != nullptr && database_->in_transaction()) (void)database_->Execute("ROLLBACK");
}

Result<Transaction> Transaction::Begin(Database& database) {
  TRY_ASSIGN(Statement begin, database.Prepare("BEGIN IMMEDIATE"));
  TRY(begin.Run());
  return Transaction(database);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back already.
  if (database_ != nullptr && database_->in_transaction()) (void)database_->Execute("ROLLBACK");
}

Result<void> Transaction::Commit() {
  TRY_ASSIGN(Statement commit, database_->Prepare("COMMIT"));
  TRY(commit.Run());
  database_ = nullptr;
  return {};
}

}  // namespace busker::record

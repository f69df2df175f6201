#include "record/sqlite_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "record/migrate.h"
#include "record/schema.h"

namespace busker::record {
namespace {

namespace fs = std::filesystem;

constexpr off_t kLogBytes = 1010 * (4096 + 24);  // the pages between checkpoints, and a turn's
constexpr std::size_t kZerosBytes = 1u << 18;

Result<std::int64_t> Pragma(Database& database, const char* name) {
  TRY_ASSIGN(Statement row, database.Prepare(fmt::format("PRAGMA {}", name)));
  TRY(row.Step());
  return row.Integer(0);
}

Result<bool> IsEmpty(Database& database) {
  TRY_ASSIGN(Statement row, database.Prepare("SELECT count(*) FROM sqlite_schema"));
  TRY(row.Step());
  return row.Integer(0) == 0;
}

// What a file says that it is, as of one moment: another process may be laying it out.
struct Facts {
  std::int64_t application = 0, version = 0;
  bool is_empty = true;

  bool IsOurs() const { return application == kApplicationId && version >= 1; }
};

Result<Facts> LookAt(Database& database) {
  TRY(database.Execute("BEGIN"));
  const auto look = [&]() -> Result<Facts> {
    Facts facts;
    TRY_ASSIGN(facts.is_empty, IsEmpty(database));  // from here on all is as it is now
    TRY_ASSIGN(facts.application, Pragma(database, "application_id"));
    TRY_ASSIGN(facts.version, Pragma(database, "user_version"));
    return facts;
  };
  auto facts = look();
  TRY(database.Execute("COMMIT"));
  return facts;
}

// A record that is being laid out by another process is empty for a moment.
Result<Facts> LookAtOnceLaidOut(Database& database) {
  constexpr auto kPause = std::chrono::milliseconds(20);
  constexpr int kLooks = 50;
  TRY_ASSIGN(Facts facts, LookAt(database));
  for (int look = 1; look < kLooks && facts.is_empty; ++look) {
    std::this_thread::sleep_for(kPause);
    TRY_ASSIGN(facts, LookAt(database));
  }
  return facts;
}

// Lays out a new record; leaves one that is there as it is, unless it is not ours to use.
Result<void> LayOut(Database& database, const std::string& path) {
  // A new record can have a page already: SQLite writes one when it is set to WAL.
  TRY_ASSIGN(const Facts facts, LookAt(database));
  if (facts.IsOurs() && facts.version == kSchemaVersion) return {};  // another process was faster
  if (facts.application != 0 || facts.version != 0 || !facts.is_empty) {
    return Unusable(fmt::format("{} is not a record of Busker's; nothing was changed", path));
  }
  TRY(database.Execute("PRAGMA journal_mode = WAL"));
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY_ASSIGN(const std::int64_t again, Pragma(database, "user_version"));
  TRY_ASSIGN(const bool still_empty, IsEmpty(database));
  if (again == kSchemaVersion) return {};  // another process was faster
  if (!still_empty) return Unusable(path + " is being used by another program");
  TRY(database.Execute(kSchema));
  TRY(database.Execute(kIndicesOfVersion3));
  TRY(database.Execute(kIndicesOfVersion7));
  TRY(database.Execute(kLeadOfVersion7));
  TRY(database.Execute(kIndicesOfVersion9));
  TRY(database.Execute(kIndicesOfVersion10));
  TRY(database.Execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  TRY(database.Execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str()));
  return transaction.Commit();
}

// Anything else would be opened, waited for, or made where a link points.
Result<void> CheckFile(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return {};
  if (stat(path.c_str(), &info) != 0 && errno == ENOENT) {
    return Unusable(fmt::format("the record {} is a link to what is not there", path));
  }
  if (S_ISREG(info.st_mode)) return {};
  return Unusable(fmt::format("the record {} is {}", path,
                              S_ISDIR(info.st_mode) ? "a folder" : "not a regular file"));
}

// What a record cannot be without: of one that is damaged the version can be there and tables not.
Result<void> CheckTables(Database& database, const std::string& path) {
  constexpr const char* kTables[] = {"runs",    "tasks",  "orders", "attempts", "graphs",
                                     "notices", "events", "chain",  "lead"};
  TRY_ASSIGN(Statement row, database.Prepare("SELECT count(*) FROM sqlite_schema WHERE type = "
                                             "'table' AND name = ?"));
  for (const char* const table : kTables) {
    TRY(row.Bind(table).Step());
    if (row.Integer(0) == 0) {
      return Unusable(fmt::format("the record {} has lost its table {}; restore it from a backup",
                                  path, table));
    }
    row.Reset();
  }
  return {};
}

bool IsReadOnly(const std::string& path) {
  return access(fs::path(path).parent_path().c_str(), W_OK) != 0 && errno == EROFS;
}

// On a file system that nobody can write, SQLite cannot make the files that it shares with other
// processes. What is in the log and not yet in the file is there only with the log: then both are
// looked at in a copy that is removed again.
Result<Database> OpenReadOnly(const std::string& path) {
  std::error_code error;
  if (fs::file_size(path + "-wal", error) == 0 || error) return Database::OpenUnchanging(path);
  std::string folder = (fs::temp_directory_path(error) / "busker-record-XXXXXX").string();
  if (error || mkdtemp(folder.data()) == nullptr) return SystemError("make " + folder, errno);
  const std::string copy = folder + "/busker.db";
  fs::copy_file(path, copy, error);
  if (!error) fs::copy_file(path + "-wal", copy + "-wal", error);
  auto opened = error ? SystemError("copy the record to " + folder, error.value())
                      : Database::Open(copy, false);
  if (opened) {  // so that all of its files are there
    if (auto begun = opened->Execute("SELECT count(*) FROM sqlite_schema"); !begun) {
      opened = tl::unexpected(begun.error());
    }
  }
  fs::remove_all(folder, error);  // they stay for who has them open
  return opened;
}

Result<Database> OpenFile(const std::string& path, bool create) {
  TRY(CheckFile(path));
  if (!create && IsReadOnly(path)) return OpenReadOnly(path);
  const mode_t before = umask(0077);  // orders hold what the service passes to its program
  auto opened = Database::Open(path, create);
  umask(before);
  return opened;
}

// The file, with the tables of this version in it.
Result<Database> OpenCurrent(const std::string& path, bool create) {
  TRY_ASSIGN(Database database, OpenFile(path, create));
  TRY_ASSIGN(const Facts facts, create ? LookAt(database) : LookAtOnceLaidOut(database));
  const std::int64_t version = facts.version;
  if (facts.IsOurs() && version > kSchemaVersion) {
    return Unusable(
        fmt::format("the record {} was written by a newer Busker (its schema is {}, "
                    "this program knows {}); nothing was changed",
                    path, version, kSchemaVersion));
  }
  if (facts.IsOurs() && version < kSchemaVersion) {
    { const Database closed = std::move(database); }  // the migration wants the file for itself
    TRY(Migrate(path));
    return OpenFile(path, false);
  }
  if (facts.IsOurs()) {
    TRY(CheckTables(database, path));
    return database;
  }
  if (facts.is_empty && !create) {
    return Unusable(fmt::format("the record {} is empty; restore it from a backup", path));
  }
  TRY(LayOut(database, path));
  return database;
}

// SQLite writes its log from the start again after each checkpoint, every 1,000 pages, and ends
// reading where a checksum is wrong: zeros behind its end are as good as old pages. They are
// written under the write lock, so that nobody makes the log longer meanwhile.
Result<void> ReserveLog(Database& database) {
  TRY_ASSIGN(const Transaction alone, Transaction::Begin(database));
  const struct File {
    int fd;
    ~File() {
      if (fd >= 0) close(fd);
    }
  } log{open((database.path() + "-wal").c_str(), O_WRONLY | O_CLOEXEC)};
  if (log.fd < 0) return SystemError("open the log", errno);
  struct stat status {};
  if (fstat(log.fd, &status) != 0) return SystemError("look at the log", errno);
  const std::string zeros(kZerosBytes, '\0');
  for (off_t at = status.st_size; at < kLogBytes;) {
    const auto count =
        std::min<std::size_t>(zeros.size(), static_cast<std::size_t>(kLogBytes - at));
    const ssize_t written = pwrite(log.fd, zeros.data(), count, at);
    if (written < 0 && errno != EINTR) return SystemError("make room for the log", errno);
    at += std::max<ssize_t>(written, 0);
  }
  if (fdatasync(log.fd) != 0) return SystemError("make room for the log", errno);
  return {};
}

}  // namespace

Result<Database> OpenRecordFile(const std::string& path, bool create, bool stays) {
  TRY_ASSIGN(Database database, OpenCurrent(path, create));
  // A turn of 10,000 runs fits into the cache; the log that it leaves is cut again.
  if (path != ":memory:" && IsReadOnly(path)) return database;
  TRY(
      database.Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                       "PRAGMA cache_size = -64000; PRAGMA journal_size_limit = 67108864"));
  if (stays) {
    (void)ReserveLog(database);  // it goes without, only slower
  } else {
    // The next one reads it: 1.5 us a page, of which there are a thousand between two checkpoints.
    database.KeepLog();
  }
  return database;
}

}  // namespace busker::record

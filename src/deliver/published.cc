#include "deliver/published.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "io/digest.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

constexpr std::string_view kDatabase = "warehouse.duckdb";
constexpr std::string_view kDatabases = ".catalogues";  // what warehouses have on disk
constexpr auto kKeepReplaced =
    std::chrono::hours(1);  // for readers between following a link and opening

// Where warehouse.duckdb has to point: another name for each state of any table, and for each
// place of the warehouse, as the views have absolute paths in them.
std::string DatabaseTarget(const fs::path& warehouse, const Tables& tables) {
  std::string text = "2\n" + warehouse.string() + "\n";
  for (const Table& table : tables.tables) {
    text += fmt::format("{} {}\n", table.log.table(), table.state.number);
  }
  for (const DamagedTable& damaged : tables.damaged) text += damaged.table + " is damaged\n";
  return fmt::format("{}/{}.duckdb", kDatabases, io::Sha256Of(text).substr(0, 32));
}

std::string SnapshotTarget(std::uint64_t number) { return fmt::format("snapshots/{:08}", number); }

// Where a link points; empty when it is none, or when its target is gone.
std::string LivingTarget(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  if (error || !fs::exists(link, error)) return "";
  return target.string();
}

// Whether a file begins as DuckDB's do: an empty one, or text, is no database at a glance.
bool LooksLikeDatabase(const fs::path& path) {
  constexpr std::uint64_t kHeaderBytes = 3 * 4096;
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) < kHeaderBytes) return false;
  char begin[12] = {};
  const auto fd = io::Open(path, O_RDONLY | O_NONBLOCK);
  return fd && ::pread(fd->get(), begin, sizeof begin, 0) == sizeof begin &&
         std::string_view(begin + 8, 4) == "DUCK";
}

Result<void> SwapLink(const fs::path& link, const std::string& target) {
  std::error_code error;
  // The hour of what is replaced begins now.
  const fs::path before = link.parent_path() / LivingTarget(link);
  if (before != link.parent_path() / "")
    fs::last_write_time(before, fs::file_time_type::clock::now(), error);
  const fs::path temporary = io::TemporaryPath(link.parent_path(), link.filename().string());
  if (::symlink(target.c_str(), temporary.c_str()) != 0)
    return SystemError("link " + link.string(), errno);
  auto swapped = io::Rename(temporary, link);
  if (!swapped) ::unlink(temporary.c_str());
  return swapped;
}

// Removes what no link points to and what is left from a process that died. Failing is no harm: the
// next publication tries again.
void RemoveReplaced(const fs::path& folder, const std::string& keep) {
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(keep)) continue;  // also its write-ahead log
    std::error_code gone;
    const auto changed = entry->last_write_time(gone);
    if (!gone && now - changed > kKeepReplaced) old.push_back(entry->path());
  }
  for (const fs::path& path : old) fs::remove_all(path, error);
}

// Whether the folder `current` has the table's parts and nothing else.
bool HasParts(const Table& table) {
  const fs::path current = table.log.folder() / "current";
  std::error_code error;
  for (fs::directory_iterator entry(current, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_part =
        std::any_of(table.state.parts.begin(), table.state.parts.end(),
                    [&](const Part& part) { return part.delivery + ".parquet" == name; });
    if (!is_part) return false;
  }
  if (error) return false;
  for (const Part& part : table.state.parts) {
    const fs::path path = table.log.PartPath(part.delivery);
    std::error_code gone;  // a part that is gone is another fault, and may be there alone
    if (!fs::exists(path, gone)) continue;
    if (!fs::equivalent(path, current / path.filename(), error) || error) return false;
  }
  return true;
}

// `current`, a folder with the table's parts; none for a table without.
Result<void> PublishSnapshot(const Table& table) {
  const fs::path folder = table.log.folder();
  const fs::path link = folder / "current";
  if (table.state.parts.empty()) {
    std::error_code error;
    fs::remove(link, error);
    return {};
  }
  const std::string target = SnapshotTarget(table.state.number);
  TRY(io::MakeFolders(folder / "snapshots"));
  const fs::path temporary = io::TemporaryPath(folder / "snapshots", "snapshot");
  TRY(io::MakeFolders(temporary));
  for (const Part& part : table.state.parts) {
    const fs::path to = temporary / (part.delivery + ".parquet");
    const fs::path from = table.log.PartPath(part.delivery);
    std::error_code gone;
    if (!fs::is_regular_file(from, gone)) continue;  // readers are told by the view
    if (::link(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
      auto error = SystemError("link " + to.string(), errno);
      (void)io::RemoveTree(temporary);
      return error;
    }
  }
  TRY(io::SyncFolder(temporary));
  TRY(io::RemoveTree(folder / target));  // of a publication that died before the swap
  TRY(io::Rename(temporary, folder / target));
  TRY(SwapLink(link, target));
  RemoveReplaced(folder / "snapshots", fs::path(target).filename().string());
  return {};
}

Result<void> PublishDatabase(const fs::path& warehouse, const std::string& target, Tables& tables,
                             const OpenSession& open) {
  const fs::path folder = warehouse / kDatabases;
  TRY(io::MakeFolders(folder));
  const fs::path temporary = io::TemporaryPath(folder, "database");
  const auto build = [&]() -> Result<void> {
    TRY_ASSIGN(Session session, open(temporary));
    TRY(CreateViews(session, tables));
    TRY(session.Run("CHECKPOINT"));
    return {};
  };
  auto built = build();
  if (built) built = io::Rename(temporary, warehouse / target);
  if (!built) {
    ::unlink(temporary.c_str());
    ::unlink((temporary.string() + ".wal").c_str());
    return built;
  }
  TRY(SwapLink(warehouse / kDatabase, target));
  // DuckDB before 1.5 keeps its write-ahead log beside the link, where it would be taken for the
  // new database's.
  ::unlink((warehouse / (std::string(kDatabase) + ".wal")).c_str());
  RemoveReplaced(folder, fs::path(target).filename().string());
  return {};
}

// What DuckDB calls the type of a column.
std::string_view DuckdbType(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes{{
      {"BYTES", "BLOB"},
      {"BOOL", "BOOLEAN"},
      {"INT64", "BIGINT"},
      {"FLOAT64", "DOUBLE"},
      {"NUMERIC", "DECIMAL(38, 9)"},
      {"BIGNUMERIC", "DECIMAL(38, 18)"},
      {"DATETIME", "TIMESTAMP"},
      {"TIMESTAMP", "TIMESTAMPTZ"},
  }};
  for (const auto& [name, duckdb] : kTypes) {
    if (name == type) return duckdb;
  }
  return type == "DATE" || type == "TIME" ? type : "VARCHAR";
}

std::string Sentence(const DamagedTable& damaged) {
  return "table " + damaged.table + " cannot be read: " + damaged.why;
}

// A view that has the table's columns, and fails with the reason when a row of it is asked for.
std::string RefusingView(const Table* table, const DamagedTable& damaged) {
  std::string columns;
  for (const Column& column : table != nullptr ? table->state.columns : std::vector<Column>()) {
    columns += fmt::format("{}CAST(NULL AS {}) AS {}", columns.empty() ? "" : ", ",
                           DuckdbType(column.type), QuoteName(column.name));
  }
  if (columns.empty()) columns = "NULL AS damaged";
  return fmt::format("SELECT {} WHERE error({}) IS NULL", columns, QuoteLiteral(Sentence(damaged)));
}

Result<void> CreateView(Session& session, const std::string& table, const std::string& sql) {
  const auto dot = table.find('.');
  const std::string schema = QuoteName(table.substr(0, dot));
  TRY(session.Run("CREATE SCHEMA IF NOT EXISTS " + schema + "; CREATE VIEW " + schema + "." +
                  QuoteName(table.substr(dot + 1)) + " AS " + sql));
  return {};
}

std::string ReadingView(const Table& table) {
  std::string columns;
  for (const Column& column : table.state.columns) {
    columns += (columns.empty() ? "" : ", ") + QuoteName(column.name);
  }
  std::string files;
  for (const Part& part : table.state.parts) {
    files += (files.empty() ? "" : ", ") + QuotePath(table.log.PartPath(part.delivery));
  }
  return "SELECT " + columns + " FROM read_parquet([" + files + "], hive_partitioning = false)";
}

Result<bool> IsPublished(const fs::path& warehouse, const Tables& tables) {
  if (tables.tables.empty() && tables.damaged.empty()) return true;
  if (LivingTarget(warehouse / kDatabase) != DatabaseTarget(warehouse, tables)) return false;
  if (!LooksLikeDatabase(warehouse / kDatabase)) return false;
  for (const Table& table : tables.tables) {
    const std::string target = LivingTarget(table.log.folder() / "current");
    if (target != (table.state.parts.empty() ? "" : SnapshotTarget(table.state.number)))
      return false;
  }
  return true;
}

// The names of views and what they say, sorted.
Result<Session::Table> ViewsOf(Session& session) {
  return session.Run(
      "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY "
      "1");
}

// Why the database is not what it was made as; empty: it is. A copy is looked at, as a person may
// have it open, and may have made tables in it.
Result<std::string> DatabaseFault(const fs::path& warehouse, Tables tables,
                                  const OpenSession& open) {
  const fs::path copy = io::TemporaryPath(warehouse / kDatabases, "looked-at");
  std::error_code error;
  fs::copy_file(warehouse / kDatabase, copy, error);
  const auto look = [&]() -> Result<Session::Table> {
    TRY_ASSIGN(Session session, open(copy));
    return ViewsOf(session);
  };
  auto there = error ? Result<Session::Table>(SystemError("read it", error.value())) : look();
  fs::remove(copy, error);
  fs::remove(copy.string() + ".wal", error);
  if (!there && there.error().kind == ErrorKind::kTemporary) return tl::unexpected(there.error());
  if (!there) return "it cannot be opened";
  TRY_ASSIGN(Session session, open(""));
  TRY(CreateViews(session, tables));
  TRY_ASSIGN(const Session::Table wanted, ViewsOf(session));
  for (const auto& view : wanted) {
    if (std::find(there->begin(), there->end(), view) == there->end()) {
      return "its view " + view[0].value_or("") + " is not the one that it had";
    }
  }
  return std::string();
}

}  // namespace

bool Tables::IsDamaged(const std::string& table) const {
  return std::any_of(damaged.begin(), damaged.end(),
                     [&](const DamagedTable& d) { return d.table == table; });
}

Result<Tables> ReadTables(const fs::path& warehouse) {
  TRY_ASSIGN(std::vector<TableLog> logs, ListTables(warehouse));
  Tables all;
  for (TableLog& log : logs) {
    auto state = log.State();
    if (!state) {
      all.damaged.push_back({log.table(), state.error().message});
      continue;
    }
    if (state->number == 0) continue;
    for (const Part& part : state->parts) {
      const std::string fault = log.FaultOf(part);
      if (fault.empty()) continue;
      all.damaged.push_back({log.table(), fault});
      break;
    }
    all.tables.push_back({std::move(log), *std::move(state)});
  }
  return all;
}

Result<void> CreateViews(Session& session, Tables& tables) {
  for (const Table& table : tables.tables) {
    if (table.state.parts.empty() || tables.IsDamaged(table.log.table())) continue;
    auto created = CreateView(session, table.log.table(), ReadingView(table));
    if (created) continue;
    if (created.error().kind == ErrorKind::kTemporary) return created;
    tables.damaged.push_back({table.log.table(), created.error().message});
  }
  for (const DamagedTable& damaged : tables.damaged) {
    const auto table = std::find_if(tables.tables.begin(), tables.tables.end(),
                                    [&](const Table& t) { return t.log.table() == damaged.table; });
    TRY(CreateView(session, damaged.table,
                   RefusingView(table == tables.tables.end() ? nullptr : &*table, damaged)));
  }
  return {};
}

Result<bool> IsPublished(const fs::path& warehouse) {
  TRY_ASSIGN(const Tables tables, ReadTables(warehouse));
  return IsPublished(warehouse, tables);
}

Result<std::vector<DamagedTable>> Publish(const fs::path& warehouse, Milliseconds wait_max,
                                          const OpenSession& open) {
  TRY_ASSIGN(Tables tables, ReadTables(warehouse));
  TRY_ASSIGN(const bool published, IsPublished(warehouse, tables));
  if (published) return std::vector<DamagedTable>();
  const fs::path lock_path = warehouse / ".lock";
  std::optional<io::FileLock> lock;
  if (wait_max > Milliseconds(0)) {
    TRY_ASSIGN(lock, io::FileLock::Take(lock_path, wait_max));
  } else {
    TRY_ASSIGN(lock, io::FileLock::TryTake(lock_path));
    if (!lock) return std::vector<DamagedTable>();
  }
  TRY_ASSIGN(tables, ReadTables(warehouse));
  std::vector<DamagedTable> unpublished;
  for (const Table& table : tables.tables) {
    if (LivingTarget(table.log.folder() / "current") == SnapshotTarget(table.state.number))
      continue;
    auto snapshot = PublishSnapshot(table);
    if (snapshot) continue;
    if (snapshot.error().kind == ErrorKind::kTemporary) return tl::unexpected(snapshot.error());
    unpublished.push_back({table.log.table(), snapshot.error().message});
  }
  const std::string target = DatabaseTarget(warehouse, tables);
  if (LivingTarget(warehouse / kDatabase) == target && LooksLikeDatabase(warehouse / kDatabase)) {
    return unpublished;
  }
  TRY(PublishDatabase(warehouse, target, tables, open));
  return unpublished;
}

Result<std::vector<std::string>> MendPublished(const fs::path& warehouse, Milliseconds wait_max,
                                               const OpenSession& open) {
  std::vector<std::string> faults;
  TRY_ASSIGN(const io::FileLock lock, io::FileLock::Take(warehouse / ".lock", wait_max));
  TRY_ASSIGN(Tables tables, ReadTables(warehouse));
  if (tables.tables.empty() && tables.damaged.empty()) return faults;
  for (const Table& table : tables.tables) {
    const bool linked =
        !table.state.parts.empty() &&
        LivingTarget(table.log.folder() / "current") == SnapshotTarget(table.state.number);
    if (!linked || HasParts(table)) continue;
    TRY(PublishSnapshot(table));
    faults.push_back(fmt::format("the files in {} were not the table's; they are now",
                                 (table.log.folder() / "current").string()));
  }
  const std::string target = DatabaseTarget(warehouse, tables);
  if (LivingTarget(warehouse / kDatabase) != target) return faults;
  TRY_ASSIGN(const std::string fault, DatabaseFault(warehouse, tables, open));
  if (fault.empty()) return faults;
  TRY(PublishDatabase(warehouse, target, tables, open));
  faults.push_back(std::string(kDatabase) + " was damaged, and was made anew: " + fault);
  return faults;
}

}  // namespace busker::deliver

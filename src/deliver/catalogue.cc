#include "deliver/catalogue.h"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>

#include "base/text.h"
#include "io/digest.h"
#include "io/lock_wait.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

constexpr std::string_view kCatalogue = "warehouse.duckdb";
constexpr std::string_view kCatalogues = ".catalogues";
constexpr auto kKeepReplaced =
    std::chrono::hours(1);  // for readers between following a link and opening

struct Head {
  TableLog log;
  std::uint64_t number;
};

Result<std::vector<Head>> ReadHeads(const fs::path& warehouse) {
  TRY_ASSIGN(std::vector<TableLog> logs, ListTables(warehouse));
  std::vector<Head> heads;
  for (TableLog& log : logs) {
    TRY_ASSIGN(const std::uint64_t number, log.Head());
    if (number > 0) heads.push_back({std::move(log), number});
  }
  return heads;
}

// Where the catalogue link has to point: another name for each state of any table, and for each
// place of the warehouse, as the views have absolute paths in them.
std::string CatalogueTarget(const fs::path& warehouse, const std::vector<Head>& heads) {
  std::string text = "1\n" + warehouse.string() + "\n";
  for (const Head& head : heads) text += fmt::format("{} {}\n", head.log.table(), head.number);
  return fmt::format("{}/{}.duckdb", kCatalogues, io::Sha256Of(text).substr(0, 32));
}

std::string SnapshotTarget(std::uint64_t number) { return fmt::format("snapshots/{:08}", number); }

// Where a link points; empty when it is none, or when its target is gone.
std::string LivingTarget(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  if (error || !fs::exists(link, error)) return "";
  return target.string();
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

Result<void> PublishSnapshot(const Table& table) {
  const fs::path folder = table.log.folder();
  const fs::path link = folder / "current";
  const std::string target = SnapshotTarget(table.state.number);
  if (LivingTarget(link) == target) return {};
  TRY(io::MakeFolders(folder / "snapshots"));
  const fs::path temporary = io::TemporaryPath(folder / "snapshots", "snapshot");
  TRY(io::MakeFolders(temporary));
  for (const Part& part : table.state.parts) {
    const fs::path to = temporary / (part.delivery + ".parquet");
    if (::link(table.log.PartPath(part.delivery).c_str(), to.c_str()) != 0 && errno != ENOENT) {
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

Result<void> PublishCatalogue(const fs::path& warehouse, const std::string& target,
                              const std::vector<Table>& tables, const OpenSession& open) {
  const fs::path folder = warehouse / kCatalogues;
  TRY(io::MakeFolders(folder));
  const fs::path temporary = io::TemporaryPath(folder, "catalogue");
  const auto build = [&]() -> Result<void> {
    TRY_ASSIGN(Session session, open(temporary));
    TRY(CreateViews(session, tables));  // what cannot be read is Check's to tell
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
  TRY(SwapLink(warehouse / kCatalogue, target));
  // DuckDB before 1.5 keeps its write-ahead log beside the link, where it would be taken for the
  // new catalogue's.
  ::unlink((warehouse / (std::string(kCatalogue) + ".wal")).c_str());
  RemoveReplaced(folder, fs::path(target).filename().string());
  return {};
}

}  // namespace

Result<std::vector<Table>> ReadTables(const fs::path& warehouse) {
  TRY_ASSIGN(std::vector<TableLog> logs, ListTables(warehouse));
  std::vector<Table> tables;
  for (TableLog& log : logs) {
    TRY_ASSIGN(TableState state, log.State());
    if (!state.parts.empty()) tables.push_back({std::move(log), std::move(state)});
  }
  return tables;
}

Result<std::vector<std::string>> CreateViews(Session& session, const std::vector<Table>& tables) {
  std::vector<std::string> unreadable;
  for (const Table& table : tables) {
    const std::string& name = table.log.table();
    const auto dot = name.find('.');
    const std::string schema = QuoteName(name.substr(0, dot));
    std::string columns;
    for (const Column& column : table.state.columns) {
      columns += (columns.empty() ? "" : ", ") + QuoteName(column.name);
    }
    std::string files;
    for (const Part& part : table.state.parts) {
      files += (files.empty() ? "" : ", ") + QuotePath(table.log.PartPath(part.delivery));
    }
    auto created = session.Run("CREATE SCHEMA IF NOT EXISTS " + schema + "; CREATE VIEW " + schema +
                               "." + QuoteName(name.substr(dot + 1)) + " AS SELECT " + columns +
                               " FROM read_parquet([" + files + "], hive_partitioning = false)");
    if (created) continue;
    if (created.error().kind == ErrorKind::kTemporary)
      return tl::unexpected(std::move(created).error());
    unreadable.push_back("table " + name + " cannot be read: " + created.error().message);
  }
  return unreadable;
}

Result<bool> IsPublished(const fs::path& warehouse) {
  TRY_ASSIGN(const std::vector<Head> heads, ReadHeads(warehouse));
  if (heads.empty()) return true;
  if (LivingTarget(warehouse / kCatalogue) != CatalogueTarget(warehouse, heads)) return false;
  for (const Head& head : heads) {
    const std::string target = LivingTarget(head.log.folder() / "current");
    if (target == SnapshotTarget(head.number)) continue;
    TRY_ASSIGN(const TableState state, head.log.State());
    if (!state.parts.empty() || !target.empty()) return false;
  }
  return true;
}

Result<void> Publish(const fs::path& warehouse, Milliseconds wait_max, const OpenSession& open) {
  TRY_ASSIGN(const bool published, IsPublished(warehouse));
  if (published) return {};
  const fs::path lock_path = warehouse / ".lock";
  std::optional<io::FileLock> lock;
  if (wait_max > Milliseconds(0)) {
    TRY_ASSIGN(lock, io::WaitForLock(lock_path, wait_max));
  } else {
    TRY_ASSIGN(lock, io::FileLock::TryTake(lock_path));
    if (!lock) return {};
  }
  TRY_ASSIGN(const std::vector<Head> heads, ReadHeads(warehouse));
  std::vector<Table> tables;
  for (const Head& head : heads) {
    TRY_ASSIGN(TableState state, head.log.State());
    if (state.parts.empty()) {
      std::error_code error;
      fs::remove(head.log.folder() / "current", error);
    } else {
      tables.push_back({head.log, std::move(state)});
      TRY(PublishSnapshot(tables.back()));
    }
  }
  const std::string target = CatalogueTarget(warehouse, heads);
  if (LivingTarget(warehouse / kCatalogue) == target) return {};
  return PublishCatalogue(warehouse, target, tables, open);
}

}  // namespace busker::deliver

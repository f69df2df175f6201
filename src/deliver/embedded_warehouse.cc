// A delivery takes the table's lock, writes its part under a temporary name, holds it against the
// file's own count, syncs it, renames it, and commits by adding a change to the table's log. What
// readers open is then made anew (published.h); a process that dies before leaves that to the next.
#include "deliver/embedded_warehouse.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "deliver/csv_load.h"
#include "deliver/delivery_rules.h"
#include "deliver/duckdb_session.h"
#include "deliver/part_rows.h"
#include "deliver/published.h"
#include "deliver/row_index.h"
#include "deliver/snapshot.h"
#include "deliver/table_log.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/temporary_folder.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

constexpr Milliseconds kPublishWaitMax = std::chrono::minutes(1);

// ---- the warehouse

struct Loaded {
  CsvSurvey survey;
  io::FileDigest snapshot;
};

class EmbeddedWarehouse : public Warehouse {
 public:
  EmbeddedWarehouse(fs::path folder, fs::path library, Milliseconds wait_max)
      : folder_(std::move(folder)), library_path_(std::move(library)), wait_max_(wait_max) {}

  Result<Delivery> Deliver(const Request& request) override {
    auto delivery = DoDeliver(request);
    if (!delivery) {
      return Wrap(
          "deliver " + fs::path(request.source.key).filename().string() + " to " + request.table,
          std::move(delivery).error());
    }
    return delivery;
  }

  // Nobody else changes its files: there is nothing to force.
  Result<Delivery> Undo(const std::string& id, bool /*force*/) override {
    auto delivery = DoUndo(id);
    if (!delivery) return Wrap("undo delivery " + id, std::move(delivery).error());
    return delivery;
  }

  Result<std::vector<Delivery>> Deliveries(const std::string& table,
                                           std::vector<DamagedTable>* damaged) override;
  Result<Answer> Query(const std::string& sql, std::uint64_t rows_max) override;
  bool UndoLoadsFiles() const override { return false; }
  Result<std::vector<std::string>> Check() override;

 private:
  Result<Delivery> DoDeliver(const Request& request);
  Result<Delivery> DoUndo(const std::string& id);

  // The delivery of this id, when it is in a log. (A part may be there without: the rest of a
  // delivery that was killed.)
  struct Found {
    TableLog log;
    std::vector<Change> history;
    Delivery delivery;
  };
  Result<std::optional<Found>> Find(const std::string& id) const;

  Result<Loaded> LoadPart(const Request& request, const TableState& state, Session& session,
                          const CsvSource& source, std::vector<Column>& columns,
                          TemporaryFile& part) const;

  Result<io::FileLock> LockTable(const TableLog& log) const;
  Result<Session> OpenSession(const fs::path& database);  // empty: in memory
  Result<std::vector<DamagedTable>> PublishAll(bool wait) {
    const Milliseconds limit = wait ? std::min(wait_max_, kPublishWaitMax) : Milliseconds(0);
    return Publish(folder_, limit, [this](const fs::path& path) { return OpenSession(path); });
  }
  // What readers open shows the change of `table`, whatever is wrong with others.
  Result<void> PublishChange(const std::string& table);
  Result<std::vector<std::string>> MendAll() {
    return MendPublished(folder_, kPublishWaitMax,
                         [this](const fs::path& path) { return OpenSession(path); });
  }
  void CheckTable(const TableLog& log, const std::vector<Change>& history,
                  std::optional<Session>& session, std::vector<std::string>& faults);
  void CheckRows(const TableLog& log, const Change& change, Session& session,
                 std::vector<std::string>& faults);
  Result<void> RemakeRows(const TableLog& log, const Change& change, Session& session);

  fs::path folder_;
  fs::path library_path_;
  Milliseconds wait_max_;
  std::optional<DuckdbLibrary> library_;
};

Result<Session> EmbeddedWarehouse::OpenSession(const fs::path& database) {
  if (!library_) {
    TRY_ASSIGN(library_, OpenDuckdbLibrary(library_path_));
  }
  return Session::Open(*library_, database, folder_ / ".spill");
}

Result<io::FileLock> EmbeddedWarehouse::LockTable(const TableLog& log) const {
  auto lock = io::FileLock::Take(log.folder() / ".lock", wait_max_);
  if (!lock && lock.error().kind == ErrorKind::kTimedOut) {
    return Temporary("another delivery to the table has been going on for " +
                     FormatDuration(wait_max_) + "; try again when it has ended");
  }
  return lock;
}

Result<void> EmbeddedWarehouse::PublishChange(const std::string& table) {
  TRY_ASSIGN(const std::vector<DamagedTable> unpublished, PublishAll(/*wait=*/true));
  for (const DamagedTable& other : unpublished) {
    if (other.table == table) return Failed(other.why);
  }
  return {};
}

Result<std::optional<EmbeddedWarehouse::Found>> EmbeddedWarehouse::Find(
    const std::string& id) const {
  if (!IsDeliveryId(id)) return std::nullopt;
  TRY_ASSIGN(std::vector<TableLog> logs, ListTables(folder_));
  for (TableLog& log : logs) {
    std::error_code error;
    if (!fs::exists(log.PartPath(id), error)) continue;
    TRY_ASSIGN(std::vector<Change> history, log.History());
    for (Delivery& delivery : DeliveriesOf(history)) {
      if (delivery.id == id) return Found{std::move(log), std::move(history), std::move(delivery)};
    }
  }
  return std::nullopt;
}

// Columns of which only the names are known.
std::vector<Column> Untyped(const std::vector<std::string>& names) {
  std::vector<Column> columns;
  for (const std::string& name : names) columns.push_back({name, ""});
  return columns;
}

Result<Loaded> EmbeddedWarehouse::LoadPart(const Request& request, const TableState& state,
                                           Session& session, const CsvSource& source,
                                           std::vector<Column>& columns,
                                           TemporaryFile& part) const {
  TRY_ASSIGN(LoadPlan plan, PlanOf(request, source, state));
  TRY(CheckKey(request.key, plan.guess ? Untyped(source.header.names) : plan.columns));
  const std::vector<Column> known = state.parts.empty() ? std::vector<Column>() : state.columns;
  auto survey = WriteSnapshot(session, source, plan, known, part.path());
  if (!survey) return tl::unexpected(std::move(survey).error());
  TRY(CheckSurvey(request, *survey));
  columns = ColumnsOf(plan);
  TRY_ASSIGN(io::FileDigest snapshot, SyncAndDigest(part.path()));
  return Loaded{*std::move(survey), std::move(snapshot)};
}

// A table's temporary files are from deliveries that died, for whoever holds its lock.
void RemoveTemporaries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(".tmp-")) left.push_back(entry->path());
  }
  for (const fs::path& path : left) fs::remove_all(path, error);
}

Result<Delivery> EmbeddedWarehouse::DoDeliver(const Request& unchecked) {
  TRY_ASSIGN(const Request request, Checked(unchecked));
  const TableLog log(folder_, request.table);
  TRY(io::MakeFolders(log.folder() / "parts"));
  TRY(io::MakeFolders(log.folder() / "log"));
  TRY_ASSIGN(const io::FileLock lock, LockTable(log));

  TRY_ASSIGN(std::optional<Found> found, Find(request.id));
  if (found) TRY(CheckRepeated(request, found->delivery));
  if (found) {
    TRY(PublishChange(request.table));
    return std::move(found->delivery);
  }

  TRY_ASSIGN(const TableState state, log.State());
  TRY(CheckOrder(request, state));
  TRY(CheckPartitioned(request, state));
  RemoveTemporaries(log.folder() / "parts");
  RemoveTemporaries(log.folder() / "log");
  const io::TemporaryFolder copies(io::TemporaryPath(log.folder() / "parts", "source"));
  TRY_ASSIGN(const fs::path file, request.source.store->LocalPath(request.source.key, copies.path(),
                                                                  artifact::ForFiles()));
  TRY_ASSIGN(const CsvSource source, OpenCsv(file));
  TRY_ASSIGN(Session session, OpenSession(""));
  TemporaryFile part(io::TemporaryPath(log.folder() / "parts", "part"));
  std::vector<Column> columns;
  TRY_ASSIGN(const Loaded loaded, LoadPart(request, state, session, source, columns, part));

  TemporaryFile rows(io::TemporaryPath(log.folder() / "parts", "rows"));
  std::optional<KeyedRows> keyed;
  if (!request.key.empty()) {
    const PartToKey to_key{part.path(), request.id, columns, request.key, loaded.survey.records};
    TRY_ASSIGN(const io::FileDigest digest, WriteRowsByKey(session, to_key, rows.path()));
    keyed = {request.key,     request.max_age,       digest.size_bytes, digest.sha256,
             request.service, request.model_version, request.data_date};
  }

  Change change = ChangeOf(request, state, columns, loaded.survey);
  change.added.front().size_bytes = loaded.snapshot.size_bytes;
  change.added.front().sha256 = loaded.snapshot.sha256;
  change.added.front().keyed = keyed;
  change.delivery.snapshot_sha256 = loaded.snapshot.sha256;
  change.snapshot_size_bytes = loaded.snapshot.size_bytes;
  Delivery delivery = change.delivery;

  TRY(part.Keep(log.PartPath(request.id)));
  if (keyed) TRY(rows.Keep(log.RowsPath(request.id)));
  TRY(log.Append(state, change));  // from here on it is delivered
  if (auto published = PublishChange(request.table); !published) {
    return Wrap(
        "the table has it, but warehouse.duckdb still shows the state before; deliver again or ask "
        "a query to renew it",
        std::move(published).error());
  }
  return delivery;
}

Result<Delivery> EmbeddedWarehouse::DoUndo(const std::string& id) {
  TRY_ASSIGN(std::optional<Found> found, Find(id));
  if (!found) return NotFound("no such delivery");
  TRY_ASSIGN(const io::FileLock lock, LockTable(found->log));
  TRY_ASSIGN(found, Find(id));  // as it is now that nobody else changes it
  if (!found) return NotFound("no such delivery");
  const TableLog& log = found->log;
  TRY_ASSIGN(const Change undo, UndoOf(found->history, id));
  TableState state;
  for (const Change& change : found->history) state = Follow(std::move(state), change);
  const TableState after = Follow(state, undo);
  TRY(log.Append(state, undo));  // from here on it is undone; whoever has the links renews them
  if (auto published = PublishChange(log.table());
      !published && published.error().kind != ErrorKind::kTimedOut) {
    return Wrap(
        "it is undone, but warehouse.duckdb still shows the state before; a query renews it",
        std::move(published).error());
  }
  return Undone(std::move(found->delivery), undo, after);
}

Result<std::vector<Delivery>> EmbeddedWarehouse::Deliveries(const std::string& table,
                                                            std::vector<DamagedTable>* damaged) {
  TRY_ASSIGN(const std::vector<TableLog> logs, ListTables(folder_));
  std::vector<Delivery> all;
  for (const TableLog& log : logs) {
    if (!table.empty() && log.table() != table) continue;
    const auto history = log.History();
    if (!history && damaged == nullptr) return tl::unexpected(history.error());
    if (!history) {
      damaged->push_back({log.table(), history.error().message});
      continue;
    }
    for (Delivery& delivery : DeliveriesOf(*history)) all.push_back(std::move(delivery));
  }
  std::stable_sort(all.begin(), all.end(), [](const Delivery& a, const Delivery& b) {
    return a.delivered_at < b.delivered_at;
  });
  return all;
}

Result<Answer> EmbeddedWarehouse::Query(const std::string& sql, std::uint64_t rows_max) {
  TRY_ASSIGN(Tables tables, ReadTables(folder_));
  // The answer comes from the logs, so it does not need what is published, which may be on a disk
  // that is full or read-only: renewing it is a courtesy to other readers, and Check tells when it
  // fails.
  (void)PublishAll(/*wait=*/false);
  TRY_ASSIGN(Session session, OpenSession(""));
  TRY(CreateViews(session, tables));
  std::vector<fs::path> parts;
  for (const Table& table : tables.tables) {
    for (const Part& part : table.state.parts) parts.push_back(table.log.PartPath(part.delivery));
  }
  TRY(session.Seal(parts));
  auto answer = session.Ask(sql, rows_max);
  if (answer || tables.damaged.empty()) return answer;
  std::string why;
  for (const DamagedTable& damaged : tables.damaged) {
    const std::string sentence = "table " + damaged.table + " cannot be read: " + damaged.why;
    if (answer.error().message.find(sentence) != std::string::npos) return Unusable(sentence);
    why += "; " + sentence;
  }
  return Unusable(answer.error().message + why);
}

// Nothing can be written in the folder: a snapshot, a backup.
bool IsReadOnly(const fs::path& folder) {
  return access(folder.c_str(), W_OK) != 0 && errno == EROFS;
}

// What to do about a delivery whose file is damaged.
std::string RemedyFor(const Delivery& delivery) {
  if (delivery.undone_at) return "; it was undone, so nothing needs it";
  if (!delivery.current) {
    return "; restore it from a backup (it is needed only to undo what has replaced it)";
  }
  return "; restore it from a backup, or take its rows out with busker undo " + delivery.id;
}

void EmbeddedWarehouse::CheckTable(const TableLog& log, const std::vector<Change>& history,
                                   std::optional<Session>& session,
                                   std::vector<std::string>& faults) {
  std::vector<Delivery> deliveries = DeliveriesOf(history);
  auto delivery = deliveries.begin();  // one for each change that is a delivery, in their order
  for (const Change& change : history) {
    if (change.kind != Change::Kind::kDelivery) continue;
    const std::string remedy = RemedyFor(*delivery++);
    const fs::path path = log.PartPath(change.delivery.id);
    const std::string subject = "delivery " + change.delivery.id + " of table " + log.table();
    auto digest = io::DigestFile(path);
    if (!digest) {
      faults.push_back(subject + ": " + digest.error().message + remedy);
      continue;
    }
    if (*digest != io::FileDigest{change.snapshot_size_bytes, change.delivery.snapshot_sha256}) {
      faults.push_back(subject + ": " + path.string() +
                       " is not what was delivered (its digest differs)" + remedy);
      continue;
    }
    if (!session) {
      auto opened = OpenSession("");
      if (!opened) {
        faults.push_back(subject + ": " + opened.error().message);
        return;
      }
      session.emplace(*std::move(opened));
    }
    auto rows = session->Run("SELECT count(*) FROM read_parquet(" + QuotePath(path) +
                             ", hive_partitioning = false)");
    if (!rows) {
      faults.push_back(subject + ": " + rows.error().message + remedy);
    } else if (rows->at(0).at(0) != std::to_string(change.delivery.rows)) {
      faults.push_back(fmt::format("{}: {} rows were delivered, {} are there{}", subject,
                                   change.delivery.rows, rows->at(0).at(0).value_or("none"),
                                   remedy));
    } else {
      CheckRows(log, change, *session, faults);
    }
  }
}

// What is wrong with a part's rows by key; empty: nothing.
std::string FaultOfRows(const TableLog& log, const Part& part) {
  const fs::path path = log.RowsPath(part.delivery);
  const auto digest = io::DigestFile(path);
  if (!digest) return digest.error().message;
  if (*digest != io::FileDigest{part.keyed->size_bytes, part.keyed->sha256}) {
    return path.string() + " is not what was written (its digest differs)";
  }
  const auto file = RowFile::Open(path);
  if (!file) return file.error().message;
  const std::uint64_t rows = (*file)->index().head().rows;
  if (rows == part.rows) return "";
  return fmt::format("{} has {} rows, its part has {}", path.string(), rows, part.rows);
}

void EmbeddedWarehouse::CheckRows(const TableLog& log, const Change& change, Session& session,
                                  std::vector<std::string>& faults) {
  if (change.added.empty() || !change.added.front().keyed) return;
  const std::string fault = FaultOfRows(log, change.added.front());
  if (fault.empty()) return;
  std::string sentence =
      "delivery " + change.delivery.id + " of table " + log.table() + ": " + fault;
  if (IsReadOnly(folder_)) {
    sentence += "; it can be made anew where the warehouse can be written";
  } else if (auto made = RemakeRows(log, change, session); made) {
    sentence += "; it was made anew from its part";
  } else {
    sentence += "; it could not be made anew from its part: " + made.error().message;
  }
  faults.push_back(std::move(sentence));
}

Result<void> EmbeddedWarehouse::RemakeRows(const TableLog& log, const Change& change,
                                           Session& session) {
  const Part& part = change.added.front();
  TRY_ASSIGN(const io::FileLock lock, LockTable(log));
  TemporaryFile rows(io::TemporaryPath(log.folder() / "parts", "rows"));
  const PartToKey to_key{log.PartPath(part.delivery), part.delivery, change.columns,
                         part.keyed->key, part.rows};
  TRY_ASSIGN(const io::FileDigest digest, WriteRowsByKey(session, to_key, rows.path()));
  if (digest != io::FileDigest{part.keyed->size_bytes, part.keyed->sha256}) {
    return Failed("this version of Busker writes it otherwise; deliver again");
  }
  return rows.Keep(log.RowsPath(part.delivery));
}

Result<std::vector<std::string>> EmbeddedWarehouse::Check() {
  std::vector<std::string> faults;
  TRY_ASSIGN(const std::vector<TableLog> logs, ListTables(folder_));
  std::optional<Session> session;
  for (const TableLog& log : logs) {
    const auto history = log.History();
    if (history) {
      CheckTable(log, *history, session, faults);
    } else {
      faults.push_back(history.error().message);
    }
  }
  std::error_code error;
  if (!fs::exists(folder_, error)) return faults;  // nothing was delivered yet
  if (IsReadOnly(folder_)) return faults;          // nothing there can be renewed
  const auto mended = MendAll();
  if (!mended) faults.push_back("warehouse.duckdb cannot be checked: " + mended.error().message);
  if (mended) faults.insert(faults.end(), mended->begin(), mended->end());
  const auto published = PublishAll(/*wait=*/true);
  if (!published) {
    faults.push_back("warehouse.duckdb cannot be renewed: " + published.error().message);
    return faults;
  }
  for (const DamagedTable& table : *published) {
    faults.push_back("table " + table.table + " cannot be published: " + table.why);
  }
  return faults;
}

}  // namespace

Result<std::unique_ptr<Warehouse>> OpenEmbedded(const fs::path& folder,
                                                const fs::path& duckdb_library,
                                                Milliseconds wait_max) {
  std::error_code error;
  fs::path place = fs::weakly_canonical(folder, error);
  if (error) return SystemError("open the warehouse " + folder.string(), error.value());
  return std::make_unique<EmbeddedWarehouse>(std::move(place), duckdb_library, wait_max);
}

}  // namespace busker::deliver

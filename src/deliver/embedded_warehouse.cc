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
#include "deliver/duckdb_session.h"
#include "deliver/published.h"
#include "deliver/snapshot.h"
#include "deliver/table_log.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

constexpr Milliseconds kPublishWaitMax = std::chrono::minutes(1);
constexpr std::string_view kDataDate = "data_date";

// ---- what a request has to be

bool IsDeliveryId(std::string_view id) {
  return !id.empty() && id.size() <= 200 && id.front() != '.' && id.front() != '-' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// The request with canonical types, or what is wrong with it.
Result<Request> Checked(Request request) {
  if (!IsDeliveryId(request.id)) {
    return Invalid("\"" + request.id +
                   "\" is no id of a delivery; it is of a-z, 0-9, '.', '_' and '-', at most 200");
  }
  TRY(CheckTableName(request.table));
  if (request.write == Write::kPartition || !request.data_date.empty()) {
    auto date = ParseDate(request.data_date);
    if (!date) return Wrap("the data date", std::move(date).error());
  }
  for (std::size_t i = 0; i < request.schema.size(); ++i) {
    Column& column = request.schema[i];
    if (column.name.empty()) return Invalid("a column of the schema has no name");
    auto type = CanonicalType(column.type);
    if (!type) return Wrap("column \"" + column.name + "\" of the schema", std::move(type).error());
    column.type = *std::move(type);
    for (std::size_t j = 0; j < i; ++j) {
      if (SameName(request.schema[j].name, column.name)) {
        return Invalid("the schema has the column \"" + column.name + "\" twice");
      }
    }
  }
  return request;
}

// Whether the delivery takes the place of a part. What has no partition is replaced by one with
// `force` alone.
bool Replaces(const Request& request, const Part& part) {
  switch (request.write) {
    case Write::kReplace:
      return true;
    case Write::kAppend:
      return false;
    case Write::kPartition:
      return part.partition.empty() || part.partition == request.data_date;
  }
  return false;
}

// I34: what is older never takes the place of what is newer.
Result<void> CheckOrder(const Request& request, const TableState& state) {
  if (request.force) return {};
  for (const Part& part : state.parts) {
    if (!Replaces(request, part) || part.scheduled_at <= request.scheduled_at) continue;
    return Invalid(fmt::format(
        "this delivery is for {}, and the table has one for {} already (delivery {}); --force "
        "delivers it all the same",
        FormatRfc3339(request.scheduled_at), FormatRfc3339(part.scheduled_at), part.delivery));
  }
  return {};
}

Result<void> CheckPartitioned(const Request& request, const TableState& state) {
  if (request.write != Write::kPartition || request.force) return {};
  for (const Part& part : state.parts) {
    if (!part.partition.empty()) continue;
    return Invalid("the table is not partitioned: delivery " + part.delivery +
                   " wrote it as a whole. busker run --force puts this partition in its place, "
                   "busker undo " +
                   part.delivery + " takes its rows out first, or choose another table");
  }
  return {};
}

// ---- columns

std::vector<Column> WithoutDataDate(std::vector<Column> columns) {
  std::erase_if(columns, [](const Column& column) { return column.name == kDataDate; });
  return columns;
}

// The columns of a delivery in the order of the table that it joins, or how they differ from it.
Result<std::vector<Column>> Joined(const std::vector<Column>& delivered,
                                   const std::vector<Column>& table) {
  const auto find = [](const std::vector<Column>& columns, const std::string& name) {
    return std::find_if(columns.begin(), columns.end(),
                        [&](const Column& c) { return c.name == name; });
  };
  for (const Column& column : delivered) {
    const auto there = find(table, column.name);
    if (there == table.end())
      return Invalid("the table has no column \"" + column.name + "\", the delivery has");
    if (there->type != column.type) {
      return Invalid("column \"" + column.name + "\" is " + there->type + " in the table and " +
                     column.type + " in the delivery");
    }
  }
  for (const Column& column : table) {
    if (find(delivered, column.name) == delivered.end()) {
      return Invalid("the table has a column \"" + column.name + "\", the delivery has not");
    }
  }
  return table;
}

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

  Result<Delivery> Undo(const std::string& id) override {
    auto delivery = DoUndo(id);
    if (!delivery) return Wrap("undo delivery " + id, std::move(delivery).error());
    return delivery;
  }

  Result<std::vector<Delivery>> Deliveries(const std::string& table,
                                           std::vector<DamagedTable>* damaged) override;
  Result<Answer> Query(const std::string& sql, std::uint64_t rows_max) override;
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

  Result<LoadPlan> PlanOf(const Request& request, const CsvSource& source,
                          const TableState& state) const;
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

Result<LoadPlan> EmbeddedWarehouse::PlanOf(const Request& request, const CsvSource& source,
                                           const TableState& state) const {
  LoadPlan plan;
  const bool partition = request.write == Write::kPartition;
  if (partition) plan.data_date = request.data_date;
  const auto& names = source.header.names;
  if (partition && std::any_of(names.begin(), names.end(),
                               [](const auto& n) { return SameName(n, kDataDate); })) {
    return Invalid("it has a column data_date, which delivery by partition adds itself; rename it");
  }
  // A partition that is replaced leaves the table its types; what has no partition goes with them.
  const bool joins = request.write != Write::kReplace &&
                     std::any_of(state.parts.begin(), state.parts.end(), [&](const Part& part) {
                       return request.write == Write::kAppend || !part.partition.empty();
                     });
  const std::vector<Column> table = partition ? WithoutDataDate(state.columns) : state.columns;
  if (!request.schema.empty()) {
    TRY(CheckHeader(source, request.schema));
    plan.columns = request.schema;
    if (joins) {
      TRY_ASSIGN(plan.columns, Joined(request.schema, table));
    }
  } else if (joins) {
    TRY(CheckHeader(source, table));
    plan.columns = table;
    plan.undeclared = true;
  } else {
    TRY(CheckHeader(source));
    plan.guess = true;
  }
  return plan;
}

Result<Loaded> EmbeddedWarehouse::LoadPart(const Request& request, const TableState& state,
                                           Session& session, const CsvSource& source,
                                           std::vector<Column>& columns,
                                           TemporaryFile& part) const {
  TRY_ASSIGN(LoadPlan plan, PlanOf(request, source, state));
  const std::vector<Column> known = state.parts.empty() ? std::vector<Column>() : state.columns;
  auto survey = WriteSnapshot(session, source, plan, known, part.path());
  if (!survey) return tl::unexpected(std::move(survey).error());
  const std::string& expected = request.source.sha256;
  if (!expected.empty() && survey->digest.sha256 != expected) {
    return Invalid("its SHA-256 is " + survey->digest.sha256 + " and not " + expected +
                   ": it is not the file that was to be delivered");
  }
  if (survey->records == 0 && request.rows_min.value_or(1) > 0)
    return Invalid("it has a header and no rows");
  if (survey->records < request.rows_min.value_or(0)) {
    return Invalid(fmt::format("it has {} rows, at least {} are expected", survey->records,
                               *request.rows_min));
  }
  columns = plan.columns;
  if (!plan.data_date.empty()) columns.push_back({std::string(kDataDate), "DATE"});
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
  if (found && found->log.table() != request.table) {
    return Invalid("delivery " + request.id + " went to table " + found->log.table());
  }
  if (found && found->delivery.undone_at) {
    return Invalid("delivery " + request.id + " was undone at " +
                   FormatRfc3339(*found->delivery.undone_at) +
                   " and stays so; a new run delivers anew");
  }
  if (found) {
    TRY(PublishChange(request.table));
    return std::move(found->delivery);
  }

  TRY_ASSIGN(const TableState state, log.State());
  TRY(CheckOrder(request, state));
  TRY(CheckPartitioned(request, state));
  RemoveTemporaries(log.folder() / "parts");
  RemoveTemporaries(log.folder() / "log");
  const TemporaryFolder copies(io::TemporaryPath(log.folder() / "parts", "source"));
  TRY_ASSIGN(const fs::path file, request.source.store->LocalPath(request.source.key, copies.path(),
                                                                  artifact::ForFiles()));
  TRY_ASSIGN(const CsvSource source, OpenCsv(file));
  TRY_ASSIGN(Session session, OpenSession(""));
  TemporaryFile part(io::TemporaryPath(log.folder() / "parts", "part"));
  std::vector<Column> columns;
  TRY_ASSIGN(const Loaded loaded, LoadPart(request, state, session, source, columns, part));

  Change change;
  change.at = Now();
  change.columns = columns;
  change.added = {{request.id, loaded.survey.records,
                   request.write == Write::kPartition ? request.data_date : "",
                   request.scheduled_at, loaded.snapshot.size_bytes, loaded.snapshot.sha256,
                   change.at}};
  for (const Part& there : state.parts) {
    if (Replaces(request, there)) change.removed.push_back(there);
  }
  Delivery& delivery = change.delivery;
  delivery.id = request.id;
  delivery.table = request.table;
  delivery.run = request.run;
  delivery.service = request.service;
  delivery.model_version = request.model_version;
  delivery.data_date = request.data_date;
  delivery.write = request.write;
  delivery.rows = loaded.survey.records;
  delivery.file_sha256 = loaded.survey.digest.sha256;
  delivery.snapshot_sha256 = loaded.snapshot.sha256;
  delivery.columns = columns;
  delivery.scheduled_at = request.scheduled_at;
  delivery.delivered_at = change.at;
  delivery.current = true;
  change.snapshot_size_bytes = loaded.snapshot.size_bytes;
  change.number = state.number + 1;
  delivery.table_rows = Follow(state, change).Rows();

  TRY(part.Keep(log.PartPath(request.id)));
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
  if (!found) return NotFound("there is no such delivery");
  TRY_ASSIGN(const io::FileLock lock, LockTable(found->log));
  TRY_ASSIGN(found, Find(id));  // as it is now that nobody else changes it
  if (!found) return NotFound("there is no such delivery");
  const TableLog& log = found->log;
  if (found->delivery.undone_at) {
    return Invalid("it was undone already, at " + FormatRfc3339(*found->delivery.undone_at));
  }

  TableState state;
  const Change* own = nullptr;
  const Change* replaced_by = nullptr;
  for (const Change& change : found->history) {
    state = Follow(std::move(state), change);
    if (change.kind != Change::Kind::kDelivery) continue;
    if (change.delivery.id == id) own = &change;
    const bool removes = std::any_of(change.removed.begin(), change.removed.end(),
                                     [&](const Part& part) { return part.delivery == id; });
    if (removes) replaced_by = &change;
  }
  CHECK(own != nullptr, "Find found it in this history");
  if (!state.Has(id)) {
    return Invalid("delivery " + replaced_by->delivery.id +
                   " has replaced its rows; undo that one first");
  }
  Change undo;
  undo.kind = Change::Kind::kUndo;
  undo.at = Now();
  undo.undone = id;
  undo.removed = own->added;
  undo.added = own->removed;
  undo.columns = state.columns;
  for (const Change& change : found->history) {
    const bool restored = std::any_of(undo.added.begin(), undo.added.end(), [&](const Part& part) {
      return part.delivery == change.delivery.id;
    });
    if (!restored || change.kind != Change::Kind::kDelivery) continue;
    // What stays and what comes back have to fit together.
    if (state.parts.size() > 1 && change.columns != state.columns) {
      return Invalid("the rows it replaced have other columns than those of delivery " +
                     state.parts.back().delivery + ", which came later; undo that one first");
    }
    undo.columns = change.columns;
  }
  undo.number = state.number + 1;
  const TableState after = Follow(state, undo);
  TRY(log.Append(state, undo));  // from here on it is undone; whoever has the links renews them
  if (auto published = PublishChange(log.table());
      !published && published.error().kind != ErrorKind::kTimedOut) {
    return Wrap(
        "it is undone, but warehouse.duckdb still shows the state before; a query renews it",
        std::move(published).error());
  }
  found->delivery.table_rows = after.Rows();
  found->delivery.columns = after.parts.empty() ? std::vector<Column>() : after.columns;
  found->delivery.undone_at = undo.at;
  found->delivery.current = false;
  return std::move(found->delivery);
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
    }
  }
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

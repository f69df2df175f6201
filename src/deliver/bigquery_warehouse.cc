#include "deliver/bigquery_warehouse.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "artifact/store.h"
#include "base/check.h"
#include "base/plural.h"
#include "base/text.h"
#include "deliver/bigquery_ledger.h"
#include "deliver/bigquery_publishing.h"
#include "deliver/bigquery_sql.h"
#include "deliver/bigquery_staging.h"
#include "deliver/bigquery_turns.h"
#include "deliver/csv_load.h"
#include "deliver/delivery_rules.h"
#include "deliver/snapshot.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;
using nlohmann::json;

constexpr int kFailuresMax = 3;  // of jobs of one kind that may pass, in one delivery
constexpr Milliseconds kOwnPatience{500};
constexpr std::uint64_t kBeginningBytes = 256 << 10;             // in which a header is
constexpr Milliseconds kAnswerLimit = std::chrono::minutes(10);  // of a query by hand

// Whether rows are there that no partition was given for: of a delivery that was no partition.
bool HasWhole(const TableState& state) {
  return std::any_of(state.parts.begin(), state.parts.end(),
                     [](const Part& part) { return part.partition.empty(); });
}

class BigQueryWarehouse : public Warehouse {
 public:
  BigQueryWarehouse(BigQueryPlace place, BigQueryClient client, Milliseconds wait_max,
                    const BigQuerySettings& settings)
      : place_(std::move(place)),
        client_(std::move(client)),
        wait_max_(wait_max),
        turns_(client_, wait_max, settings),
        staging_(client_, settings) {}

  Result<Delivery> Deliver(const Request& request) override {
    auto delivery = DoDeliver(request, artifact::ForFiles());
    if (!delivery) {
      return Wrap(
          "deliver " + fs::path(request.source.key).filename().string() + " to " + request.table,
          std::move(delivery).error());
    }
    return delivery;
  }

  Result<Delivery> Undo(const std::string& id, bool force) override {
    auto delivery = DoUndo(id, force, artifact::ForFiles());
    if (!delivery) return Wrap("undo delivery " + id, std::move(delivery).error());
    return delivery;
  }

  Result<std::vector<Delivery>> Deliveries(const std::string& table,
                                           std::vector<DamagedTable>* damaged) override;
  Result<Answer> Query(const std::string& sql, std::uint64_t rows_max) override;
  bool UndoLoadsFiles() const override { return true; }
  Result<std::vector<std::string>> Check() override;

 private:
  Result<Delivery> DoDeliver(const Request& unchecked, const io::Interrupt& interrupt);
  Result<Delivery> DoUndo(const std::string& id, bool force, const io::Interrupt& interrupt);

  Result<BigQueryLedger> LedgerOf(const std::string& dataset, const io::Interrupt& interrupt);
  Result<std::vector<std::string>> LedgerDatasets(const io::Interrupt& interrupt);

  std::string PathOf(const TableName& name) const {
    return fmt::format("{}.{}.{}", client_.project(), name.dataset, name.table);
  }

  // Rows of a table that nobody of us delivered.
  std::uint64_t ForeignRows(const std::optional<BigQueryTable>& table,
                            const TableTurns& turns) const;
  // Those of them in one partition.
  Result<std::uint64_t> ForeignRowsOf(const std::string& partition, const TableName& name,
                                      const TableState& state, const std::string& location,
                                      const io::Interrupt& interrupt);

  // Why a delivery does not take their place.
  tl::unexpected<Error> RefuseReplacing(std::uint64_t rows, const TableName& name,
                                        const TableTurns& turns, const io::Interrupt& interrupt);

  const BigQueryPlace place_;
  BigQueryClient client_;
  const Milliseconds wait_max_;
  const BigQueryTurns turns_;
  const BigQueryStaging staging_;
};

// ---- the ledger's turns

Result<BigQueryLedger> BigQueryWarehouse::LedgerOf(const std::string& dataset,
                                                   const io::Interrupt& interrupt) {
  if (!place_.dataset.empty() && place_.dataset != dataset) {
    return Invalid(fmt::format(
        "the warehouse is bigquery://{0}/{1}, whose tables are named {1}.TABLE; name it so, or let "
        "the warehouse be bigquery://{0}",
        place_.project, place_.dataset));
  }
  TRY_ASSIGN(std::string location, client_.LocationOf(dataset, interrupt));
  return BigQueryLedger(client_, dataset, std::move(location));
}

Result<std::vector<std::string>> BigQueryWarehouse::LedgerDatasets(const io::Interrupt& interrupt) {
  if (!place_.dataset.empty()) return std::vector<std::string>{place_.dataset};
  TRY_ASSIGN(const std::vector<std::string> all, client_.Datasets(interrupt));
  std::vector<std::string> with;
  for (const std::string& dataset : all) {
    TRY_ASSIGN(const auto table, client_.Find({dataset, kLedgerTable}, interrupt));
    if (table) with.push_back(dataset);
  }
  return with;
}

// ---- deliver

// ---- what others have put there

std::uint64_t BigQueryWarehouse::ForeignRows(const std::optional<BigQueryTable>& table,
                                             const TableTurns& turns) const {
  if (!table) return 0;
  const std::uint64_t own = turns.State().Rows();
  // Somebody may have taken some of ours away (or they have expired); then what was noted holds.
  return table->rows >= own ? table->rows - own : std::min(table->rows, turns.ForeignRows());
}

Result<std::uint64_t> BigQueryWarehouse::ForeignRowsOf(const std::string& partition,
                                                       const TableName& name,
                                                       const TableState& state,
                                                       const std::string& location,
                                                       const io::Interrupt& interrupt) {
  BigQueryClient::Question question;
  question.sql = fmt::format("SELECT COUNT(*) FROM `{}` WHERE {} = DATE '{}'", PathOf(name),
                             kDataDate, partition);
  question.location = location;
  TRY_ASSIGN(const Answer answer, client_.Ask(question, interrupt));
  if (answer.rows.size() != 1) return Failed("BigQuery counts rows and answers none");
  std::uint64_t own = 0;
  for (const Part& part : state.parts) own += part.partition == partition ? part.rows : 0;
  const std::uint64_t all = std::stoull(answer.rows.front().front().text);
  return all - std::min(all, own);
}

Result<Delivery> BigQueryWarehouse::DoDeliver(const Request& unchecked,
                                              const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Request request, Checked(unchecked));
  if (!request.key.empty()) TRY(CheckWarehouseTakesKeys("bigquery://"));
  TRY_ASSIGN(const std::string url, request.source.store->UrlOf(request.source.key));
  if (!url.starts_with("gs://")) {
    return Invalid(fmt::format(
        "BigQuery loads from Cloud Storage, and {} is elsewhere; let the target keep its artifacts "
        "in a bucket: artifacts = \"gs://BUCKET\"",
        request.source.store->Url()));
  }
  if (url.find('*') != std::string::npos) {
    return Invalid("its name has a '*', which BigQuery takes for many names; name it otherwise");
  }
  const TableName name = ParseTableName(request.table);
  TRY_ASSIGN(BigQueryLedger ledger, LedgerOf(name.dataset, interrupt));
  TRY_ASSIGN(const std::string bucket_location, client_.LocationOfBucket(BucketOf(url), interrupt));
  if (!CanLoad(bucket_location, ledger.location())) {
    return Invalid(fmt::format(
        "the bucket {} is in {} and the dataset {} in {}, from where BigQuery cannot load it; make "
        "a dataset in {} (`bq --location={} mk --dataset {}:NAME`), or use a bucket in {}",
        BucketOf(url), bucket_location, name.dataset, ledger.location(), bucket_location,
        bucket_location, client_.project(), ledger.location()));
  }
  const TableName staging = staging_.NameFor(name.dataset, url, request.id);
  DeliveredFile file(url, staging);
  std::uint64_t refused = 0;  // the turn that another had
  for (int failures = 0;;) {
    TRY_ASSIGN(auto all, turns_.ReadSettled(ledger, request.table, request.id, interrupt));
    for (const auto& [table, turns] : all) {
      for (const Delivery& before : DeliveriesOf(turns.History())) {
        if (before.id != request.id) continue;
        TRY(CheckRepeated(request, before));
        return before;
      }
    }
    TableTurns turns = std::move(all[request.table]);
    turns.table = request.table;
    const TableState state = turns.State();
    TRY(CheckOrder(request, state));
    TRY(CheckPartitioned(request, state));
    TRY(staging_.Prepare(request, state, ledger.location(), file, interrupt));

    TRY_ASSIGN(const auto table, client_.Find(name, interrupt));
    // What was written as a whole has its rows in all partitions: only all of it can be replaced.
    const bool whole = request.write == Write::kPartition && HasWhole(state);
    for (const Part& part : state.parts) {
      if (!whole || part.partition.empty()) continue;
      return Invalid(fmt::format(
          "the table has partitions (delivery {}) and rows of deliveries without one, which one "
          "partition cannot replace; undo those first, or write the table with write = \"replace\"",
          part.delivery));
    }
    const Write write = whole && table ? Write::kReplace : request.write;
    const bool is_ours = turns.LastDone() != nullptr && !state.parts.empty();
    const std::uint64_t foreign = ForeignRows(table, turns);
    std::uint64_t replaced = write == Write::kAppend ? 0 : foreign;
    if (replaced > 0 && is_ours && write == Write::kPartition &&
        HasColumn(table->columns, {std::string(kDataDate), "DATE"})) {
      TRY_ASSIGN(replaced,
                 ForeignRowsOf(request.data_date, name, state, ledger.location(), interrupt));
    }
    if (replaced > 0 && !request.force) {
      return RefuseReplacing(replaced, name, turns, interrupt);
    }
    const std::vector<Column> columns = ColumnsOf(*file.plan);
    const Staged staged = file.StagedAt(PathOf(staging));
    TRY_ASSIGN(const Publishing publishing,
               PublishingOf(
                   client_, name, table, columns, write, request.data_date,
                   [&](const auto& wanted) { return SelectOf(staged, wanted); }, interrupt));
    Turn turn;
    turn.table = request.table;
    turn.change = ChangeOf(request, state, columns, file.survey);
    turn.change.number = turns.NextNumber();
    turn.foreign_rows = foreign;
    turn.replaced_rows = replaced;
    turn.source = {url, file.survey.digest, file.source->header.names};
    if (turn.change.number == refused) return ledger.Lost(request.table, refused);
    TRY_ASSIGN(const std::string birth, ledger.Birth(interrupt));
    turn.job = {
        JobIdOf(request.table, request.id, 'P',
                fmt::format("{}_{}", turns.TurnsOf(request.id, Change::Kind::kDelivery), birth)),
        ledger.location(), publishing.configuration};
    TRY_ASSIGN(const bool begun, ledger.Begin(turn, interrupt));
    if (!begun) {  // somebody else has changed the table meanwhile
      refused = turn.change.number;
      continue;
    }
    TRY_ASSIGN(turn, turns_.CarryOut(ledger, std::move(turn), publishing, name, table, interrupt));
    if (turn.state == Turn::State::kDone) {
      (void)client_.Remove(staging, interrupt);  // else it expires
      return turn.change.delivery;
    }
    if (turn.state == Turn::State::kFailed && ++failures == kFailuresMax) {
      return Temporary("BigQuery's jobs for it fail again and again; try again later");
    }
  }
}

// What is there first, and what loses nothing; --force is the last that is named.
tl::unexpected<Error> BigQueryWarehouse::RefuseReplacing(std::uint64_t rows, const TableName& name,
                                                         const TableTurns& turns,
                                                         const io::Interrupt& interrupt) {
  const std::string path = fmt::format("{}:{}.{}", client_.project(), name.dataset, name.table);
  std::string why = fmt::format(
      "the table has {} that Busker did not deliver, by its ledger, and this delivery would "
      "replace them",
      Plural(rows, "row"));
  if (turns.LastDone() == nullptr) {
    const auto ledger = client_.Find({name.dataset, kLedgerTable}, interrupt);
    why += fmt::format(
        "; {} (if Busker delivered them, its ledger was removed since, and for 7 days `bq cp "
        "{}:{}.{}@TIME {}:{}.{}` brings it back)",
        ledger && !*ledger ? "there is no ledger in the dataset"
                           : "the ledger of the dataset has no delivery of this table",
        client_.project(), name.dataset, kLedgerTable, client_.project(), name.dataset,
        kLedgerTable);
  }
  return Invalid(
      fmt::format("{}; let the action deliver to another table, or keep the rows (`bq cp {} "
                  "{}_before`) and then "
                  "busker run --force puts this delivery in their place",
                  why, path, path));
}

// ---- undo

Result<Delivery> BigQueryWarehouse::DoUndo(const std::string& id, bool force,
                                           const io::Interrupt& interrupt) {
  if (!IsDeliveryId(id)) return NotFound("there is no such delivery");
  TRY_ASSIGN(const std::vector<std::string> datasets, LedgerDatasets(interrupt));
  for (const std::string& dataset : datasets) {
    TRY_ASSIGN(BigQueryLedger ledger, LedgerOf(dataset, interrupt));
    std::uint64_t refused = 0;
    for (int failures = 0;;) {
      TRY_ASSIGN(const auto all, turns_.ReadSettled(ledger, "", id, interrupt));
      const TableTurns* turns = nullptr;
      std::optional<Delivery> found;
      for (const auto& [table, one] : all) {
        for (Delivery& delivery : DeliveriesOf(one.History())) {
          if (delivery.id != id) continue;
          found = std::move(delivery);
          turns = &one;
        }
      }
      if (!found) break;  // the next dataset
      TRY_ASSIGN(Change undo, UndoOf(turns->History(), id));
      const TableState before = turns->State();
      const TableState after = Follow(before, undo);
      const TableName name = ParseTableName(turns->table);
      TRY_ASSIGN(const auto table, client_.Find(name, interrupt));
      const Turn& last = *turns->LastDone();
      const Turn& own = *turns->Of(id);
      if (own.replaced_rows > 0 && !force) {
        return Invalid(fmt::format(
            "it replaced {} that Busker had not delivered, and cannot bring back; for 7 days "
            "BigQuery has them: `bq cp {}:{}@{} {}:{}_before`. busker undo --force takes it back "
            "without them",
            Plural(own.replaced_rows, "row"), client_.project(), turns->table,
            (own.change.at - Milliseconds(1)).time_since_epoch().count(), client_.project(),
            turns->table));
      }
      // The rows that are to be there: of the partition, where that is all that changes.
      const bool one_partition = table && table->partitioned_by == kDataDate &&
                                 found->write == Write::kPartition && !HasWhole(before) &&
                                 !HasWhole(after);
      const std::uint64_t foreign = ForeignRows(table, *turns);
      std::uint64_t replaced = foreign;
      if (foreign > 0 && one_partition && !after.parts.empty()) {
        TRY_ASSIGN(replaced,
                   ForeignRowsOf(found->data_date, name, before, ledger.location(), interrupt));
      }
      if (replaced > 0 && !force) {
        return Invalid(fmt::format(
            "{} has {} that Busker did not deliver, and undo takes them away; keep them in "
            "another table first (`bq cp {}:{} {}:{}_before`), then busker undo --force goes on",
            turns->table, Plural(replaced, "row"), client_.project(), turns->table,
            client_.project(), turns->table));
      }
      if (!force && table && !last.modified_ms.empty() && table->modified_ms != last.modified_ms) {
        return Invalid(fmt::format(
            "{} was changed by something else than Busker, at {}; busker undo --force overwrites "
            "that",
            turns->table, FormatRfc3339(Instant(Milliseconds(std::stoll(table->modified_ms))))));
      }

      std::vector<Staged> staged;
      std::vector<TableName> stagings;
      for (const Part& part : after.parts) {
        if (one_partition && part.partition != found->data_date) continue;
        const Turn* const turn = turns->Of(part.delivery);
        CHECK(turn != nullptr, "a part is of a delivery of its table");
        TRY(CheckSource(turn->source, part.delivery, interrupt));
        const TableName staging = staging_.NameFor(dataset, turn->source.url,
                                                   fmt::format("undo {} {}", id, part.delivery));
        TRY_ASSIGN(const std::uint64_t rows,
                   staging_.Stage(turns->table, id, turn->source.url, turn->source.header.size(),
                                  staging, ledger.location(), interrupt));
        if (rows != part.rows) {
          return Invalid(fmt::format("the file of delivery {} had {} rows, {} arrived",
                                     part.delivery, part.rows, rows));
        }
        std::vector<Column> columns = turn->change.columns;
        if (!part.partition.empty()) std::erase(columns, Column{std::string(kDataDate), "DATE"});
        staged.push_back({PathOf(staging), turn->source.header, columns, part.partition});
        stagings.push_back(staging);
      }
      Publishing publishing;
      if (after.parts.empty()) {
        publishing.configuration = json{
            {"query",
             {{"query", fmt::format("DROP TABLE IF EXISTS `{}`", PathOf(name))},
              {"useLegacySql",
               false}}}}.dump();
      } else {
        const auto select = [&](const std::vector<Column>& wanted) {
          std::string sql;
          for (const Staged& one : staged) {
            sql += (sql.empty() ? "" : " UNION ALL ") + SelectOf(one, wanted);
          }
          if (!sql.empty()) return sql;
          return fmt::format("SELECT {} FROM `{}` WHERE FALSE", NamesOf(wanted), PathOf(name));
        };
        TRY_ASSIGN(publishing, PublishingOf(client_, name, table, undo.columns,
                                            one_partition ? Write::kPartition : Write::kReplace,
                                            found->data_date, select, interrupt));
      }
      Turn turn;
      turn.table = turns->table;
      turn.change = undo;
      turn.change.number = turns->NextNumber();
      turn.foreign_rows = foreign;
      turn.replaced_rows = replaced;
      if (turn.change.number == refused) return ledger.Lost(turns->table, refused);
      TRY_ASSIGN(const std::string birth, ledger.Birth(interrupt));
      turn.job = {JobIdOf(turns->table, id, 'U',
                          fmt::format("{}_{}", turns->TurnsOf(id, Change::Kind::kUndo), birth)),
                  ledger.location(), publishing.configuration};
      TRY_ASSIGN(const bool begun, ledger.Begin(turn, interrupt));
      if (!begun) {
        refused = turn.change.number;
        continue;
      }
      TRY_ASSIGN(turn,
                 turns_.CarryOut(ledger, std::move(turn), publishing, name, table, interrupt));
      if (turn.state == Turn::State::kDone) {
        for (const TableName& staging : stagings) (void)client_.Remove(staging, interrupt);
        return Undone(*std::move(found), undo, after);
      }
      if (turn.state == Turn::State::kFailed && ++failures == kFailuresMax) {
        return Temporary("BigQuery's jobs for it fail again and again; try again later");
      }
    }
  }
  return NotFound("there is no such delivery");
}

// ---- reading

Result<std::vector<Delivery>> BigQueryWarehouse::Deliveries(const std::string& table,
                                                            std::vector<DamagedTable>* damaged) {
  const io::Interrupt interrupt = io::Within(std::min(wait_max_, kAnswerLimit));
  std::vector<std::string> datasets;
  if (table.empty()) {
    TRY_ASSIGN(datasets, LedgerDatasets(interrupt));
  } else {
    TRY(CheckTableName(table));
    datasets = {ParseTableName(table).dataset};
  }
  std::vector<Delivery> deliveries;
  for (const std::string& dataset : datasets) {
    auto ledger = LedgerOf(dataset, interrupt);
    if (!ledger && ledger.error().kind == ErrorKind::kNotFound) continue;
    TRY(ledger);
    TRY_ASSIGN(auto all, ledger->Read(table, "", interrupt, damaged));
    for (auto& [name, turns] : all) {
      if (!table.empty() && name != table) continue;
      if (turns.Pending() != nullptr) {
        TRY_ASSIGN(turns.turns.back().state,
                   turns_.Outcome(turns.turns.back(), /*wait=*/false, Milliseconds(0), interrupt));
      }
      for (Delivery& delivery : DeliveriesOf(turns.History())) {
        deliveries.push_back(std::move(delivery));
      }
    }
  }
  std::stable_sort(deliveries.begin(), deliveries.end(), [](const Delivery& a, const Delivery& b) {
    return a.delivered_at < b.delivered_at;
  });
  return deliveries;
}

Result<Answer> BigQueryWarehouse::Query(const std::string& sql, std::uint64_t rows_max) {
  const io::Interrupt interrupt = io::Within(std::min(wait_max_, kAnswerLimit));
  BigQueryClient::Question question;
  question.sql = sql;
  question.dataset = place_.dataset;
  question.rows_max = rows_max;
  question.bytes_billed_max = place_.query_bytes_max;
  if (!place_.dataset.empty()) {
    TRY_ASSIGN(question.location, client_.LocationOf(place_.dataset, interrupt));
  }
  if (Trim(sql).empty()) return Invalid("the query is empty");
  const auto wrong = [](Error error) {
    // A table that is not there is a fault of the query.
    if (error.kind == ErrorKind::kNotFound) error.kind = ErrorKind::kInvalid;
    return tl::unexpected(std::move(error));
  };
  auto kind = client_.StatementType(question, interrupt);
  if (!kind) return wrong(std::move(kind).error());
  if (*kind != "SELECT") {
    return Invalid(fmt::format(
        "a query only reads, and this is a {}; change tables by a delivery, or with `bq query`",
        *kind));
  }
  auto answer = client_.Ask(question, interrupt);
  if (!answer) return wrong(std::move(answer).error());
  return answer;
}

Result<std::vector<std::string>> BigQueryWarehouse::Check() {
  const io::Interrupt interrupt = io::Within(std::min(wait_max_, kAnswerLimit));
  std::vector<std::string> faults;
  TRY_ASSIGN(const std::vector<std::string> datasets, LedgerDatasets(interrupt));
  for (const std::string& dataset : datasets) {
    auto ledger = LedgerOf(dataset, interrupt);
    if (!ledger) {
      faults.push_back(ledger.error().message);
      continue;
    }
    std::vector<DamagedTable> damaged;
    TRY_ASSIGN(auto all, ledger->Read("", "", interrupt, &damaged));
    for (const DamagedTable& one : damaged) faults.push_back(one.why);
    for (auto& [name, turns] : all) {
      if (turns.Pending() != nullptr) {
        TRY_ASSIGN(turns.turns.back().state,
                   turns_.Outcome(turns.turns.back(), /*wait=*/false, Milliseconds(0), interrupt));
      }
      if (turns.Pending() != nullptr) {
        faults.push_back(fmt::format(
            "table {}: a change has begun and not ended; the next delivery settles it", name));
        continue;
      }
      const Turn* const last = turns.LastDone();
      if (last == nullptr) continue;
      const TableState state = turns.State();
      TRY_ASSIGN(const auto table, client_.Find(ParseTableName(name), interrupt));
      if (state.parts.empty()) continue;
      if (!table) {
        faults.push_back(fmt::format(
            "table {} is gone, and Busker has not removed it; for 7 days `bq cp {}:{}@TIME ...` "
            "brings it back, else a new run delivers it",
            name, client_.project(), name));
        continue;
      }
      if (last->rows && *last->rows != table->rows) {
        faults.push_back(fmt::format(
            "table {}: {} rows were there after the last delivery, {} are now: something else than "
            "Busker has changed it; a new run with --force delivers it anew",
            name, *last->rows, table->rows));
      }
      for (const Column& column : state.columns) {
        if (HasColumn(table->columns, column)) continue;
        faults.push_back(fmt::format("table {} has no column \"{}\" of {} any more", name,
                                     column.name, column.type));
      }
    }
  }
  return faults;
}

}  // namespace

Result<std::unique_ptr<Warehouse>> OpenBigQuery(const std::string& url, Milliseconds wait_max,
                                                const BigQuerySettings& settings) {
  TRY_ASSIGN(BigQueryPlace place, ParseBigQueryUrl(url));
  TRY_ASSIGN(BigQueryClient client, BigQueryClient::Open(place.project, settings.retry));
  return std::make_unique<BigQueryWarehouse>(std::move(place), std::move(client), wait_max,
                                             settings);
}

}  // namespace busker::deliver

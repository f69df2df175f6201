#include "deliver/bigquery_ledger.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_object.h"

namespace busker::deliver {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFailuresMax = 5;  // of jobs that add a row

const std::vector<Column>& LedgerColumns() {
  static const std::vector<Column> columns = {{"table_name", "STRING"}, {"number", "INT64"},
                                              {"kind", "STRING"},       {"delivery", "STRING"},
                                              {"at", "TIMESTAMP"},      {"entry", "STRING"}};
  return columns;
}

std::string_view NameOf(Turn::State state) {
  switch (state) {
    case Turn::State::kBegun:
      return "begun";
    case Turn::State::kDone:
      return "done";
    case Turn::State::kFailed:
      return "failed";
    case Turn::State::kAbandoned:
      return "abandoned";
  }
  return "";
}

std::string DeliveryOf(const Turn& turn) {
  return turn.change.kind == Change::Kind::kUndo ? turn.change.undone : turn.change.delivery.id;
}

Result<std::string> BeginningOf(const Turn& turn) {
  TRY_ASSIGN(const std::string change, TextOf(turn.change));
  Json json = {{"change", Json::parse(change)},     {"job", turn.job.id},
               {"job_digest", DigestOf(turn.job)},  {"location", turn.job.location},
               {"foreign_rows", turn.foreign_rows}, {"replaced_rows", turn.replaced_rows}};
  if (!turn.source.url.empty()) {
    json["source"] = {{"url", turn.source.url},
                      {"size_bytes", turn.source.digest.size_bytes},
                      {"sha256", turn.source.digest.sha256},
                      {"header", turn.source.header}};
  }
  return json.dump();
}

Result<void> ReadBeginning(const std::string& text, Turn& turn) {
  TRY_ASSIGN(const Json json, ParseOwnJson(text, "entry"));
  JsonObject in(json, "entry");
  in.Get("job", turn.job.id);
  in.Get("job_digest", turn.job_digest);
  in.Get("location", turn.job.location);
  in.Get("foreign_rows", turn.foreign_rows);
  in.Get("replaced_rows", turn.replaced_rows);
  const std::uint64_t number = turn.change.number;
  TRY_ASSIGN(turn.change, ParseChange(in.Member("change").dump()));
  turn.change.number = number;
  if (!in.Member("source").is_null()) {
    JsonObject source(in.Member("source"), "source");
    source.Get("url", turn.source.url);
    source.Get("size_bytes", turn.source.digest.size_bytes);
    source.Get("sha256", turn.source.digest.sha256);
    source.GetEach("header", turn.source.header, [](const Json& value) -> Result<std::string> {
      if (!value.is_string()) return Invalid("a column's name is not text");
      return value.get<std::string>();
    });
    TRY(source.Done());
  }
  return in.Done();
}

Result<void> ReadEnd(const std::string& text, Turn& turn) {
  TRY_ASSIGN(const Json json, ParseOwnJson(text, "entry"));
  JsonObject in(json, "entry");
  if (!in.Member("rows").is_null()) in.Get("rows", turn.rows.emplace());
  in.Get("modified_ms", turn.modified_ms);
  return in.Done();
}

// One row of the ledger, which is that of `turns` or the next.
Result<void> ReadRow(const std::vector<Value>& row, TableTurns& turns) {
  const auto broken = [&](const std::string& why) {
    return Unusable(
        fmt::format("the ledger of table {} is damaged at number {}: {}; BigQuery has "
                    "its rows of the last 7 days (time travel)",
                    turns.table, row[1].text, why));
  };
  std::uint64_t number = 0;
  for (const char c : row[1].text) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  if (row[2].text == NameOf(Turn::State::kBegun)) {
    if (number != turns.NextNumber()) return broken("the one before is missing");
    Turn turn;
    turn.table = turns.table;
    turn.change.number = number;
    if (auto read = ReadBeginning(row[3].text, turn); !read) return broken(read.error().message);
    turns.turns.push_back(std::move(turn));
    return {};
  }
  if (turns.turns.empty() || turns.turns.back().change.number != number) {
    return broken("it ended and never began");
  }
  Turn& turn = turns.turns.back();
  for (const auto state : {Turn::State::kDone, Turn::State::kFailed, Turn::State::kAbandoned}) {
    if (row[2].text == NameOf(state)) turn.state = state;
  }
  if (turn.state == Turn::State::kBegun) return broken("it is from a newer Busker");
  if (auto read = ReadEnd(row[3].text, turn); !read) return broken(read.error().message);
  return {};
}

}  // namespace

std::string JobIdOf(const std::string& table, const std::string& delivery, char kind,
                    const std::string& number) {
  // Neither tables nor ids of deliveries have capital letters, and ids of jobs have no dots.
  std::string id = "busker_" + table + "_T_" + delivery;
  std::replace(id.begin(), id.end(), '.', 'D');
  return fmt::format("{}_{}{}", id, kind, number);
}

std::vector<Change> TableTurns::History() const {
  std::vector<Change> history;
  for (const Turn& turn : turns) {
    if (turn.state == Turn::State::kDone) history.push_back(turn.change);
  }
  return history;
}

TableState TableTurns::State() const {
  TableState state;
  for (const Turn& turn : turns) {
    if (turn.state == Turn::State::kDone) state = Follow(std::move(state), turn.change);
  }
  return state;
}

const Turn* TableTurns::Pending() const {
  return !turns.empty() && turns.back().state == Turn::State::kBegun ? &turns.back() : nullptr;
}

const Turn* TableTurns::LastDone() const {
  const auto found = std::find_if(turns.rbegin(), turns.rend(), [](const Turn& turn) {
    return turn.state == Turn::State::kDone;
  });
  return found == turns.rend() ? nullptr : &*found;
}

std::uint64_t TableTurns::ForeignRows() const {
  const Turn* const last = LastDone();
  return last == nullptr ? 0
                         : last->foreign_rows - std::min(last->foreign_rows, last->replaced_rows);
}

const Turn* TableTurns::Of(const std::string& delivery) const {
  const auto found = std::find_if(turns.rbegin(), turns.rend(), [&](const Turn& turn) {
    return turn.change.kind == Change::Kind::kDelivery && turn.change.delivery.id == delivery;
  });
  return found == turns.rend() ? nullptr : &*found;
}

int TableTurns::TurnsOf(const std::string& delivery, Change::Kind kind) const {
  return static_cast<int>(std::count_if(turns.begin(), turns.end(), [&](const Turn& turn) {
    return turn.change.kind == kind && DeliveryOf(turn) == delivery;
  }));
}

Result<std::map<std::string, TableTurns>> BigQueryLedger::Read(const std::string& table,
                                                               const std::string& delivery,
                                                               const io::Interrupt& interrupt,
                                                               std::vector<DamagedTable>* damaged) {
  BigQueryClient::Question question;
  question.location = location_;
  question.sql = fmt::format("SELECT table_name, number, kind, entry FROM `{}.{}.{}`",
                             client_.project(), dataset_, kLedgerTable);
  if (!table.empty() || !delivery.empty()) {
    // Of the tables that the delivery is of, all turns: a part of them is no history.
    question.sql += fmt::format(
        " WHERE table_name = @table OR table_name IN (SELECT table_name FROM `{}.{}.{}` WHERE "
        "delivery = @delivery)",
        client_.project(), dataset_, kLedgerTable);
    question.parameters = {{"table", "STRING", table}, {"delivery", "STRING", delivery}};
  }
  question.sql += " ORDER BY table_name, number, kind = 'begun' DESC, kind";
  auto answer = client_.Ask(question, interrupt);
  std::map<std::string, TableTurns> all;
  if (!answer && answer.error().kind == ErrorKind::kNotFound) return all;  // nothing was delivered
  if (!answer) return tl::unexpected(std::move(answer).error());
  std::map<std::string, bool> skipped;
  for (const auto& row : answer->rows) {
    const std::string& name = row.at(0).text;
    if (skipped.contains(name)) continue;
    TableTurns& turns = all[name];
    turns.table = name;
    if (auto read = ReadRow(row, turns); !read) {
      if (damaged == nullptr) return tl::unexpected(std::move(read).error());
      damaged->push_back({name, read.error().message});
      skipped[name] = true;
      all.erase(name);
    }
  }
  return all;
}

Result<bool> BigQueryLedger::Add(const std::string& job_id, const Turn& turn,
                                 const std::string& kind, const std::string& entry,
                                 const io::Interrupt& interrupt) {
  const auto parameter = [](const char* name, const char* type, const std::string& value) {
    return Json{{"name", name},
                {"parameterType", {{"type", type}}},
                {"parameterValue", {{"value", value}}}};
  };
  Json parameters = Json::array();
  parameters.push_back(parameter("table_name", "STRING", turn.table));
  parameters.push_back(parameter("number", "INT64", std::to_string(turn.change.number)));
  parameters.push_back(parameter("kind", "STRING", kind));
  parameters.push_back(parameter("delivery", "STRING", DeliveryOf(turn)));
  parameters.push_back(parameter("at", "TIMESTAMP", FormatRfc3339(turn.change.at)));
  parameters.push_back(parameter("entry", "STRING", entry));
  const Json configuration = {
      {"query",
       {{"query", fmt::format("INSERT INTO `{}.{}.{}` (table_name, number, kind, delivery, at, "
                              "entry) VALUES (@table_name, @number, @kind, @delivery, @at, @entry)",
                              client_.project(), dataset_, kLedgerTable)},
        {"useLegacySql", false},
        {"parameterMode", "NAMED"},
        {"queryParameters", parameters}}}};
  // A job that failed has added nothing, and its id is gone: the next is asked for when it is over.
  // One that was refused has used up no id, so that there must be no next.
  for (int n = 0, failures = 0;; ++n) {
    const BigQueryJob job{fmt::format("{}_{}", job_id, n), location_, configuration.dump()};
    TRY_ASSIGN(const BigQueryJobState state, client_.Do(job, interrupt));
    if (!state.failure) return state.is_ours;
    if (!state.is_new) continue;  // of some time ago
    if (!MayPass(*state.failure) || ++failures == kFailuresMax) {
      Error error = ErrorOf(*state.failure);
      error.message =
          fmt::format("the ledger {}.{} takes no row: {}", dataset_, kLedgerTable, error.message);
      return tl::unexpected(std::move(error));
    }
  }
}

Result<std::string> BigQueryLedger::Birth(const io::Interrupt& interrupt) {
  if (!birth_.empty()) return birth_;
  const TableName name = {dataset_, kLedgerTable};
  TRY_ASSIGN(auto table, client_.Find(name, interrupt));
  if (!table) {
    // That another made it meanwhile is fine.
    TRY(client_.Create(name, LedgerColumns(), Instant(),
                       "What Busker has delivered to the tables of this dataset. Leave it alone: "
                       "without it nothing can be undone.",
                       interrupt));
    TRY_ASSIGN(table, client_.Find(name, interrupt));
  }
  if (!table || table->created_ms.empty()) {
    return Temporary(
        fmt::format("the ledger {}.{} was made, and is not there", dataset_, kLedgerTable));
  }
  // A dataset may have an expiration for all its tables.
  if (table->expires) TRY(client_.KeepForGood(name, interrupt));
  birth_ = table->created_ms;
  return birth_;
}

tl::unexpected<Error> BigQueryLedger::Lost(const std::string& table, std::uint64_t number) const {
  return Unusable(fmt::format(
      "the ledger {1}.{2} has lost rows: BigQuery remembers the job of turn {3} of table {4}, and "
      "the row that it added is gone. BigQuery has the rows of the last 7 days (`bq cp "
      "{0}:{1}.{2}@TIME {0}:{1}.{2}`); without them, `bq rm -t {0}:{1}.{2}` lets a new ledger "
      "begin, and what was delivered cannot be undone",
      client_.project(), dataset_, kLedgerTable, number, table));
}

Result<bool> BigQueryLedger::Begin(const Turn& turn, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const std::string birth, Birth(interrupt));
  TRY_ASSIGN(const std::string entry, BeginningOf(turn));
  return Add(JobIdOf(turn.table, "", 'B', fmt::format("{}_{}", turn.change.number, birth)), turn,
             std::string(NameOf(Turn::State::kBegun)), entry, interrupt);
}

Result<void> BigQueryLedger::End(const Turn& turn, const io::Interrupt& interrupt) {
  Json entry = Json::object();
  if (turn.rows) entry["rows"] = *turn.rows;
  entry["modified_ms"] = turn.modified_ms;
  TRY_ASSIGN(const std::string birth, Birth(interrupt));
  return Add(JobIdOf(turn.table, "", 'E', fmt::format("{}_{}", turn.change.number, birth)), turn,
             std::string(NameOf(turn.state)), entry.dump(), interrupt)
      .map([](bool) {});
}

}  // namespace busker::deliver

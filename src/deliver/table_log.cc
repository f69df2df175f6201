#include "deliver/table_log.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/check.h"
#include "base/json_object.h"
#include "io/digest.h"

namespace busker::deliver {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::uint64_t kFullEvery = 64;   // every so many changes list all parts,
constexpr std::size_t kFullPartsMax = 32;  // as do all changes of a table with few
constexpr std::string_view kEnding = ".json";

Json ToJson(const KeyedRows& rows) {
  Json object = {{"key", rows.key}};
  if (rows.max_age) object["max_age_ms"] = rows.max_age->count();
  object["size_bytes"] = rows.size_bytes;
  object["sha256"] = rows.sha256;
  object["service"] = rows.service;
  object["model_version"] = rows.model_version;
  object["data_date"] = rows.data_date;
  return object;
}

Json ToJson(const std::vector<Part>& parts) {
  Json array = Json::array();
  for (const Part& part : parts) {
    Json object = {{"delivery", part.delivery}, {"rows", part.rows}};
    if (!part.partition.empty()) object["partition"] = part.partition;
    object["scheduled_at"] = FormatRfc3339(part.scheduled_at);
    if (part.size_bytes > 0) {
      object["size_bytes"] = part.size_bytes;
      object["sha256"] = part.sha256;
      object["written_at"] = FormatRfc3339(part.written_at);
    }
    if (part.keyed) object["rows_by_key"] = ToJson(*part.keyed);
    array.push_back(std::move(object));
  }
  return array;
}

Json ToJson(const std::vector<Column>& columns) {
  Json array = Json::array();
  for (const Column& column : columns)
    array.push_back({{"name", column.name}, {"type", column.type}});
  return array;
}

Json ToJson(const Change& change) {
  Json json = {{"format", kFormat},
               {"change", change.kind == Change::Kind::kDelivery ? "delivery" : "undo"},
               {"at", FormatRfc3339(change.at)}};
  if (change.kind == Change::Kind::kDelivery) {
    const Delivery& delivery = change.delivery;
    json["delivery"] = {{"id", delivery.id},
                        {"table", delivery.table},
                        {"run", delivery.run},
                        {"service", delivery.service},
                        {"model_version", delivery.model_version},
                        {"data_date", delivery.data_date},
                        {"write", std::string(NameOf(delivery.write))},
                        {"rows", delivery.rows},
                        {"table_rows", delivery.table_rows},
                        {"file_sha256", delivery.file_sha256},
                        {"snapshot_sha256", delivery.snapshot_sha256},
                        {"snapshot_size_bytes", change.snapshot_size_bytes},
                        {"scheduled_at", FormatRfc3339(delivery.scheduled_at)}};
  } else {
    json["undone"] = change.undone;
  }
  json["columns"] = ToJson(change.columns);
  json["added"] = ToJson(change.added);
  json["removed"] = ToJson(change.removed);
  if (change.parts) json["parts"] = ToJson(*change.parts);
  return json;
}

constexpr char kDamaged[] = "it is damaged; restore this file from a backup";

Result<KeyedRows> KeyedRowsFrom(const Json& json) {
  KeyedRows rows;
  JsonObject in(json, "rows_by_key");
  in.GetEach("key", rows.key, [](const Json& name) -> Result<std::string> {
    if (!name.is_string()) return Invalid("a column's name is not text");
    return name.get<std::string>();
  });
  in.Get("max_age_ms", rows.max_age);
  in.Get("size_bytes", rows.size_bytes);
  in.Get("sha256", rows.sha256);
  in.Get("service", rows.service);
  in.Get("model_version", rows.model_version);
  in.Get("data_date", rows.data_date);
  TRY(in.Done());
  if (rows.key.empty()) return Invalid("a key has columns");
  return rows;
}

// What is wrong with one is all the same to who reads: the file is damaged.
Result<Part> PartFrom(const Json& json) {
  Part part;
  std::optional<std::string> partition;
  JsonObject in(json, "part");
  in.Get("delivery", part.delivery);
  in.Get("rows", part.rows);
  in.Get("partition", partition);
  in.Require("scheduled_at");
  in.Get("scheduled_at", part.scheduled_at);
  if (!in.Member("sha256").is_null()) {
    in.Get("size_bytes", part.size_bytes);
    in.Get("sha256", part.sha256);
    in.Require("written_at");
    in.Get("written_at", part.written_at);
  }
  const Json& keyed = in.Member("rows_by_key");
  TRY(in.Done());
  if (!keyed.is_null()) {
    TRY_ASSIGN(part.keyed, KeyedRowsFrom(keyed));
  }
  part.partition = std::move(partition).value_or("");
  return part;
}

Result<Column> ColumnFrom(const Json& json) {
  Column column;
  JsonObject in(json, "column");
  in.Get("name", column.name);
  in.Get("type", column.type);
  TRY(in.Done());
  return column;
}

Result<void> ReadDelivery(const Json& json, Change& change) {
  Delivery& delivery = change.delivery;
  std::string write;
  JsonObject in(json, "delivery");
  in.Get("id", delivery.id);
  in.Get("table", delivery.table);
  in.Get("run", delivery.run);
  in.Get("service", delivery.service);
  in.Get("model_version", delivery.model_version);
  in.Get("data_date", delivery.data_date);
  in.Get("write", write);
  in.Get("rows", delivery.rows);
  in.Get("table_rows", delivery.table_rows);
  in.Get("file_sha256", delivery.file_sha256);
  in.Get("snapshot_sha256", delivery.snapshot_sha256);
  in.Get("snapshot_size_bytes", change.snapshot_size_bytes);
  in.Require("scheduled_at");
  in.Get("scheduled_at", delivery.scheduled_at);
  TRY(in.Done());
  TRY_ASSIGN(delivery.write, ParseWrite(write));
  return {};
}

Result<Change> ChangeFrom(const Json& json) {
  Change change;
  std::string kind;
  JsonObject in(json, "change");
  in.Get("change", kind);
  in.Require("at");
  in.Get("at", change.at);
  in.GetEach("columns", change.columns, ColumnFrom);
  in.GetEach("added", change.added, PartFrom);
  in.GetEach("removed", change.removed, PartFrom);
  if (!in.Member("parts").is_null()) in.GetEach("parts", change.parts.emplace(), PartFrom);
  if (kind == "undo") {
    change.kind = Change::Kind::kUndo;
    in.Get("undone", change.undone);
  } else {
    TRY(ReadDelivery(in.Member("delivery"), change));
    change.delivery.columns = change.columns;
    change.delivery.delivered_at = change.at;
  }
  TRY(in.Done());
  return change;
}

Result<Change> ReadChange(const std::string& text) {
  const auto json = ParseOwnJson(text, "log");
  if (!json) return Unusable(kDamaged);
  int format = 0;
  JsonObject in(*json, "log");
  in.Get("format", format);
  if (in.Done() && format > kFormat) return Unusable("it is from a newer Busker");
  auto change = in.Done() ? ChangeFrom(*json) : Result<Change>(Unusable(kDamaged));
  return change ? std::move(change) : Unusable(kDamaged);
}

// 0 for a file that is no change.
std::uint64_t NumberOf(std::string_view file_name) {
  if (!file_name.ends_with(kEnding)) return 0;
  file_name.remove_suffix(kEnding.size());
  std::uint64_t number = 0;
  const char* const end = file_name.data() + file_name.size();
  const auto [rest, error] = std::from_chars(file_name.data(), end, number);
  return error == std::errc() && rest == end ? number : 0;
}

bool IsTableWord(std::string_view word) {
  return !word.empty() && word.size() <= 63 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The names of the folders in `folder` that may be a schema's or a table's.
Result<std::vector<std::string>> ListWords(const io::fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  io::fs::directory_iterator entry(folder, error);
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (IsTableWord(name) && entry->is_directory(ignored)) names.push_back(name);
  }
  if (error) return SystemError("list " + folder.string(), error.value());
  std::sort(names.begin(), names.end());
  return names;
}

// Why a file of a part is not what was written; empty: it is.
std::string FaultOfFile(const io::fs::path& path, const Part& part, std::uint64_t size_bytes,
                        const std::string& sha256) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return path.string() + " cannot be read: " + std::generic_category().message(errno);
  }
  // Times of files lag a little behind the clock; those of the log are in milliseconds.
  const auto changed = Instant(std::chrono::floor<Milliseconds>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
  const bool same_size =
      S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) == size_bytes;
  if (same_size && changed <= part.written_at + Milliseconds(5)) return "";
  if (same_size) {
    const auto digest = io::DigestFile(path);
    if (digest && digest->sha256 == sha256) return "";
  }
  return path.string() + " is not what delivery " + part.delivery + " wrote (its digest differs)";
}

}  // namespace

Result<std::string> TextOf(const Change& change) {
  try {
    return ToJson(change).dump(1) + "\n";
  } catch (const nlohmann::json::exception& error) {
    return Invalid("a delivery's facts have to be UTF-8: " + std::string(error.what()));
  }
}

Result<Change> ParseChange(const std::string& text) { return ReadChange(text); }

std::uint64_t TableState::Rows() const {
  std::uint64_t rows = 0;
  for (const Part& part : parts) rows += part.rows;
  return rows;
}

bool TableState::Has(const std::string& delivery) const {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const Part& part) { return part.delivery == delivery; });
}

TableLog::TableLog(const io::fs::path& warehouse, const std::string& table) : table_(table) {
  const auto dot = table.find('.');
  CHECK(dot != std::string::npos, "a table's name was checked");
  folder_ = warehouse / table.substr(0, dot) / table.substr(dot + 1);
}

io::fs::path TableLog::PartPath(const std::string& delivery) const {
  return folder_ / "parts" / (delivery + ".parquet");
}

io::fs::path TableLog::RowsPath(const std::string& delivery) const {
  return folder_ / "parts" / (delivery + ".rows");
}

io::fs::path TableLog::ChangePath(std::uint64_t number) const {
  return folder_ / "log" / fmt::format("{:08}{}", number, kEnding);
}

Result<std::uint64_t> TableLog::Head() const {
  std::uint64_t head = 0;
  std::error_code error;
  io::fs::directory_iterator entry(folder_ / "log", error);
  if (error == std::errc::no_such_file_or_directory) return 0;
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    head = std::max(head, NumberOf(entry->path().filename().string()));
  }
  if (error) return SystemError("list " + (folder_ / "log").string(), error.value());
  return head;
}

Result<Change> TableLog::Read(std::uint64_t number) const {
  const io::fs::path path = ChangePath(number);
  auto text = io::ReadFile(path);
  if (!text) {
    const bool missing = text.error().kind == ErrorKind::kNotFound;
    if (!missing) return tl::unexpected(std::move(text).error());
    return Unusable("the log of table " + table_ + " lacks " + path.string() +
                    "; restore this file from a backup");
  }
  auto change = ReadChange(*text);
  if (!change) {
    return Wrap("the log of table " + table_ + ", " + path.string(), std::move(change).error());
  }
  change->number = number;
  return change;
}

Result<TableState> TableLog::State() const {
  TRY_ASSIGN(const std::uint64_t head, Head());
  std::vector<Change> changes;  // newest first, down to one that lists all parts
  for (std::uint64_t number = head; number > 0; --number) {
    TRY_ASSIGN(Change change, Read(number));
    changes.push_back(std::move(change));
    if (changes.back().parts) break;
  }
  TableState state;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change)
    state = Follow(std::move(state), *change);
  return state;
}

Result<std::vector<Change>> TableLog::History() const {
  TRY_ASSIGN(const std::uint64_t head, Head());
  std::vector<Change> history;
  for (std::uint64_t number = 1; number <= head; ++number) {
    TRY_ASSIGN(Change change, Read(number));
    history.push_back(std::move(change));
  }
  return history;
}

std::string TableLog::FaultOf(const Part& part) const {
  if (part.size_bytes == 0) return "";
  const std::string what = FaultOfFile(PartPath(part.delivery), part, part.size_bytes, part.sha256);
  if (what.empty()) return "";
  return what + "; restore it from a backup, or take its rows out with busker undo " +
         part.delivery;
}

std::string TableLog::FaultOfRows(const Part& part) const {
  CHECK(part.keyed.has_value(), "it has rows by key");
  const std::string what =
      FaultOfFile(RowsPath(part.delivery), part, part.keyed->size_bytes, part.keyed->sha256);
  return what.empty() ? "" : what + "; busker fsck makes it anew";
}

Result<void> TableLog::Append(const TableState& state, Change change) const {
  change.number = state.number + 1;
  const TableState after = Follow(state, change);
  if (after.parts.size() <= kFullPartsMax || change.number % kFullEvery == 0)
    change.parts = after.parts;
  const io::fs::path path = ChangePath(change.number);
  TRY_ASSIGN(const std::string text, TextOf(change));
  TRY_ASSIGN(const bool created, io::CreateFileAtomically(path, text));
  if (!created)
    return Temporary("table " + table_ + " was changed by another program at the same time");
  return {};
}

Result<std::vector<TableLog>> ListTables(const io::fs::path& warehouse) {
  std::vector<TableLog> tables;
  std::error_code gone;
  if (!io::fs::exists(warehouse, gone)) return tables;
  TRY_ASSIGN(const std::vector<std::string> schemas, ListWords(warehouse));
  for (const std::string& schema : schemas) {
    TRY_ASSIGN(const std::vector<std::string> names, ListWords(warehouse / schema));
    for (const std::string& name : names) {
      TableLog log(warehouse, schema + "." + name);
      std::error_code error;
      if (io::fs::exists(log.folder() / "log", error)) tables.push_back(std::move(log));
    }
  }
  return tables;
}

Result<void> CheckTableName(const std::string& table) {
  const auto dot = table.find('.');
  const std::string_view schema = std::string_view(table).substr(0, dot);
  if (dot == std::string::npos || !IsTableWord(schema) ||
      !IsTableWord(std::string_view(table).substr(dot + 1))) {
    return Invalid("\"" + table +
                   "\" is not a valid name of a table; it is schema.table, of a-z, 0-9 and _, at "
                   "most 63 each");
  }
  for (const std::string_view taken :
       {"information_schema", "memory", "pg_catalog", "system", "temp", "warehouse"}) {
    if (schema == taken) {
      return Invalid("the schema of table " + table +
                     " has a name that DuckDB uses itself; choose another");
    }
  }
  return {};
}

TableState Follow(TableState state, const Change& change) {
  state.number = change.number;
  state.columns = change.columns;
  if (change.parts) {
    state.parts = *change.parts;
    return state;
  }
  std::erase_if(state.parts, [&](const Part& part) {
    return std::find(change.removed.begin(), change.removed.end(), part) != change.removed.end();
  });
  state.parts.insert(state.parts.end(), change.added.begin(), change.added.end());
  return state;
}

std::vector<Delivery> DeliveriesOf(const std::vector<Change>& history) {
  std::vector<Delivery> deliveries;
  TableState state;
  for (const Change& change : history) {
    state = Follow(std::move(state), change);
    if (change.kind == Change::Kind::kDelivery) {
      deliveries.push_back(change.delivery);
      continue;
    }
    for (Delivery& delivery : deliveries) {
      if (delivery.id == change.undone) delivery.undone_at = change.at;
    }
  }
  for (Delivery& delivery : deliveries) delivery.current = state.Has(delivery.id);
  return deliveries;
}

}  // namespace busker::deliver

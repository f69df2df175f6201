#include "deliver/table_log.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/check.h"
#include "io/digest.h"

namespace busker::deliver {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::uint64_t kFullEvery = 64;   // every so many changes list all parts,
constexpr std::size_t kFullPartsMax = 32;  // as do all changes of a table with few
constexpr std::string_view kEnding = ".json";

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

// These throw what nlohmann throws, or an Error; ParseChange catches both.
Instant InstantFrom(const Json& json) {
  auto instant = ParseRfc3339(json.get<std::string>());
  if (!instant) throw std::move(instant).error();
  return *instant;
}

std::vector<Part> PartsFrom(const Json& json) {
  std::vector<Part> parts;
  for (const Json& object : json) {
    Part part;
    part.delivery = object.at("delivery").get<std::string>();
    part.rows = object.at("rows").get<std::uint64_t>();
    part.partition = object.value("partition", "");
    part.scheduled_at = InstantFrom(object.at("scheduled_at"));
    if (object.contains("sha256")) {
      part.size_bytes = object.at("size_bytes").get<std::uint64_t>();
      part.sha256 = object.at("sha256").get<std::string>();
      part.written_at = InstantFrom(object.at("written_at"));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Delivery DeliveryFrom(const Json& json) {
  Delivery delivery;
  const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
  delivery.id = text("id");
  delivery.table = text("table");
  delivery.run = text("run");
  delivery.service = text("service");
  delivery.model_version = text("model_version");
  delivery.data_date = text("data_date");
  auto write = ParseWrite(text("write"));
  if (!write) throw std::move(write).error();
  delivery.write = *write;
  delivery.rows = json.at("rows").get<std::uint64_t>();
  delivery.table_rows = json.at("table_rows").get<std::uint64_t>();
  delivery.file_sha256 = text("file_sha256");
  delivery.snapshot_sha256 = text("snapshot_sha256");
  delivery.scheduled_at = InstantFrom(json.at("scheduled_at"));
  return delivery;
}

Change ChangeFrom(const Json& json) {
  if (json.at("format").get<int>() > kFormat)
    throw Error{ErrorKind::kUnusable, "it is from a newer Busker"};
  Change change;
  change.at = InstantFrom(json.at("at"));
  for (const Json& column : json.at("columns")) {
    change.columns.push_back(
        {column.at("name").get<std::string>(), column.at("type").get<std::string>()});
  }
  if (json.at("change").get<std::string>() == "undo") {
    change.kind = Change::Kind::kUndo;
    change.undone = json.at("undone").get<std::string>();
  } else {
    const Json& delivery = json.at("delivery");
    change.delivery = DeliveryFrom(delivery);
    change.delivery.columns = change.columns;
    change.delivery.delivered_at = change.at;
    change.snapshot_size_bytes = delivery.at("snapshot_size_bytes").get<std::uint64_t>();
  }
  change.added = PartsFrom(json.at("added"));
  change.removed = PartsFrom(json.at("removed"));
  if (json.contains("parts")) change.parts = PartsFrom(json.at("parts"));
  return change;
}

Result<Change> ParseChange(const std::string& text) {
  try {
    return ChangeFrom(Json::parse(text));
  } catch (const Error& error) {
    return Unusable(error.message);
  } catch (const nlohmann::json::exception&) {
    return Unusable("it is damaged; restore this file from a backup");
  }
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

}  // namespace

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
  const io::fs::path path = folder_ / "log" / fmt::format("{:08}{}", number, kEnding);
  auto text = io::ReadFile(path);
  if (!text) {
    const bool missing = text.error().kind == ErrorKind::kNotFound;
    if (!missing) return tl::unexpected(std::move(text).error());
    return Unusable("the log of table " + table_ + " lacks " + path.string() +
                    "; restore this file from a backup");
  }
  auto change = ParseChange(*text);
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
  const io::fs::path path = PartPath(part.delivery);
  const std::string remedy =
      "; restore it from a backup, or take its rows out with busker undo " + part.delivery;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return path.string() + " cannot be read: " + std::generic_category().message(errno) + remedy;
  }
  // Times of files lag a little behind the clock; those of the log are in milliseconds.
  const auto changed = Instant(std::chrono::floor<Milliseconds>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
  const bool same_size =
      S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) == part.size_bytes;
  if (same_size && changed <= part.written_at + Milliseconds(5)) return "";
  if (same_size) {
    const auto digest = io::DigestFile(path);
    if (digest && digest->sha256 == part.sha256) return "";
  }
  return path.string() + " is not what delivery " + part.delivery + " wrote (its digest differs)" +
         remedy;
}

Result<void> TableLog::Append(const TableState& state, Change change) const {
  change.number = state.number + 1;
  const TableState after = Follow(state, change);
  if (after.parts.size() <= kFullPartsMax || change.number % kFullEvery == 0)
    change.parts = after.parts;
  const io::fs::path path = folder_ / "log" / fmt::format("{:08}{}", change.number, kEnding);
  std::string text;
  try {
    text = ToJson(change).dump(1) + "\n";
  } catch (const nlohmann::json::exception& error) {
    return Invalid("a delivery's facts have to be UTF-8: " + std::string(error.what()));
  }
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
    return Invalid(
        "\"" + table +
        "\" is no name of a table; it is schema.table, of a-z, 0-9 and _, at most 63 each");
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

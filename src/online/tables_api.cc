#include "online/tables_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json_object.h"
#include "base/text.h"
#include "online/answer.h"

namespace busker::online {
namespace {

using deliver::TableView;
using nlohmann::ordered_json;

constexpr char kAsOf[] = "as_of";

http::Response AnswerOf(const std::string& table, const Error& error) {
  if (error.kind != ErrorKind::kUnusable) return Fault(error);
  http::Response response =
      Fault(503, "table " + table + " is damaged; busker fsck says where, and mends what it can");
  response.untold = error.message;
  return response;
}

// "customer_id (STRING), day (DATE)"
std::string ShownKey(const TableView& table) {
  std::string shown;
  for (const deliver::Column& column : table.key()) {
    shown += fmt::format("{}{} ({})", shown.empty() ? "" : ", ", column.name, column.type);
  }
  return shown;
}

tl::unexpected<Error> WrongKey(const TableView& table, const std::string& what) {
  return Invalid(
      fmt::format("{}; the key of table {} is {}", what, table.table(), ShownKey(table)));
}

// As they were asked for: a text each, by the column's name.
using KeyValues = std::map<std::string, std::string, std::less<>>;

Result<std::string> KeyText(const TableView& table, const KeyValues& asked) {
  std::vector<std::string> values;
  for (const deliver::Column& column : table.key()) {
    const auto value = asked.find(column.name);
    if (value == asked.end()) {
      return WrongKey(table, fmt::format("\"{}\" is missing", Printable(column.name)));
    }
    values.push_back(value->second);
  }
  for (const auto& [name, _] : asked) {
    const auto known = [&, &name = name](const deliver::Column& column) {
      return column.name == name;
    };
    if (std::none_of(table.key().begin(), table.key().end(), known)) {
      return WrongKey(table,
                      fmt::format("\"{}\" is not of the key", Printable(name.substr(0, 100))));
    }
  }
  return table.KeyText(values);
}

// The table as who asks may see it: others' tables are not there for them.
Result<std::shared_ptr<const TableView>> Seen(const TablesServed& tables, const Call& call) {
  auto view = tables.reader.Look(call.At("table"));
  if (!view) return view;
  const auto sees = [&](const std::string& service) {
    return call.Sees(service) && (tables.service.empty() || tables.service == service);
  };
  if (std::all_of((*view)->services().begin(), (*view)->services().end(), sees)) return view;
  return NotFound("there is no table " + (*view)->table());
}

Result<void> CheckAsOf(const std::string& as_of) {
  if (as_of.empty() || ParseDate(as_of)) return {};
  return Invalid(fmt::format("as_of is a date, such as 2026-11-01, and not \"{}\"",
                             Printable(as_of.substr(0, 40))));
}

// Appends {"rows": [...], ...}; false: without a row.
Result<bool> AddResult(const TableView& table, const std::string& key, const std::string& as_of,
                       Instant now, std::string& json) {
  TRY_ASSIGN(const auto found, table.Find(key, as_of, now));
  if (!found) {
    json += "{\"rows\":[]}";
    return false;
  }
  const deliver::KeyedRows& rows = *found->part->keyed;
  json += "{\"rows\":[" + found->json + "],\"delivery\":";
  AppendText(json, found->part->delivery);
  json += ",\"model_version\":";
  AppendText(json, rows.model_version);
  json += ",\"data_date\":";
  AppendText(json, rows.data_date);
  const auto age = std::chrono::floor<std::chrono::seconds>(now - found->part->scheduled_at);
  json += fmt::format(",\"age_seconds\":{}}}", age.count());
  return true;
}

http::Response JsonOf(std::string body) {
  http::Response response;
  response.body = std::move(body) + "\n";
  return response;
}

// A value of a key in JSON, as text. A number for a STRING is refused: 7 and "007" are two keys.
Result<std::string> TextOfKey(const deliver::Column& column, const ordered_json& value) {
  const bool number = column.type == "INT64", boolean = column.type == "BOOL";
  if (value.is_string()) return value.get<std::string>();
  if (number && value.is_number_integer()) return value.dump();
  if (boolean && value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  return Invalid(fmt::format("\"{}\" must be {}", Printable(column.name),
                             number    ? "a whole number"
                             : boolean ? "true or false"
                                       : "text, in quotes"));
}

Result<KeyValues> KeyIn(const TableView& table, const ordered_json& object) {
  if (!object.is_object()) {
    return WrongKey(table, "a key is an object, {\"COLUMN\": VALUE, ...}");
  }
  KeyValues values;
  for (const auto& [name, value] : object.items()) {
    values[name] = "";  // one that is not of the key is told by KeyText
    for (const deliver::Column& column : table.key()) {
      if (column.name != name) continue;
      TRY_ASSIGN(values[name], TextOfKey(column, value));
    }
  }
  return values;
}

struct Keys {
  std::vector<std::string> texts;
  std::string as_of;
};

Result<Keys> KeysIn(const TableView& table, std::string_view body) {
  if (body.size() > kKeysBytesMax) {
    return Invalid(fmt::format("a request for rows has at most {} KiB", kKeysBytesMax >> 10));
  }
  TRY_ASSIGN(const ordered_json json, ParseJson(body, "the body"));
  const auto keys = json.is_object() ? json.find("keys") : json.end();
  if (!json.is_object() || keys == json.end() || !keys->is_array()) {
    return WrongKey(table, "the body must be {\"keys\": [{\"COLUMN\": VALUE, ...}, ...]}");
  }
  if (keys->size() > kKeysMax) {
    return Invalid(fmt::format("at most {} keys are answered at a time, and these are {}", kKeysMax,
                               keys->size()));
  }
  Keys asked;
  for (const auto& [name, value] : json.items()) {
    if (name == "keys") continue;
    if (name != kAsOf || !value.is_string()) {
      return Invalid(fmt::format("the body has \"keys\" and \"as_of\", a date; not this \"{}\"",
                                 Printable(name.substr(0, 100))));
    }
    asked.as_of = value.get<std::string>();
  }
  TRY(CheckAsOf(asked.as_of));
  for (const ordered_json& key : *keys) {
    const auto place = [&] { return fmt::format("key {}", asked.texts.size() + 1); };
    auto values = KeyIn(table, key);
    if (!values) return Wrap(place(), std::move(values).error());
    auto text = KeyText(table, *values);
    if (!text) return Wrap(place(), std::move(text).error());
    asked.texts.push_back(*std::move(text));
  }
  return asked;
}

http::Response AnswerRow(const TablesServed& tables, const Call& call) {
  const auto view = Seen(tables, call);
  if (!view) return AnswerOf(call.At("table"), view.error());
  const TableView& table = **view;
  if (!call.target.query_fault.empty()) return Fault(400, call.target.query_fault);
  KeyValues asked(call.target.query.begin(), call.target.query.end());
  std::string as_of;
  const auto of_key = [](const deliver::Column& column) { return column.name == kAsOf; };
  if (std::none_of(table.key().begin(), table.key().end(), of_key)) {
    if (const auto said = asked.extract(kAsOf)) {
      as_of = said.mapped();
      if (as_of.empty()) return Fault(400, "as_of is a date, such as 2026-11-01, and not nothing");
    }
  }
  if (const auto date = CheckAsOf(as_of); !date) return Fault(date.error());
  const auto key = KeyText(table, asked);
  if (!key) return Fault(key.error());
  if (const auto fresh = table.CheckAge(call.now); as_of.empty() && !fresh) {
    return Fault(fresh.error());
  }
  std::string body;
  const auto found = AddResult(table, *key, as_of, call.now, body);
  if (!found) return AnswerOf(table.table(), found.error());
  if (*found) return JsonOf(std::move(body));
  std::string shown = key->substr(0, key->size() - 1);
  if (shown.size() > 100) shown = shown.substr(0, 100) + "...";
  return Fault(404, fmt::format("table {} has no row with the key {}{}", table.table(),
                                Printable(shown), as_of.empty() ? "" : " as of " + as_of));
}

http::Response AnswerRows(const TablesServed& tables, const Call& call) {
  const auto view = Seen(tables, call);
  if (!view) return AnswerOf(call.At("table"), view.error());
  const TableView& table = **view;
  const auto keys = KeysIn(table, call.body);
  if (!keys) return Fault(keys.error());
  if (const auto fresh = table.CheckAge(call.now); keys->as_of.empty() && !fresh) {
    return Fault(fresh.error());
  }
  std::string body = "{\"results\":[";
  for (const std::string& key : keys->texts) {
    if (body.back() != '[') body += ',';
    const auto found = AddResult(table, key, keys->as_of, call.now, body);
    if (!found) return AnswerOf(table.table(), found.error());
  }
  return JsonOf(std::move(body) + "]}");
}

}  // namespace

void AddTableRoutes(Routes& routes, const TablesServed& tables) {
  routes.Add({http::Method::kGet, "/v1/tables/{table}/rows",
              [tables](const Call& call) { return AnswerRow(tables, call); }});
  routes.Add({http::Method::kPost, "/v1/tables/{table}/rows",
              [tables](const Call& call) { return AnswerRows(tables, call); }});
}

}  // namespace busker::online

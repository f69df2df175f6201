// busker query: SQL on the warehouse.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"

namespace busker::cli {
namespace {

using deliver::Value;

// A number keeps its digits where JSON can hold it; NaN and infinity become text.
nlohmann::ordered_json ToJson(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return nullptr;
    case Value::Kind::kBool:
      return value.text == "true";
    case Value::Kind::kNumber: {
      auto number = nlohmann::ordered_json::parse(value.text, nullptr, false);
      if (number.is_number() && !(number.is_number_float() && std::isinf(number.get<double>()))) {
        return number;
      }
      return value.text;
    }
    case Value::Kind::kText:
      return value.text;
  }
  return nullptr;
}

// The columns' names, each once: a second "a" is "a:1".
std::vector<std::string> NamesOf(const deliver::Answer& answer) {
  std::set<std::string> taken(answer.columns.begin(), answer.columns.end());
  std::set<std::string> given;
  std::vector<std::string> names;
  for (const std::string& column : answer.columns) {
    std::string name = column;
    for (int i = 1; given.contains(name) || (name != column && taken.contains(name)); ++i) {
      name = fmt::format("{}:{}", column, i);
    }
    given.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

// As in a CSV file: nothing is NULL, "" is the empty text, and NULL is a text of four letters.
std::string CellOf(const Value& value) {
  if (value.kind == Value::Kind::kNull) return "";
  return value.text.empty() ? "\"\"" : value.text;
}

}  // namespace

Result<int> Query(const Common& common, const QueryOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) TRY(OpenRecord(workspace.home));  // says that there is nothing
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
  TRY_ASSIGN(const deliver::Answer answer, warehouse->Query(options.sql, options.rows));
  const std::vector<std::string> names = NamesOf(answer);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& row : answer.rows) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[names[i]] = ToJson(row[i]);
      list.push_back(std::move(object));
    }
    PrintJson(list);
  } else {
    std::vector<Column> columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool right = std::any_of(answer.rows.begin(), answer.rows.end(), [&](const auto& row) {
        return row[i].kind == Value::Kind::kNumber;
      });
      columns.push_back({names[i], right});
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : answer.rows) {
      auto& cells = rows.emplace_back();
      for (const Value& value : row) cells.push_back(CellOf(value));
    }
    Print(Table(columns, rows));
  }
  if (answer.truncated) {
    std::fprintf(stderr, "busker: only the first %llu rows are shown; --rows N shows more\n",
                 static_cast<unsigned long long>(options.rows));
  }
  return 0;
}

}  // namespace busker::cli

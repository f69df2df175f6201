// busker query: SQL on the warehouse.
#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

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

}  // namespace

Result<int> Query(const Common& common, const QueryOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY(dispatch::MakeHome(workspace.home.folder));
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
  TRY_ASSIGN(const deliver::Answer answer, warehouse->Query(options.sql, options.rows));
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& row : answer.rows) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[answer.columns[i]] = ToJson(row[i]);
      list.push_back(std::move(object));
    }
    PrintJson(list);
  } else {
    std::vector<Column> columns;
    for (std::size_t i = 0; i < answer.columns.size(); ++i) {
      const bool right =
          !answer.rows.empty() && answer.rows.front()[i].kind == Value::Kind::kNumber;
      columns.push_back({answer.columns[i], right});
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : answer.rows) {
      auto& cells = rows.emplace_back();
      for (const Value& value : row) {
        cells.push_back(value.kind == Value::Kind::kNull ? "NULL" : value.text);
      }
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

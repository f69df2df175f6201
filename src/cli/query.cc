// busker query: SQL on the warehouse.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
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

bool IsNumeric(const deliver::Answer& answer, std::size_t column) {
  return std::any_of(answer.rows.begin(), answer.rows.end(),
                     [&](const auto& row) { return row[column].kind == Value::Kind::kNumber; });
}

// As in a CSV file: nothing is NULL, "" is the empty text, and NULL is a text of four letters.
std::string CellOf(const Value& value) {
  if (value.kind == Value::Kind::kNull) return "";
  return value.text.empty() ? "\"\"" : value.text;
}

// RFC 4180: NULL is nothing, the empty text is "".
std::string CsvField(const Value& value) {
  if (value.kind == Value::Kind::kNull) return "";
  const bool plain =
      !value.text.empty() && value.text.find_first_of(",\"\r\n") == std::string::npos;
  if (plain) return value.text;
  std::string quoted = "\"";
  for (const char c : value.text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void PrintCsv(const std::vector<std::string>& names, const deliver::Answer& answer) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i > 0 ? "," : "") + CsvField({Value::Kind::kText, names[i]});
  }
  text += "\n";
  for (const auto& row : answer.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "," : "") + CsvField(row[i]);
    text += "\n";
  }
  Print(text);
}

std::string MarkdownCell(const std::string& text) {
  std::string cell;
  for (const char c : Printable(text)) {
    if (c == '|') cell += '\\';
    cell += c == '\n' || c == '\t' ? ' ' : c;
  }
  return cell;
}

void PrintMarkdown(const std::vector<std::string>& names, const deliver::Answer& answer) {
  std::string text = "|", rule = "|";
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += " " + MarkdownCell(names[i]) + " |";
    rule += IsNumeric(answer, i) ? "---:|" : "---|";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : answer.rows) {
    text += "|";
    for (const Value& value : row) text += " " + MarkdownCell(CellOf(value)) + " |";
    text += "\n";
  }
  Print(text);
}

// All of standard input, as a statement: at most a megabyte.
Result<std::string> ReadStatement() {
  constexpr std::size_t kBytesMax = 1 << 20;
  if (isatty(STDIN_FILENO) == 1) {
    return Invalid("no SQL; busker query 'SELECT ...', or busker query < FILE");
  }
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(STDIN_FILENO, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kBytesMax) return Invalid("standard input is too long for a statement");
  }
  while (!text.empty() &&
         (std::isspace(static_cast<unsigned char>(text.back())) != 0 || text.back() == ';')) {
    text.pop_back();
  }
  if (text.empty()) return Invalid("no SQL; busker query 'SELECT ...', or busker query < FILE");
  return text;
}

}  // namespace

Result<int> Query(const Common& common, const QueryOptions& options) {
  std::string sql = options.sql;
  if (sql.empty()) {
    TRY_ASSIGN(sql, ReadStatement());
  }
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) TRY(OpenRecord(workspace.home));  // says that there is nothing
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
  TRY_ASSIGN(const deliver::Answer answer, warehouse->Query(sql, options.rows));
  const std::vector<std::string> names = NamesOf(answer);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& row : answer.rows) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[names[i]] = ToJson(row[i]);
      list.push_back(std::move(object));
    }
    PrintJson(list);
  } else if (options.csv) {
    PrintCsv(names, answer);
  } else if (options.markdown) {
    PrintMarkdown(names, answer);
  } else {
    std::vector<Column> columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
      columns.push_back({names[i], IsNumeric(answer, i)});
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

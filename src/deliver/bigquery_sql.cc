#include "deliver/bigquery_sql.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "deliver/delivery_rules.h"

namespace busker::deliver {
namespace {

// `{0}` is the text of a value, without blanks around it, or NULL. CAST takes no 10:00 for
// 10:00:00, no offset +0200 and no seventh decimal: so the parts are put together anew.
constexpr std::string_view kClock =
    "(REGEXP_EXTRACT({0}, '^([^:]*:[0-9]+)') || "
    "COALESCE(REGEXP_EXTRACT({0}, '^[^:]*:[0-9]+(:[0-9]+)'), ':00') || "
    "COALESCE(REGEXP_EXTRACT({0}, '([.][0-9]{{1,6}})'), ''))";
constexpr std::string_view kOffset =
    "COALESCE(REGEXP_EXTRACT({0}, ':[0-9.]+ ?([+-])') || "
    "LPAD(REGEXP_EXTRACT({0}, ':[0-9.]+ ?[+-]([0-9]{{1,2}}):?(?:[0-9]{{2}})?$'), 2, '0') || ':' || "
    "COALESCE(REGEXP_EXTRACT({0}, ':[0-9.]+ ?[+-][0-9]{{1,2}}:?([0-9]{{2}})$'), '00'), '+00:00')";

std::string Apply(std::string_view expression, const std::string& text) {
  return fmt::format(fmt::runtime(expression), text);
}

std::string ValueOf(const std::string& type, const std::string& text) {
  if (type == "BOOL") return fmt::format("LOWER({}) IN ('true', 't', 'yes', 'y', '1')", text);
  if (type == "INT64") return fmt::format("CAST(CAST({} AS BIGNUMERIC) AS INT64)", text);
  if (type == "BYTES") return fmt::format("FROM_BASE64({})", text);
  if (type == "JSON") return fmt::format("PARSE_JSON({})", text);
  if (type == "TIME") return fmt::format("CAST({} AS TIME)", Apply(kClock, text));
  if (type == "DATETIME") {
    return fmt::format(
        "CAST(CASE WHEN REGEXP_CONTAINS({0}, ':') THEN {1} ELSE {0} END AS DATETIME)", text,
        Apply(kClock, text));
  }
  if (type == "TIMESTAMP") {
    return fmt::format(
        "CAST(CASE WHEN REGEXP_CONTAINS({0}, ':') THEN {1} || {2} ELSE {0} || ' 00:00:00+00:00' "
        "END AS TIMESTAMP)",
        text, Apply(kClock, text), Apply(kOffset, text));
  }
  return fmt::format("CAST({} AS {})", text, type);
}

std::string Quoted(const std::string& name) { return "`" + name + "`"; }

}  // namespace

std::string SelectOf(const Staged& staged, const std::vector<Column>& wanted) {
  std::string inner, values;
  for (std::size_t i = 0; i < staged.header.size(); ++i) {
    const auto column =
        std::find_if(staged.columns.begin(), staged.columns.end(),
                     [&](const Column& one) { return one.name == staged.header[i]; });
    const bool is_text = column == staged.columns.end() || column->type == "STRING";
    inner += fmt::format(fmt::runtime(is_text ? "{0}c{1}" : "{0}NULLIF(TRIM(c{1}), '') AS c{1}"),
                         i == 0 ? "" : ", ", i + 1);
  }
  for (const Column& column : wanted) {
    values += values.empty() ? "" : ", ";
    const auto place = std::find(staged.header.begin(), staged.header.end(), column.name);
    if (place != staged.header.end()) {
      const std::string text = fmt::format("c{}", place - staged.header.begin() + 1);
      values += column.type == "STRING" ? text : ValueOf(column.type, text);
    } else if (column.name == kDataDate && !staged.data_date.empty()) {
      values += fmt::format("DATE '{}'", staged.data_date);
    } else {
      values += fmt::format("CAST(NULL AS {})", column.type);
    }
    values += " AS " + Quoted(column.name);
  }
  return fmt::format("SELECT {} FROM (SELECT {} FROM `{}`)", values, inner, staged.table);
}

std::string PlainPattern(const std::string& type) {
  constexpr std::string_view kClock = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?";
  // Of a year that stays within 1 to 9999 whatever the offset; the day is looked at apart.
  constexpr std::string_view kDay = "([1-8][0-9]{3}|9[0-8][0-9]{2})-[0-9]{2}-[0-9]{2}";
  if (type == "BOOL") return "^(true|false|True|False|TRUE|FALSE)$";
  if (type == "INT64") return "^-?[0-9]{1,18}([.]0)?$";
  if (type == "FLOAT64") return "^-?[0-9]{1,17}([.][0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$";
  if (type == "NUMERIC") return "^-?[0-9]{1,29}([.][0-9]{1,9})?$";
  if (type == "BIGNUMERIC") return "^-?[0-9]{1,20}([.][0-9]{1,18})?$";
  if (type == "DATE") return fmt::format("^{}$", kDay);
  if (type == "TIME") return fmt::format("^{}$", kClock);
  if (type == "DATETIME") return fmt::format("^{}[ T]{}$", kDay, kClock);
  if (type == "TIMESTAMP") {
    return fmt::format("^{}[ T]{}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?$", kDay, kClock);
  }
  return {};  // BYTES and JSON
}

std::string PlainnessOf(const Staged& staged) {
  std::string counts = "COUNT(*)";
  for (std::size_t i = 0; i < staged.header.size(); ++i) {
    const auto column =
        std::find_if(staged.columns.begin(), staged.columns.end(),
                     [&](const Column& one) { return one.name == staged.header[i]; });
    const std::string type = column == staged.columns.end() ? "STRING" : column->type;
    const std::string text = fmt::format("c{}", i + 1);
    std::string plain;
    if (type == "STRING") {
      plain = fmt::format("STRPOS({}, '\xEF\xBF\xBD') = 0", text);  // what was no UTF-8
    } else if (const std::string pattern = PlainPattern(type); !pattern.empty()) {
      plain = fmt::format("REGEXP_CONTAINS({}, '{}')", text, pattern);
      if (type.starts_with("DATE") || type == "TIMESTAMP") {
        plain += fmt::format(" AND SAFE_CAST(SUBSTR({}, 1, 10) AS DATE) IS NOT NULL", text);
      }
      plain = fmt::format("{} = '' OR {}", text, plain);
    } else {
      plain = fmt::format("{} = ''", text);
    }
    counts += fmt::format(", COALESCE(SUM(CASE WHEN {} IS NULL OR {} THEN 0 ELSE 1 END), 0)", text,
                          plain);
  }
  return fmt::format("SELECT {} FROM `{}`", counts, staged.table);
}

std::string NamesOf(const std::vector<Column>& columns) {
  std::string names;
  for (const Column& column : columns) names += (names.empty() ? "" : ", ") + Quoted(column.name);
  return names;
}

Result<void> CheckColumnNames(const std::vector<std::string>& names) {
  // bigquery/docs/schemas: "flexible" names may have more, but not everywhere.
  constexpr std::array<std::string_view, 6> kTaken = {
      "_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"};
  for (const std::string& name : names) {
    const bool fine = name.size() <= 300 && !name.empty() &&
                      std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                      std::all_of(name.begin(), name.end(),
                                  [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!fine) {
      return Invalid(fmt::format(
          "BigQuery takes no column named \"{}\"; name it with letters, digits and '_', not "
          "beginning with a digit, at most 300",
          Printable(name)));
    }
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const std::string_view taken : kTaken) {
      if (!upper.starts_with(taken)) continue;
      return Invalid(fmt::format(
          "BigQuery takes no column named \"{}\": names that begin with {} are its own; rename it",
          name, taken));
    }
  }
  return {};
}

}  // namespace busker::deliver

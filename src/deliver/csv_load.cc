#include "deliver/csv_load.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace busker::deliver {
namespace {

constexpr std::string_view kDate = R"((\d{3}[1-9]|\d{2}[1-9]0|\d[1-9]00|[1-9]000)-\d{1,2}-\d{1,2})";
constexpr std::string_view kTime = R"(([01]?\d|2[0-3]):\d{2}(:\d{2}(\.\d+)?)?)";
// DuckDB takes no blank and no single digit in an offset, no "z", and no offset behind 10:00.
constexpr std::string_view kZone = R"(( ?(Z|z|UTC|[+-](0?\d|1[0-4])(:?[0-5]\d)?))?)";

// How a column of a type gets from text into the table. `{0}` stands for the quoted column.
//
// The CSV reader takes some texts for more than they are: it drops the zone of a DATETIME and what
// stands behind a time. Such columns are read as text and cast in the same scan. Of what is read as
// it is
// ("natively"), the judges (column_judge.h) find the texts that need a closer look.
struct Rule {
  std::string_view type;
  std::string read_as;    // what the CSV reader makes of it
  std::string value;      // the table's value of what was read; an error when it is none
  std::string good;       // of the column read as VARCHAR: whether it can be read; NULL always can
  std::string_view hint;  // behind "is no TYPE"
};

std::string CastIf(std::string_view condition, std::string_view cast) {
  return fmt::format(
      "CASE WHEN {{0}} IS NULL THEN NULL WHEN {} THEN {} ELSE error('bad value') END", condition,
      cast);
}

// A number as BigQuery reads it, which DuckDB would also take with 1_000 in it.
std::string Numeric(std::string_view type) {
  return fmt::format("TRY_CAST({{0}} AS {}) IS NOT NULL AND NOT contains({{0}}, '_')", type);
}

std::string Matches(std::string_view pattern) {
  // Doubled braces: the text goes through fmt once more.
  std::string text = "regexp_full_match({0}, '";
  for (const char c : pattern) {
    text += c;
    if (c == '{' || c == '}') text += c;
  }
  return text + "')";
}

const std::vector<Rule>& Rules() {
  static const std::vector<Rule> rules = [] {
    const std::string date_time = fmt::format("{}([ T]{})?", kDate, kTime);
    const std::string datetime = Matches(date_time);
    const std::string timestamp = Matches(fmt::format("{}([ T]{}{})?", kDate, kTime, kZone));
    const std::string time = Matches(kTime);
    // What DuckDB does not take as it is, it takes with its seconds, and its offset as +00:00.
    const std::string instant =
        "coalesce(TRY_CAST({0} AS TIMESTAMPTZ), TRY_CAST(regexp_replace(regexp_replace("
        "regexp_replace(regexp_replace({0}, '^([^:]*:\\d\\d)( ?[zZU+-])', '\\1:00\\2'), "
        "' ?(z|Z|UTC)$', '+00'), ' ([+-])', '\\1'), '(:[0-9.]+[+-])(\\d)(:|$)', '\\10\\2\\3') "
        "AS TIMESTAMPTZ))";
    // json_valid takes NaN, Infinity, inf and a comma before a closing bracket, which are no JSON.
    const std::string json =
        "(json_valid({0}) AND NOT regexp_matches(regexp_replace({0}, "
        "'\"(\\\\.|[^\"\\\\])*\"', '\"\"', 'g'), '[nN][aA][nN]|[iI][nN][fF]|,\\s*[]}}]'))";
    // TRY_CAST alone makes 2 of 1.5.
    const std::string whole =
        "TRY_CAST({0} AS BIGINT) = TRY_CAST({0} AS DECIMAL(38, 9)) AND NOT contains({0}, '_')";
    // 1e400 is none: infinity is that which is spelled out, with an n.
    const std::string finite =
        Numeric("DOUBLE") + " AND (isfinite(TRY_CAST({0} AS DOUBLE)) OR contains(lower({0}), 'n'))";
    const std::string date = Matches(fmt::format(" *{} *", kDate)) +
                             " AND try_strptime(trim({0}), '%Y-%m-%d') IS NOT NULL";
    return std::vector<Rule>{
        {"STRING", "VARCHAR", "{0}", "true", ""},
        {"BYTES", "VARCHAR", "from_base64(nullif({0}, ''))", "TRY(from_base64({0})) IS NOT NULL",
         "; use base64"},
        {"BOOL", "BOOLEAN", "{0}", "TRY_CAST({0} AS BOOLEAN) IS NOT NULL", "; use true or false"},
        {"INT64", "BIGINT", "{0}", whole, ""},
        {"FLOAT64", "DOUBLE", "{0}", finite, ""},
        {"NUMERIC", "DECIMAL(38, 9)", "{0}", Numeric("DECIMAL(38, 9)"), ""},
        {"BIGNUMERIC", "DECIMAL(38, 18)", "{0}", Numeric("DECIMAL(38, 18)"), ""},
        {"DATE", "DATE", "{0}", date, "; use YYYY-MM-DD"},
        {"TIME", "VARCHAR", CastIf(time, "CAST({0} AS TIME)"),
         time + " AND TRY_CAST({0} AS TIME) IS NOT NULL", "; use HH:MM:SS"},
        {"DATETIME", "VARCHAR", CastIf(datetime, "CAST({0} AS TIMESTAMP)"),
         datetime + " AND TRY_CAST({0} AS TIMESTAMP) IS NOT NULL", "; use YYYY-MM-DD HH:MM:SS"},
        {"TIMESTAMP", "VARCHAR", CastIf(timestamp, "coalesce(" + instant + ", error('bad value'))"),
         timestamp + " AND " + instant + " IS NOT NULL",
         "; use YYYY-MM-DD HH:MM:SS, with Z or an offset such as +02:00 unless it is in UTC"},
        {"JSON", "VARCHAR", CastIf(json, "{0}"), json, ""},
    };
  }();
  return rules;
}

const Rule& RuleOf(const Column& column) {
  for (const Rule& rule : Rules()) {
    if (rule.type == column.type) return rule;
  }
  CHECK(false, "types are canonical by the time a file is loaded");
  return Rules().front();
}

std::string Apply(const std::string& expression, const std::string& name) {
  return fmt::format(fmt::runtime(expression), QuoteName(name));
}

// read_csv(...) of the file with the given types, in the order of the header.
std::string ReadCsv(const CsvSource& source, const std::vector<std::string>& types,
                    std::string_view more = "") {
  std::string columns;
  for (std::size_t i = 0; i < types.size(); ++i) {
    columns +=
        (i == 0 ? "" : ", ") + QuoteLiteral(source.header.names[i]) + ": " + QuoteLiteral(types[i]);
  }
  return "read_csv(" + source.SqlName() +
         ", auto_detect = false, header = true, delim = ',', quote = '\"', " +
         "escape = '\"', nullstr = '', allow_quoted_nulls = false, strict_mode = true, "
         "null_padding = false, " +
         "compression = 'none', encoding = 'utf-8', dateformat = '%Y-%m-%d', columns = {" +
         columns + "}" + std::string(more) + ")";
}

const Column& Named(const std::vector<Column>& columns, const std::string& name) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  CHECK(found != columns.end(), "the header was held against the columns");
  return *found;
}

}  // namespace

std::string CsvSource::SqlName() const {
  return QuoteLiteral("/proc/self/fd/" + std::to_string(fd.get()));
}

Result<CsvSource> OpenCsv(const io::fs::path& path) {
  CsvSource source;
  source.path = path;
  TRY_ASSIGN(source.fd, io::Open(path, O_RDONLY | O_NONBLOCK));
  struct stat info {};
  if (fstat(source.fd.get(), &info) != 0) return SystemError("read " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return Invalid("it is no regular file");
  TRY_ASSIGN(source.header, ReadCsvHeader(source.fd.get(), path));
  return source;
}

Result<void> CheckHeader(const CsvSource& source, const std::vector<Column>& schema) {
  const std::vector<std::string>& header = source.header.names;
  std::vector<std::string> wanted;
  for (const Column& column : schema) wanted.push_back(column.name);
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto meant = [](const std::string& name, const std::vector<std::string>& names) {
    const auto nearest = Nearest(name, names);
    return nearest ? "; did you mean \"" + *nearest + "\"?" : std::string();
  };
  for (const std::string& name : wanted) {
    if (has(header, name)) continue;
    const std::string_view separator = OtherSeparator(source.header);
    return Invalid("it has no column \"" + name + "\"; its columns are " + Join(header, ", ") +
                   (!separator.empty() ? fmt::format(" (with {}; Busker reads commas)", separator)
                    : LooksLikeRow(source.header) ? "; is the header missing?"
                                                  : meant(name, header)));
  }
  for (const std::string& name : header) {
    if (has(wanted, name)) continue;
    return Invalid("it has a column \"" + name +
                   "\" that the table is not to have; the table's columns are " +
                   Join(wanted, ", ") + meant(name, wanted));
  }
  return {};
}

Result<void> CheckHeader(const CsvSource& source) {
  const std::string_view separator = OtherSeparator(source.header);
  if (!separator.empty()) {
    return Invalid(fmt::format(
        "its header is one column, \"{}\", with {} in it; Busker reads commas: write the file with "
        "commas (if it is one column, say so with schema = {{ ... }})",
        Printable(source.header.names[0]), separator));
  }
  if (LooksLikeRow(source.header)) {
    return Invalid(
        "its first line, " + Printable(Join(source.header.names, ",")) +
        ", has to name the columns, and looks like a row; is the header missing? (If those "
        "are their names, say so with schema = { ... })");
  }
  return {};
}

std::vector<ColumnJudge> JudgesFor(const CsvSource& source, const LoadPlan& plan) {
  std::vector<ColumnJudge> judges;
  for (const std::string& name : source.header.names) {
    judges.emplace_back(plan.guess ? "" : Named(plan.columns, name).type, plan.undeclared);
  }
  return judges;
}

std::string LoadSql(const CsvSource& source, const LoadPlan& plan, const io::fs::path& target) {
  std::vector<std::string> types;
  std::string blanks;
  for (const std::string& name : source.header.names) {
    const Column& column = Named(plan.columns, name);
    types.push_back(plan.quoted_blanks ? "VARCHAR" : RuleOf(column).read_as);
    if (column.type == "STRING") continue;
    blanks += (blanks.empty() ? "" : ", ") + fmt::format("nullif({0}, '') AS {0}", QuoteName(name));
  }
  std::string values;
  for (const Column& column : plan.columns) {
    const Rule& rule = RuleOf(column);
    const std::string value = Apply(rule.value, column.name);
    values += values.empty() ? "" : ", ";
    values += plan.quoted_blanks && rule.read_as != "VARCHAR"
                  ? fmt::format("CAST({} AS {})", value, rule.read_as)
                  : value;
    values += " AS " + QuoteName(column.name);
  }
  if (!plan.data_date.empty())
    values += ", CAST(" + QuoteLiteral(plan.data_date) + " AS DATE) AS data_date";
  std::string rows = ReadCsv(source, types);
  if (plan.quoted_blanks && !blanks.empty()) {
    rows = "(SELECT * REPLACE (" + blanks + ") FROM " + rows + ")";
  }
  return "COPY (SELECT " + values + " FROM " + rows + ") TO " + QuoteLiteral(target.string()) +
         " (FORMAT parquet, USE_TMP_FILE false)";
}

// What a column of a type that nobody declared does not take, though one that was declared does:
// 007 is an id and not 7, yes a word and not true.
std::string_view UndeclaredBad(const Column& column) {
  if (column.type == "INT64") return "regexp_matches({0}, '^([+]|-?0[0-9])')";
  if (column.type == "BOOL") return "lower({0}) NOT IN ('true', 'false')";
  return "false";
}

Result<std::string> FindBadValue(Session& session, const CsvSource& source, const LoadPlan& plan) {
  // One query: the number of the first row with a bad value, the column, and the value.
  std::string bad_column = "CASE";
  std::string bad_value = "CASE";
  for (const Column& column : plan.columns) {
    const Rule& rule = RuleOf(column);
    if (rule.good == "true") continue;
    const std::string name = QuoteName(column.name);
    std::string good = "coalesce(" + Apply(rule.good, column.name) + ", false)";
    if (plan.undeclared)
      good += " AND NOT " + Apply(std::string(UndeclaredBad(column)), column.name);
    const std::string condition = " WHEN " + name + " <> '' AND NOT (" + good + ") THEN ";
    bad_column += condition + QuoteLiteral(column.name);
    bad_value += condition + name;
  }
  if (bad_column == "CASE") return std::string();
  const std::vector<std::string> texts(source.header.names.size(), "VARCHAR");
  TRY_ASSIGN(
      const Session::Table rows,
      session.Run("SELECT CAST(busker_row AS VARCHAR), busker_column, busker_value FROM (SELECT "
                  "row_number() OVER () AS busker_row, " +
                  bad_column + " END AS busker_column, " + bad_value +
                  " END AS busker_value FROM " + ReadCsv(source, texts, ", parallel = false") +
                  ") WHERE busker_column IS NOT NULL ORDER BY busker_row LIMIT 1"));
  if (rows.empty()) return std::string();
  const std::uint64_t row = std::stoull(rows[0][0].value_or("0"));
  const Column& column = Named(plan.columns, rows[0][1].value_or(""));
  std::string value = rows[0][2].value_or("");
  if (value.size() > 100) value = value.substr(0, 100) + "...";
  TRY_ASSIGN(const std::uint64_t line, LineOfCsvRow(source.fd.get(), source.path, row));
  return fmt::format("row {} (line {}), column \"{}\": \"{}\" is no {}{}", row, line, column.name,
                     Printable(value), column.type,
                     plan.undeclared
                         ? ", as which the table has this column; schema = { ... } says what it is"
                         : RuleOf(column).hint);
}

}  // namespace busker::deliver

#include "deliver/csv_load.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"

namespace busker::deliver {
namespace {

constexpr std::string_view kDate = R"(\d{4}-\d{1,2}-\d{1,2})";
constexpr std::string_view kTime = R"(\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)";

// How a column of a type gets from text into the table. `{}` stands for the quoted column.
struct Rule {
  std::string_view type;
  std::string read_as;  // what the CSV reader makes of it
  std::string value;    // the table's value of what was read; an error when it is none
  std::string good;     // of the column read as VARCHAR: whether it can be read; NULL always can
};

// The CSV reader takes some texts for more than they are: it drops the zone of a DATETIME, what
// stands behind a time, and the fraction of an integer. Such columns come as text and are cast
// here.
std::string CastIf(std::string_view condition, std::string_view cast) {
  return fmt::format(
      "CASE WHEN {{0}} IS NULL THEN NULL WHEN {} THEN {} ELSE error('bad value') END", condition,
      cast);
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
    const std::string zone = "( ?(Z|z|UTC|[+-]\\d{1,2}(:?\\d{2})?))?";
    const std::string date_time = fmt::format("{}([ T]{})?", kDate, kTime);
    const std::string datetime = Matches(date_time);
    const std::string timestamp = Matches(fmt::format("{}{}", date_time, zone));
    const std::string time = Matches(kTime);
    const std::string whole =
        "coalesce(TRY_CAST({0} AS BIGINT) = TRY_CAST({0} AS DECIMAL(38, 9)), false)";
    return std::vector<Rule>{
        {"STRING", "VARCHAR", "{0}", "true"},
        {"BYTES", "VARCHAR", "from_base64({0})", "TRY(from_base64({0})) IS NOT NULL"},
        {"BOOL", "BOOLEAN", "{0}", "TRY_CAST({0} AS BOOLEAN) IS NOT NULL"},
        {"INT64", "VARCHAR",
         "CASE WHEN contains({0}, '.') OR contains({0}, 'e-') OR contains({0}, 'E-') THEN CASE "
         "WHEN " +
             whole +
             " THEN CAST({0} AS BIGINT) ELSE error('bad value') END ELSE CAST({0} AS BIGINT) END",
         whole},
        {"FLOAT64", "DOUBLE", "{0}", "TRY_CAST({0} AS DOUBLE) IS NOT NULL"},
        {"NUMERIC", "DECIMAL(38, 9)", "{0}", "TRY_CAST({0} AS DECIMAL(38, 9)) IS NOT NULL"},
        {"BIGNUMERIC", "DECIMAL(38, 18)", "{0}", "TRY_CAST({0} AS DECIMAL(38, 18)) IS NOT NULL"},
        {"DATE", "DATE", "{0}", "try_strptime({0}, '%Y-%m-%d') IS NOT NULL"},
        {"TIME", "VARCHAR", CastIf(time, "CAST({0} AS TIME)"),
         time + " AND TRY_CAST({0} AS TIME) IS NOT NULL"},
        {"DATETIME", "VARCHAR", CastIf(datetime, "CAST({0} AS TIMESTAMP)"),
         datetime + " AND TRY_CAST({0} AS TIMESTAMP) IS NOT NULL"},
        {"TIMESTAMP", "VARCHAR", CastIf(timestamp, "CAST({0} AS TIMESTAMPTZ)"),
         timestamp + " AND TRY_CAST({0} AS TIMESTAMPTZ) IS NOT NULL"},
        {"JSON", "VARCHAR", CastIf("json_valid({0})", "{0}"), "json_valid({0})"},
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

std::string NameForDuckdbType(const std::string& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames{{
      {"BOOLEAN", "BOOL"},
      {"BIGINT", "INT64"},
      {"DOUBLE", "FLOAT64"},
      {"DATE", "DATE"},
      {"TIME", "TIME"},
      {"TIMESTAMP", "DATETIME"},
      {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"},
  }};
  for (const auto& [duckdb, name] : kNames) {
    if (type == duckdb) return std::string(name);
  }
  return "STRING";
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
    return Invalid("it has no column \"" + name + "\"; its columns are " + Join(header, ", ") +
                   meant(name, header));
  }
  for (const std::string& name : header) {
    if (has(wanted, name)) continue;
    return Invalid("it has a column \"" + name +
                   "\" that the table is not to have; the table's columns are " +
                   Join(wanted, ", ") + meant(name, wanted));
  }
  return {};
}

Result<std::vector<Column>> InferColumns(Session& session, const CsvSource& source, bool sample) {
  // Dates as ISO 8601 alone: DuckDB's guess between 1/2 and 2/1 depends on the rows it looks at.
  auto rows = session.Run(
      "SELECT column_type FROM (DESCRIBE SELECT * FROM read_csv(" + source.SqlName() +
      ", header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls "
      "= false, "
      "strict_mode = true, compression = 'none', dateformat = '%Y-%m-%d', auto_type_candidates = "
      "['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMPTZ', 'VARCHAR']" +
      (sample ? "))" : ", sample_size = -1))"));
  if (!rows) return tl::unexpected(std::move(rows).error());
  if (rows->size() != source.header.names.size()) return Failed("its columns cannot be told apart");
  std::vector<Column> columns;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    columns.push_back({source.header.names[i], NameForDuckdbType((*rows)[i][0].value_or(""))});
  }
  return columns;
}

bool NeedsFractionCheck(const LoadPlan& plan) {
  bool whole = false;
  for (const Column& column : plan.columns) {
    whole = whole || column.type == "INT64";
    if (column.type != "INT64" && column.type != "BOOL" && column.type != "DATE") return false;
  }
  return whole;
}

std::string LoadSql(const CsvSource& source, const LoadPlan& plan, const io::fs::path& target) {
  const bool integers_as_they_stand = NeedsFractionCheck(plan);
  const auto direct = [&](const Column& column) {
    return integers_as_they_stand && column.type == "INT64";
  };
  std::vector<std::string> types;
  for (const std::string& name : source.header.names) {
    const Column& column = Named(plan.columns, name);
    types.push_back(direct(column) ? "BIGINT" : RuleOf(column).read_as);
  }
  std::string values;
  for (const Column& column : plan.columns) {
    values += values.empty() ? "" : ", ";
    values += (direct(column) ? QuoteName(column.name) : Apply(RuleOf(column).value, column.name)) +
              " AS " + QuoteName(column.name);
  }
  if (!plan.data_date.empty())
    values += ", CAST(" + QuoteLiteral(plan.data_date) + " AS DATE) AS data_date";
  return "COPY (SELECT " + values + " FROM " + ReadCsv(source, types) + ") TO " +
         QuoteLiteral(target.string()) + " (FORMAT parquet, USE_TMP_FILE false)";
}

Result<std::string> FindBadValue(Session& session, const CsvSource& source, const LoadPlan& plan) {
  // One query: the number of the first row with a bad value, the column, and the value.
  std::string bad_column = "CASE";
  std::string bad_value = "CASE";
  for (const Column& column : plan.columns) {
    const Rule& rule = RuleOf(column);
    if (rule.good == "true") continue;
    const std::string name = QuoteName(column.name);
    const std::string condition = " WHEN " + name + " IS NOT NULL AND NOT coalesce(" +
                                  Apply(rule.good, column.name) + ", false) THEN ";
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
  return fmt::format("row {} (line {}), column \"{}\": \"{}\" is no {}", row, line, column.name,
                     Printable(value), column.type);
}

}  // namespace busker::deliver

#include "deliver/csv_load.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "deliver/declared_value.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kShownBytesMax = 100;  // of a value, in a message

// How a column of a type gets from text into the table, for texts that its judge has found to be
// values of it (declared_value.h). `{0}` stands for the quoted column.
struct Reading {
  std::string_view type;
  std::string_view read_as;  // what the CSV reader makes of it
  std::string_view value;    // the table's value of what was read; an error when it is none
};

// DuckDB takes no blank and no single digit in an offset, no "z", and no offset behind 10:00: so it
// is given the seconds, and the offset as +00:00.
constexpr std::string_view kInstant =
    "CASE WHEN {0} IS NULL THEN NULL ELSE coalesce(TRY_CAST({0} AS TIMESTAMPTZ), "
    "CAST(regexp_replace(regexp_replace(regexp_replace(regexp_replace({0}, "
    "'^([^:]*:\\d\\d)( ?[zZU+-])', '\\1:00\\2'), ' ?(z|Z|UTC)$', '+00'), ' ([+-])', '\\1'), "
    "'(:[0-9.]+[+-])(\\d)(:|$)', '\\10\\2\\3') AS TIMESTAMPTZ)) END";

constexpr std::array<Reading, 12> kReadings{{
    {"STRING", "VARCHAR", "{0}"},
    {"BYTES", "VARCHAR", "from_base64(nullif({0}, ''))"},
    {"BOOL", "BOOLEAN", "{0}"},
    {"INT64", "BIGINT", "{0}"},
    {"FLOAT64", "DOUBLE", "{0}"},
    {"NUMERIC", "DECIMAL(38, 9)", "{0}"},
    {"BIGNUMERIC", "DECIMAL(38, 18)", "{0}"},
    {"DATE", "DATE", "{0}"},
    {"TIME", "TIME", "{0}"},
    {"DATETIME", "TIMESTAMP", "{0}"},
    {"TIMESTAMP", "VARCHAR", kInstant},
    {"JSON", "VARCHAR", "{0}"},
}};

const Reading& ReadingOf(const Column& column) {
  for (const Reading& reading : kReadings) {
    if (reading.type == column.type) return reading;
  }
  CHECK(false, "types are canonical by the time a file is loaded");
  return kReadings.front();
}

std::string Apply(std::string_view expression, const std::string& name) {
  return fmt::format(fmt::runtime(expression), QuoteName(name));
}

// read_csv(...) of the file with the given types, in the order of the header.
std::string ReadCsv(const CsvSource& source, const std::vector<std::string>& types) {
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
         columns + "})";
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
  if (!S_ISREG(info.st_mode)) return Invalid("it is not a regular file");
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
    types.emplace_back(plan.quoted_blanks ? "VARCHAR" : ReadingOf(column).read_as);
    if (column.type == "STRING") continue;
    blanks += (blanks.empty() ? "" : ", ") + fmt::format("nullif({0}, '') AS {0}", QuoteName(name));
  }
  std::string values;
  for (const Column& column : plan.columns) {
    const Reading& reading = ReadingOf(column);
    const std::string value = Apply(reading.value, column.name);
    values += values.empty() ? "" : ", ";
    values += plan.quoted_blanks && reading.read_as != "VARCHAR"
                  ? fmt::format("CAST({} AS {})", value, reading.read_as)
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

Result<std::string> FindBadValue(const CsvSource& source, const LoadPlan& plan) {
  std::vector<const DeclaredType*> types;
  for (const std::string& name : source.header.names) {
    types.push_back(&DeclaredTypeOf(Named(plan.columns, name).type));
  }
  CsvRows rows(source.fd.get(), source.path);
  for (;;) {
    TRY_ASSIGN(const bool some, rows.Next());
    if (!some) return std::string();
    const std::vector<std::string>& fields = rows.record().fields;
    for (std::size_t i = 0; i < std::min(fields.size(), types.size()); ++i) {
      if (fields[i].empty()) continue;
      const Misfit misfit =
          plan.undeclared ? JudgeUndeclared(*types[i], fields[i]) : types[i]->judge(fields[i]);
      if (misfit == Misfit::kNone) continue;
      std::string value = fields[i];
      if (value.size() > kShownBytesMax) value = value.substr(0, kShownBytesMax) + "...";
      return fmt::format(
          "row {} (line {}), column \"{}\": \"{}\" is not a valid {}{}", rows.number(),
          rows.record().line, source.header.names[i], Printable(value), types[i]->name,
          plan.undeclared ? ", as which the table has this column; schema = { ... } says what it is"
                          : RemedyFor(*types[i], misfit));
    }
  }
}

}  // namespace busker::deliver

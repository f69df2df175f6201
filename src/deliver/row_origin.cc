#include "deliver/row_origin.h"

#include <fmt/core.h>

#include <algorithm>

#include "deliver/duckdb_session.h"
#include "deliver/table_log.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kPartsAtOnce = 200;
constexpr char kPartitionColumn[] = "data_date";

Result<std::string> ConditionOf(const TableState& state, const RowText& row) {
  std::string condition;
  for (const auto& [name, value] : row) {
    const bool is_there = std::any_of(state.columns.begin(), state.columns.end(),
                                      [&name = name](const Column& c) { return c.name == name; });
    if (!is_there) return Invalid("the table has no column \"" + name + "\"");
    condition += fmt::format("{}{} IS NOT DISTINCT FROM {}", condition.empty() ? "" : " AND ",
                             QuoteName(name), value ? QuoteLiteral(*value) : "NULL");
  }
  if (condition.empty()) return Invalid("a row needs a value of one column at least");
  return condition;
}

}  // namespace

Result<std::vector<Origin>> FindOrigins(const io::fs::path& warehouse,
                                        const io::fs::path& duckdb_library,
                                        const std::string& table, const RowText& row) {
  TRY(CheckTableName(table));
  const TableLog log(warehouse, table);
  TRY_ASSIGN(const TableState state, log.State());
  if (state.parts.empty()) return NotFound("there is no table " + table);
  TRY_ASSIGN(const std::string condition, ConditionOf(state, row));
  // A partition is of one data date: the others need not be read.
  const auto date = row.find(kPartitionColumn);
  std::vector<const Part*> parts;
  for (auto part = state.parts.rbegin(); part != state.parts.rend(); ++part) {
    const bool is_other = date != row.end() && date->second && !part->partition.empty() &&
                          part->partition != *date->second;
    if (!is_other) parts.push_back(&*part);
  }
  TRY_ASSIGN(const DuckdbLibrary duckdb, OpenDuckdbLibrary(duckdb_library));
  std::vector<Origin> origins;
  for (std::size_t begin = 0; begin < parts.size(); begin += kPartsAtOnce) {
    const std::size_t end = std::min(begin + kPartsAtOnce, parts.size());
    TRY_ASSIGN(Session session, Session::Open(duckdb, "", warehouse / ".spill"));
    std::vector<io::fs::path> files;
    std::string sql;
    for (std::size_t i = begin; i < end; ++i) {
      files.push_back(log.PartPath(parts[i]->delivery));
      sql += fmt::format(
          "{}SELECT {} AS place, count(*) AS found FROM read_parquet({}, "
          "hive_partitioning = false) WHERE {}",
          sql.empty() ? "" : " UNION ALL ", i, QuotePath(files.back()), condition);
    }
    TRY(session.Seal(files));
    const auto answer =
        session.Ask("SELECT * FROM (" + sql + ") WHERE found > 0 ORDER BY place", kPartsAtOnce);
    if (!answer && answer.error().kind == ErrorKind::kTemporary) {
      return tl::unexpected(answer.error());
    }
    // What DuckDB says names the file, which is nobody's business here.
    if (!answer) return Invalid("a value that is asked for is none of its column's type");
    for (const auto& found : answer->rows) {
      origins.push_back({parts[std::stoull(found[0].text)]->delivery, std::stoull(found[1].text)});
    }
  }
  return origins;
}

}  // namespace busker::deliver

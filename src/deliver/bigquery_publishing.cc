#include "deliver/bigquery_publishing.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/text.h"
#include "deliver/bigquery_sql.h"
#include "deliver/delivery_rules.h"

namespace busker::deliver {
namespace {

using nlohmann::json;

std::string DecoratorOf(const std::string& date) {  // 2019-08-01 -> 20190801
  std::string text = date;
  std::erase(text, '-');
  return text;
}

bool SameColumns(const std::vector<Column>& a, const std::vector<Column>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const Column& one) { return HasColumn(b, one); });
}

// Why the columns of a delivery do not go into those of a table; empty: they do. Names are one in
// whatever letters, as BigQuery has it.
std::string Misfitting(const std::vector<Column>& table, const std::vector<Column>& delivered) {
  for (const Column& column : delivered) {
    const auto there = std::find_if(table.begin(), table.end(), [&](const Column& one) {
      return LowerCase(one.name) == LowerCase(column.name);
    });
    if (there == table.end()) {
      return fmt::format("the table has no column \"{}\" of {}", column.name, column.type);
    }
    if (there->type != column.type) {
      return fmt::format("column \"{}\" is {} in the table and {} in the delivery", column.name,
                         there->type, column.type);
    }
  }
  return {};
}

// What WRITE_TRUNCATE would lose, or empty.
std::string LostBy(const BigQueryTable& table) {
  return Join(std::span(table.kept_by_schema)
                  .first(std::min<std::size_t>(3, table.kept_by_schema.size())),
              ", ") +
         (table.kept_by_schema.size() > 3 ? ", ..." : "");
}

}  // namespace

bool HasColumn(const std::vector<Column>& columns, const Column& column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

Result<Publishing> PublishingOf(BigQueryClient& client, const TableName& name,
                                const std::optional<BigQueryTable>& table,
                                const std::vector<Column>& columns, Write write,
                                const std::string& partition, const SelectRows& select,
                                const io::Interrupt& interrupt) {
  Publishing publishing;
  json query = {{"useLegacySql", false}, {"createDisposition", "CREATE_IF_NEEDED"}};
  std::string target = name.table;
  const auto by_date = json{{"type", "DAY"}, {"field", std::string(kDataDate)}};
  const bool has_date = HasColumn(columns, {std::string(kDataDate), "DATE"});
  const auto set = [&](const std::string& sql, std::string_view disposition) {
    query["query"] = sql;
    query["writeDisposition"] = disposition;
  };
  if (!table) {
    set(select(columns), "WRITE_EMPTY");
    if (write == Write::kPartition) query["timePartitioning"] = by_date;
  } else if (table->kind != "TABLE") {
    return Invalid(fmt::format("{}.{} is not a table but a {}; choose another name", name.dataset,
                               name.table, LowerCase(table->kind)));
  } else if (table->partitioned_by == "?" ||
             (!table->partitioned_by.empty() && table->partitioned_by != kDataDate)) {
    return Invalid(fmt::format(
        "{}.{} is partitioned by {}, and Busker writes tables that are partitioned by data_date, "
        "or not at all; choose another table",
        name.dataset, name.table,
        table->partitioned_by == "?" ? "something else than a day" : table->partitioned_by));
  } else if (write == Write::kAppend) {
    set(select(columns), "WRITE_APPEND");
  } else if (write == Write::kPartition && table->partitioned_by == kDataDate) {
    // Truncating a partition leaves the table all that it has besides.
    if (const std::string why = Misfitting(table->columns, columns); !why.empty()) {
      return Invalid(fmt::format(
          "{0}: one partition of {1}.{2} cannot have other columns than the rest; change the file, "
          "or the table by ALTER TABLE, or choose another table",
          why, name.dataset, name.table));
    }
    target += "$" + DecoratorOf(partition);
    set(select(SameColumns(table->columns, columns) ? table->columns : columns), "WRITE_TRUNCATE");
  } else {
    std::vector<Column> wanted = columns;
    if (!table->partitioned_by.empty()) {
      if (!has_date) {
        return Invalid(fmt::format(
            "{0}.{1} is partitioned by data_date, which this delivery has not; write it with write "
            "= \"partition\", choose another table, or remove that one: `bq rm -t {2}:{0}.{1}`",
            name.dataset, name.table, client.project()));
      }
      query["timePartitioning"] = by_date;
    }
    std::string_view disposition = "WRITE_TRUNCATE_DATA";
    if (SameColumns(table->columns, columns)) {
      wanted = table->columns;
    } else {
      BigQueryTable protecting = *table;
      const auto has_policies = client.HasRowPolicies(name, interrupt);
      if (!has_policies) {
        protecting.kept_by_schema.push_back("row access policies, which we may not list (" +
                                            has_policies.error().message + ")");
      } else if (*has_policies) {
        protecting.kept_by_schema.push_back("its row access policies");
      }
      const bool grows = std::all_of(table->columns.begin(), table->columns.end(),
                                     [&](const Column& one) { return HasColumn(columns, one); });
      if (protecting.kept_by_schema.empty()) {
        disposition = "WRITE_TRUNCATE";
      } else if (grows) {
        wanted = table->columns;
        for (const Column& one : columns) {
          if (HasColumn(table->columns, one)) continue;
          publishing.added.push_back(one);
          wanted.push_back(one);
        }
      } else {
        return Invalid(fmt::format(
            "{}.{} has other columns, and to change them would lose {}; change the table's columns "
            "by ALTER TABLE, or choose another table",
            name.dataset, name.table, LostBy(protecting)));
      }
    }
    if (write == Write::kPartition && table->partitioned_by.empty() &&
        HasColumn(table->columns, {std::string(kDataDate), "DATE"})) {
      // Not partitioned, yet with a date in each row: what has another date stays.
      const std::string kept =
          fmt::format("SELECT {} FROM `{}` WHERE {} IS NULL OR {} != DATE '{}'", NamesOf(wanted),
                      fmt::format("{}.{}.{}", client.project(), name.dataset, name.table),
                      kDataDate, kDataDate, partition);
      set(kept + " UNION ALL " + select(wanted), disposition);
    } else {
      set(select(wanted), disposition);
    }
  }
  query["destinationTable"] = {
      {"projectId", client.project()}, {"datasetId", name.dataset}, {"tableId", target}};
  publishing.configuration = json{{"query", query}}.dump();
  return publishing;
}

}  // namespace busker::deliver

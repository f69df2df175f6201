#include "deliver/delivery_rules.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/plural.h"
#include "deliver/part_rows.h"

namespace busker::deliver {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

std::vector<Column> WithoutDataDate(std::vector<Column> columns) {
  std::erase_if(columns, [](const Column& column) { return column.name == kDataDate; });
  return columns;
}

Result<std::vector<Column>> Joined(const std::vector<Column>& delivered,
                                   const std::vector<Column>& table) {
  const auto find = [](const std::vector<Column>& columns, const std::string& name) {
    return std::find_if(columns.begin(), columns.end(),
                        [&](const Column& c) { return c.name == name; });
  };
  for (const Column& column : delivered) {
    const auto there = find(table, column.name);
    if (there == table.end())
      return Invalid("the table has no column \"" + column.name + "\", the delivery has");
    if (there->type != column.type) {
      return Invalid("column \"" + column.name + "\" is " + there->type + " in the table and " +
                     column.type + " in the delivery");
    }
  }
  for (const Column& column : table) {
    if (find(delivered, column.name) == delivered.end()) {
      return Invalid("the table has a column \"" + column.name + "\", the delivery has not");
    }
  }
  return table;
}

}  // namespace

bool IsDeliveryId(std::string_view id) {
  return !id.empty() && id.size() <= 200 && id.front() != '.' && id.front() != '-' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

Result<Request> Checked(Request request) {
  if (!IsDeliveryId(request.id)) {
    return Invalid(
        "\"" + request.id +
        "\" is not the id of a delivery; it is of a-z, 0-9, '.', '_' and '-', at most 200");
  }
  TRY(CheckTableName(request.table));
  if (request.write == Write::kPartition || !request.data_date.empty()) {
    auto date = ParseDate(request.data_date);
    if (!date) return Wrap("the data date", std::move(date).error());
  }
  for (std::size_t i = 0; i < request.schema.size(); ++i) {
    Column& column = request.schema[i];
    if (column.name.empty()) return Invalid("a column of the schema has no name");
    auto type = CanonicalType(column.type);
    if (!type) return Wrap("column \"" + column.name + "\" of the schema", std::move(type).error());
    column.type = *std::move(type);
    for (std::size_t j = 0; j < i; ++j) {
      if (SameName(request.schema[j].name, column.name)) {
        return Invalid("the schema has the column \"" + column.name + "\" twice");
      }
    }
  }
  if (!request.key.empty() && !request.schema.empty()) {
    TRY(CheckKey(request.key, request.schema));
  }
  if (request.write == Write::kPartition &&
      std::find(request.key.begin(), request.key.end(), kDataDate) != request.key.end()) {
    return Invalid(
        "data_date cannot be a column of a key: it is the same in all rows of a partition, and "
        "as_of "
        "asks for another");
  }
  return request;
}

bool Replaces(const Request& request, const Part& part) {
  switch (request.write) {
    case Write::kReplace:
      return true;
    case Write::kAppend:
      return false;
    case Write::kPartition:
      return part.partition.empty() || part.partition == request.data_date;
  }
  return false;
}

Result<void> CheckOrder(const Request& request, const TableState& state) {
  if (request.force) return {};
  for (const Part& part : state.parts) {
    if (!Replaces(request, part) || part.scheduled_at <= request.scheduled_at) continue;
    return Invalid(fmt::format(
        "this delivery is for {}, and the table has one for {} already (delivery {}); --force "
        "delivers it all the same",
        FormatRfc3339(request.scheduled_at), FormatRfc3339(part.scheduled_at), part.delivery));
  }
  return {};
}

Result<void> CheckPartitioned(const Request& request, const TableState& state) {
  if (request.write != Write::kPartition || request.force) return {};
  for (const Part& part : state.parts) {
    if (!part.partition.empty()) continue;
    return Invalid("the table is not partitioned: delivery " + part.delivery +
                   " wrote it as a whole. busker run --force puts this partition in its place, "
                   "busker undo " +
                   part.delivery + " takes its rows out first, or choose another table");
  }
  return {};
}

Result<LoadPlan> PlanOf(const Request& request, const CsvSource& source, const TableState& state) {
  LoadPlan plan;
  const bool partition = request.write == Write::kPartition;
  if (partition) plan.data_date = request.data_date;
  const auto& names = source.header.names;
  if (partition && std::any_of(names.begin(), names.end(),
                               [](const auto& n) { return SameName(n, kDataDate); })) {
    return Invalid("it has a column data_date, which delivery by partition adds itself; rename it");
  }
  // A partition that is replaced leaves the table its types; what has no partition goes with them.
  const bool joins = request.write != Write::kReplace &&
                     std::any_of(state.parts.begin(), state.parts.end(), [&](const Part& part) {
                       return request.write == Write::kAppend || !part.partition.empty();
                     });
  const std::vector<Column> table = partition ? WithoutDataDate(state.columns) : state.columns;
  if (!request.schema.empty()) {
    TRY(CheckHeader(source, request.schema));
    plan.columns = request.schema;
    if (joins) {
      TRY_ASSIGN(plan.columns, Joined(request.schema, table));
    }
  } else if (joins) {
    TRY(CheckHeader(source, table));
    plan.columns = table;
    plan.undeclared = true;
  } else {
    TRY(CheckHeader(source));
    plan.guess = true;
  }
  return plan;
}

Result<void> CheckSurvey(const Request& request, const CsvSurvey& survey) {
  const std::string& expected = request.source.sha256;
  if (!expected.empty() && survey.digest.sha256 != expected) {
    return Invalid("its SHA-256 is " + survey.digest.sha256 + " and not " + expected +
                   ": it is not the file that was to be delivered");
  }
  if (survey.records == 0 && request.rows_min.value_or(1) > 0)
    return Invalid("it has a header and no rows");
  if (survey.records < request.rows_min.value_or(0)) {
    return Invalid(fmt::format("it has {}, at least {} are expected", Plural(survey.records, "row"),
                               *request.rows_min));
  }
  return {};
}

Result<void> CheckRepeated(const Request& request, const Delivery& before) {
  if (before.table != request.table) {
    return Invalid("delivery " + request.id + " went to table " + before.table);
  }
  if (before.undone_at) {
    return Invalid("delivery " + request.id + " was undone at " + FormatRfc3339(*before.undone_at) +
                   " and stays so; a new run delivers anew");
  }
  return {};
}

std::vector<Column> ColumnsOf(const LoadPlan& plan) {
  std::vector<Column> columns = plan.columns;
  if (!plan.data_date.empty()) columns.push_back({std::string(kDataDate), "DATE"});
  return columns;
}

Change ChangeOf(const Request& request, const TableState& state, const std::vector<Column>& columns,
                const CsvSurvey& survey) {
  Change change;
  change.at = Now();
  change.columns = columns;
  change.added = {{request.id, survey.records,
                   request.write == Write::kPartition ? request.data_date : "",
                   request.scheduled_at, 0, "", change.at}};
  for (const Part& there : state.parts) {
    if (Replaces(request, there)) change.removed.push_back(there);
  }
  Delivery& delivery = change.delivery;
  delivery.id = request.id;
  delivery.table = request.table;
  delivery.run = request.run;
  delivery.service = request.service;
  delivery.model_version = request.model_version;
  delivery.data_date = request.data_date;
  delivery.write = request.write;
  delivery.rows = survey.records;
  delivery.file_sha256 = survey.digest.sha256;
  delivery.columns = columns;
  delivery.scheduled_at = request.scheduled_at;
  delivery.delivered_at = change.at;
  delivery.current = true;
  change.number = state.number + 1;
  delivery.table_rows = Follow(state, change).Rows();
  return change;
}

Result<Change> UndoOf(const std::vector<Change>& history, const std::string& id) {
  TableState state;
  const Change* own = nullptr;
  const Change* replaced_by = nullptr;
  for (const Change& change : history) {
    state = Follow(std::move(state), change);
    if (change.kind == Change::Kind::kUndo && change.undone == id) {
      return Invalid("it was undone already, at " + FormatRfc3339(change.at));
    }
    if (change.kind != Change::Kind::kDelivery) continue;
    if (change.delivery.id == id) own = &change;
    const bool removes = std::any_of(change.removed.begin(), change.removed.end(),
                                     [&](const Part& part) { return part.delivery == id; });
    if (removes) replaced_by = &change;
  }
  CHECK(own != nullptr, "it was found in this history");
  if (!state.Has(id)) {
    return Invalid("delivery " + replaced_by->delivery.id +
                   " has replaced its rows; undo that one first");
  }
  Change undo;
  undo.kind = Change::Kind::kUndo;
  undo.at = Now();
  undo.undone = id;
  undo.removed = own->added;
  undo.added = own->removed;
  undo.columns = state.columns;
  for (const Change& change : history) {
    const bool restored = std::any_of(undo.added.begin(), undo.added.end(), [&](const Part& part) {
      return part.delivery == change.delivery.id;
    });
    if (!restored || change.kind != Change::Kind::kDelivery) continue;
    // What stays and what comes back have to fit together.
    if (state.parts.size() > 1 && change.columns != state.columns) {
      return Invalid("the rows it replaced have other columns than those of delivery " +
                     state.parts.back().delivery + ", which came later; undo that one first");
    }
    undo.columns = change.columns;
  }
  undo.number = state.number + 1;
  return undo;
}

Delivery Undone(Delivery delivery, const Change& undo, const TableState& after) {
  delivery.table_rows = after.Rows();
  delivery.columns = after.parts.empty() ? std::vector<Column>() : after.columns;
  delivery.undone_at = undo.at;
  delivery.current = false;
  return delivery;
}

}  // namespace busker::deliver

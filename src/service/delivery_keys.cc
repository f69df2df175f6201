// The keys of [actions.NAME.deliver."FILE"].
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "service/conventions.h"
#include "service/keys.h"

namespace busker::service {
namespace {

constexpr std::string_view kTextSchema = R"({"type":"string","minLength":1})";
// BigQuery's names for types that a CSV file can hold, with their aliases; VARCHAR is what people
// type.
constexpr std::string_view kTypes[] = {
    "STRING", "BYTES",    "BOOL",      "INT64", "FLOAT64", "NUMERIC",    "BIGNUMERIC", "DATE",
    "TIME",   "DATETIME", "TIMESTAMP", "JSON",  "BOOLEAN", "INT",        "SMALLINT",   "INTEGER",
    "BIGINT", "TINYINT",  "BYTEINT",   "FLOAT", "DECIMAL", "BIGDECIMAL", "VARCHAR"};

constexpr std::size_t kKeyColumnsMax = 16;

// As deliver has it, with BigQuery's other names.
bool CanBeKey(std::string_view type) {
  constexpr std::string_view kKeyTypes[] = {"STRING", "VARCHAR", "BOOL",    "BOOLEAN",
                                            "INT64",  "INT",     "INTEGER", "SMALLINT",
                                            "BIGINT", "TINYINT", "BYTEINT", "DATE"};
  return std::find(std::begin(kKeyTypes), std::end(kKeyTypes), type) != std::end(kKeyTypes);
}

// [actions.x.deliver.predictions.csv] is a table "csv" in a table "predictions".
bool LooksUnquoted(const Node& table) {
  return table.members.size() == 1 && table.members[0].value.kind == Node::Kind::kTable &&
         table.members[0].name != "schema";
}

void ReadDeliveryTable(Reader& reader, const Member& member, DeliveryDraft& draft) {
  draft.table_at = member.value.at;
  if (auto table = reader.String(member)) draft.delivery.table = std::move(*table);
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

void ReadColumn(Reader& reader, const Member& column, DeliveryDraft& draft) {
  const std::string what = fmt::format("the type of column {}", Quoted(column.name));
  const auto type = reader.String(column.value, what);
  if (!type) return;
  const std::string upper = Upper(*type);
  if (std::find(std::begin(kTypes), std::end(kTypes), upper) == std::end(kTypes)) {
    const std::vector<std::string> types(std::begin(kTypes), std::end(kTypes));
    const auto nearest = Nearest(upper, types);
    reader.Fault(column.value.at,
                 fmt::format("{}: {} is not a BigQuery type{}", what, Quoted(*type),
                             nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                     : "; there are " + Join(types, ", ")));
    return;
  }
  if (column.name.empty() || column.name.size() > 300 ||
      std::any_of(column.name.begin(), column.name.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    reader.Fault(column.at, fmt::format("{} cannot be the name of a column", Quoted(column.name)));
    return;
  }
  for (const auto& [name, other_type] : draft.delivery.schema) {
    if (Upper(name) == Upper(column.name)) {
      reader.Fault(column.at, fmt::format("column {} is there already, as {}: a warehouse does not "
                                          "tell capitals apart",
                                          Quoted(column.name), Quoted(name)));
      return;
    }
  }
  if (Upper(column.name) == "DATA_DATE") draft.data_date_at = column.at;
  draft.delivery.schema.emplace_back(column.name, upper);
}

void ReadSchema(Reader& reader, const Member& member, DeliveryDraft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  for (const Member& column : table->members) ReadColumn(reader, column, draft);
}

void ReadWrite(Reader& reader, const Member& member, DeliveryDraft& draft) {
  if (auto write = reader.Choice(member, {"replace", "append", "partition"})) {
    draft.delivery.write = std::move(*write);
  }
}

void ReadRowsMin(Reader& reader, const Member& member, DeliveryDraft& draft) {
  if (const auto rows = reader.Integer(member, 0, INT64_MAX)) {
    draft.delivery.rows_min = static_cast<std::uint64_t>(*rows);
  }
}

void ReadKey(Reader& reader, const Member& member, DeliveryDraft& draft) {
  auto columns = reader.Strings(member, "a column's name");
  if (!columns) return;
  draft.delivery.key_at = member.value.at;
  if (columns->empty() || columns->size() > kKeyColumnsMax) {
    reader.MustBe(member, "one column or several, at most 16");
    return;
  }
  draft.key_at.push_back(member.value.at);
  if (member.value.kind == Node::Kind::kArray) {
    draft.key_at.clear();
    for (const Node& item : member.value.items) draft.key_at.push_back(item.at);
  }
  draft.delivery.key = std::move(*columns);
}

void ReadMaxAge(Reader& reader, const Member& member, DeliveryDraft& draft) {
  draft.max_age_at = member.at;
  draft.delivery.max_age = reader.Limit(member);
}

// That the key is of columns that the table has, of types whose values can be told apart.
void CheckKey(Reader& reader, const DeliveryDraft& draft) {
  const DeliverySetting& delivery = draft.delivery;
  if (draft.max_age_at.line > 0 && delivery.key.empty() && delivery.key_at.line == 0) {
    reader.Fault(draft.max_age_at,
                 "\"max_age\" is of rows that are asked for by key; it needs key = "
                 "[\"customer_id\"]");
  }
  for (std::size_t i = 0; i < delivery.key.size(); ++i) {
    const std::string& name = delivery.key[i];
    if (delivery.write == "partition" && Upper(name) == "DATA_DATE") {
      reader.Fault(draft.key_at[i],
                   "\"data_date\" cannot be a column of a key: it is the same in all rows of a "
                   "partition, and who asks says as_of for another");
      continue;
    }
    if (delivery.schema.empty()) continue;
    const auto column = std::find_if(delivery.schema.begin(), delivery.schema.end(),
                                     [&](const auto& other) { return other.first == name; });
    if (column == delivery.schema.end()) {
      std::vector<std::string> names;
      for (const auto& [other, _] : delivery.schema) names.push_back(other);
      const auto nearest = Nearest(name, names);
      reader.Fault(draft.key_at[i],
                   fmt::format("\"key\": the schema has no column {}{}", Quoted(name),
                               nearest ? ", did you mean \"" + *nearest + "\"?"
                                       : "; it has " + Join(names, ", ")));
    } else if (!CanBeKey(column->second)) {
      reader.Fault(draft.key_at[i],
                   fmt::format("\"key\": column {} is {}, and a key is of STRING, INT64, BOOL and "
                               "DATE",
                               Quoted(name), column->second));
    }
  }
}

constexpr std::array<Key<DeliveryDraft>, 6> kDelivery = {{
    {{"table", R"("churn.predictions")",
      "The table, as schema.table: two names of a-z, 0-9 and \"_\".", kTextSchema},
     ReadDeliveryTable},
    {{"schema", R"({ player_id = "STRING", label = "BOOL" })",
      "The columns and their BigQuery types, in the order that the table gets. Inferred unless "
      "given.",
      R"({"type":"object","additionalProperties":{"type":"string"}})"},
     ReadSchema},
    {{"write", R"("replace")",
      "\"replace\" the table, \"append\" to it, or replace the \"partition\" of the data date.",
      R"({"enum":["replace","append","partition"]})"},
     ReadWrite},
    {{"rows_min", "1000", "Fewer rows fail the delivery.", R"({"type":"integer","minimum":0})"},
     ReadRowsMin},
    {{"key", R"(["customer_id"])",
      "The columns by whose values a row of the table is asked for over HTTP.",
      R"({"anyOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,"maxItems":16,)"
      R"("uniqueItems":true,"items":{"type":"string","minLength":1}}]})"},
     ReadKey},
    {{"max_age", R"("36h")", "Rows by key that are older are not answered. Needs \"key\".",
      R"({"type":"string","pattern":"^([0-9]+(ms|s|m|h|d))+$"})"},
     ReadMaxAge},
}};

}  // namespace

std::span<const Key<DeliveryDraft>> DeliveryKeys() { return kDelivery; }

void ReadDelivery(Reader& reader, const Member& member, ActionDraft& draft) {
  const std::string where =
      fmt::format("[actions.{}.deliver.{}]", draft.action.name, Quoted(member.name));
  if (!IsPlainRelativePath(member.name)) {
    reader.Fault(member.at, fmt::format("{} must be a path inside output/, without \"..\"",
                                        Quoted(member.name)));
    return;
  }
  if (member.value.kind != Node::Kind::kTable) {
    reader.Fault(member.value.at, fmt::format("{} must be a table with the key \"table\", not {}",
                                              where, Describe(member.value)));
    return;
  }
  if (LooksUnquoted(member.value)) {
    reader.Fault(member.at, fmt::format("a file name with a dot needs quotes: deliver.{}",
                                        Quoted(member.name + "." + member.value.members[0].name)));
    return;
  }
  DeliveryDraft delivery;
  delivery.table_at = member.at;
  // The delivery that the conventions have keeps its table unless another is named.
  const auto conventional = ConventionalAction(draft.action.name, draft.service_name, false);
  for (const auto& setting : conventional.deliveries) {
    if (setting.file == member.name) delivery.delivery.table = setting.table;
  }
  delivery.delivery.file = member.name;
  Reader table(reader.faults(), where);
  table.ReadTable(member.value, DeliveryKeys(), delivery);
  if (delivery.delivery.table.empty() && member.value.Find("table") == nullptr) {
    reader.Fault(member.at, fmt::format("{} needs the key \"table\"", where));
  }
  if (delivery.delivery.write == "partition" && delivery.data_date_at.line > 0) {
    reader.Fault(delivery.data_date_at,
                 "the column \"data_date\" is added by write = \"partition\"; give yours another "
                 "name");
  }
  CheckKey(reader, delivery);
  draft.tables_at[member.name] = delivery.table_at;
  draft.action.deliveries.push_back(std::move(delivery.delivery));
}

}  // namespace busker::service

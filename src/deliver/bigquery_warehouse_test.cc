#include "deliver/bigquery_warehouse.h"

#include <fcntl.h>

#include "deliver/bigquery_stand_in.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

using nlohmann::json;

// One stand-in for each test: ids of jobs that were used are used for good.
const BigQueryStandIn& StandInOf(const io::fs::path& place) {
  static io::fs::path current;
  static std::unique_ptr<BigQueryStandIn> stand_in;
  if (place != current) {
    stand_in.reset();
    stand_in = std::make_unique<BigQueryStandIn>();
    current = place;
  }
  return *stand_in;
}

// As the fixture wants them: NUMERIC with all its decimals, JSON with a blank behind a colon.
Result<Answer> AllRows(Warehouse& warehouse, const std::string& table) {
  TRY_ASSIGN(Answer answer, warehouse.Query("SELECT * FROM " + table, 1'000'000));
  std::vector<Column> columns;
  const auto deliveries = warehouse.Deliveries(table);
  for (const Delivery& delivery : *deliveries) {
    if (delivery.current) columns = delivery.columns;
  }
  for (auto& row : answer.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string& text = row[i].text;
      if (text == "Infinity" || text == "-Infinity" || text == "NaN") {
        text = text == "NaN" ? "nan" : text == "Infinity" ? "inf" : "-inf";
      }
      if (i >= columns.size() || row[i].kind == Value::Kind::kNull) continue;
      if (columns[i].type == "NUMERIC") {
        if (text.find('.') == std::string::npos) text += '.';
        text.resize(text.find('.') + 10, '0');
      }
      if (columns[i].type == "JSON") {
        const std::size_t colon = text.find("\":");
        if (colon != std::string::npos) text.insert(colon + 2, " ");
      }
    }
  }
  return answer;
}

INSTANTIATE_TEST_SUITE_P(
    BigQuery, WarehouseConformance,
    testing::Values(Backend{
        "bigquery", [](const io::fs::path& place) { return StandInOf(place).Open(); }, AllRows,
        [](const io::fs::path& place) {
          (void)StandInOf(place);
          return BigQueryStandIn::Files();
        },
        /*takes_any_name=*/false, /*takes_empty_rows=*/false}),
    testing::PrintToStringParamName());

}  // namespace
}  // namespace busker::deliver

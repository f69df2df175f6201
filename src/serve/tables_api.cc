#include "serve/tables_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "deliver/row_origin.h"
#include "deliver/table_rows.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "serve/describe.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kRowsMax = 50, kCellBytesMax = 500, kTablesCountedMax = 200;
constexpr std::uint64_t kCellsCountedMax = 300'000'000;
constexpr int kEndsShown = 100;  // characters of the least and the most value

// Of a long text the begin.
ordered_json DescribeCell(const deliver::Value& value) {
  switch (value.kind) {
    case deliver::Value::Kind::kNull:
      return nullptr;
    case deliver::Value::Kind::kBool:
      return value.text == "true";
    case deliver::Value::Kind::kNumber:
    case deliver::Value::Kind::kText:
      break;
  }
  if (value.text.size() <= kCellBytesMax) return value.text;
  return value.text.substr(0, kCellBytesMax) + "...";
}

std::string Quoted(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

// "schema"."table": a delivery's names have no quotes, but may be words of SQL.
std::string QuotedTable(const std::string& table) {
  const std::size_t dot = table.find('.');
  return Quoted(table.substr(0, dot)) + "." + Quoted(table.substr(dot + 1));
}

// What the service's file says of the table: which action delivers it, and how.
void DescribeSetting(const service::Service& service, const std::string& table,
                     ordered_json& described) {
  for (const char* const name : {"action", "write", "rows_min"}) described[name] = nullptr;
  for (const auto& [name, action] : service.actions) {
    for (const service::DeliverySetting& setting : action.deliveries) {
      if (setting.table != table) continue;
      described["action"] = plan::GraphKey(service.name, name).Text();
      described["write"] = setting.write;
      if (setting.rows_min) described["rows_min"] = *setting.rows_min;
    }
  }
}

// The latest dates, the oldest first.
ordered_json DescribeRecent(const std::map<std::string, const deliver::Delivery*>& of_dates) {
  constexpr std::size_t kShown = 14;
  ordered_json recent = ordered_json::array();
  std::size_t at = 0;
  for (const auto& [date, delivery] : of_dates) {
    if (++at + kShown <= of_dates.size()) continue;
    recent.push_back({{"data_date", date}, {"rows", delivery->rows}, {"run", delivery->run}});
  }
  return recent;
}

}  // namespace

struct TablesApi::Opened {
  SharedService service;
  std::string table, warehouse_url;
  std::vector<deliver::Delivery> deliveries;  // to it, of all services, oldest first

  bool IsThere() const {
    return std::any_of(deliveries.begin(), deliveries.end(),
                       [](const auto& each) { return each.current && !each.undone_at; });
  }
  // Elsewhere each look costs money.
  bool IsHere() const { return warehouse_url.starts_with("embedded:"); }
  // Why no row of it is shown; null: some are.
  ordered_json WhyNot() const {
    if (!IsThere()) return "the table is not there, as all that was delivered to it was undone";
    if (IsHere()) return nullptr;
    return "rows of a warehouse elsewhere are not shown here, as each look costs money";
  }
};

struct TablesApi::Counted {
  std::mutex mutex;  // held while they are counted, so that nobody counts beside it
  std::string of;    // which deliveries
  ordered_json answer;
};

TablesApi::~TablesApi() = default;

void TablesApi::AddRoutes(Routes& routes) {
  const auto get = [&](const char* pattern, const char* summary, auto handler) -> Route& {
    return routes.Add(
        {http::Method::kGet, pattern, access::Scope::kViewer, summary, std::move(handler)});
  };
  get("/api/v1/tables",
      "Every table that services delivered to, with the newest delivery that was not undone (null: "
      "all were) and how many there were.",
      [this](const Call& call) { return ListTables(call); })
      .reach = Reach::kOwn;
  get("/api/v1/services/{service}/tables/{table}",
      "A table that the service delivers to: its columns, what the service's file says of it, and "
      "50 rows of the built-in warehouse; of another, none.",
      [this](const Call& call) { return ShowTable(call); });
  get("/api/v1/services/{service}/tables/{table}/columns",
      "Of each column how many rows have no value, and the least and the most one; of the built-in "
      "warehouse alone.",
      [this](const Call& call) { return ShowColumns(call); });
  get("/api/v1/services/{service}/tables/{table}/origin",
      "Which deliveries brought the rows with these values: ?row= a JSON object, texts by column.",
      [this](const Call& call) { return ShowOrigin(call); })
      .query = {{"row", http::Field::Kind::kText, "a JSON object: texts by column, or null", true}};
}

Result<TablesApi::Opened> TablesApi::Open(const Call& call) const {
  Opened opened;
  TRY_ASSIGN(opened.service, FindService(*daemon_.catalogue(), call.At("service")));
  TRY_ASSIGN(const prepare::Places places, daemon_.PlacesOf(*opened.service));
  opened.warehouse_url = places.warehouse_url;
  opened.table = call.At("table");
  TRY_ASSIGN(auto deliveries, ReadDeliveries(places.warehouse_url, duckdb_library_));
  std::erase_if(deliveries, [&](const auto& each) { return each.table != opened.table; });
  const bool is_of_it = std::any_of(deliveries.begin(), deliveries.end(), [&](const auto& each) {
    return each.service == opened.service->name;
  });
  if (!is_of_it) return NotFound("it delivers to no such table");
  opened.deliveries = std::move(deliveries);
  return opened;
}

// Each warehouse is read once: to read it for each of hundreds of services took seconds.
http::Response TablesApi::ListTables(const Call& call) {
  std::map<std::string, std::set<std::string>> services;  // by the warehouse's URL
  for (const SharedService& service : ServicesOf(*daemon_.catalogue())) {
    if (!access::HoldsService(call.caller.confines, service->name)) continue;
    const auto places = daemon_.PlacesOf(*service);
    if (!places) return http::Problem(places.error());
    services[places->warehouse_url].insert(service->name);
  }
  struct Table {
    const deliver::Delivery* newest = nullptr;
    std::map<std::string, const deliver::Delivery*> of_dates;  // that was not undone, of each
    std::size_t deliveries = 0;
  };
  ordered_json list = ordered_json::array();
  for (const auto& [url, names] : services) {
    const auto deliveries = ReadDeliveries(url, duckdb_library_);
    if (!deliveries) return http::Problem(deliveries.error());
    std::map<std::pair<std::string, std::string>, Table> tables;  // by table and service
    for (const deliver::Delivery& delivery : *deliveries) {
      if (!names.contains(delivery.service)) continue;
      Table& table = tables[{delivery.table, delivery.service}];
      ++table.deliveries;
      if (delivery.undone_at) continue;
      table.newest = table.of_dates[delivery.data_date] = &delivery;
    }
    for (const auto& [key, table] : tables) {
      ordered_json newest;
      if (table.newest != nullptr) {
        newest = Describe(*table.newest);
        newest.erase("columns");  // hundreds of them, which the table's own page tells
      }
      list.push_back({{"table", key.first},
                      {"service", key.second},
                      {"deliveries", table.deliveries},
                      {"newest", std::move(newest)},
                      {"recent", DescribeRecent(table.of_dates)}});
    }
  }
  return http::JsonResponse({{"tables", list}});
}

http::Response TablesApi::ShowTable(const Call& call) {
  const auto opened = Open(call);
  if (!opened) return http::Problem(opened.error());
  ordered_json columns = ordered_json::array(), names = ordered_json::array(), rows;
  for (const auto& column : opened->deliveries.back().columns) {
    columns.push_back({{"name", column.name}, {"type", column.type}});
  }
  const ordered_json why = opened->WhyNot();
  if (why.is_null()) {
    const auto warehouse = deliver::OpenWarehouse(opened->warehouse_url, duckdb_library_);
    if (!warehouse) return http::Problem(warehouse.error());
    const auto answer =
        (*warehouse)->Query("SELECT * FROM " + QuotedTable(opened->table), kRowsMax);
    if (!answer) return http::Problem(answer.error());
    names = answer->columns;
    rows = ordered_json::array();
    for (const auto& row : answer->rows) {
      ordered_json cells = ordered_json::array();
      for (const deliver::Value& value : row) cells.push_back(DescribeCell(value));
      rows.push_back(std::move(cells));
    }
  }
  ordered_json described = {{"table", opened->table},
                            {"columns", columns},
                            {"names", names},
                            {"rows", rows},
                            {"why", why}};
  DescribeSetting(*opened->service, opened->table, described);
  return http::JsonResponse(described);
}

std::shared_ptr<TablesApi::Counted> TablesApi::CountedOf(const std::string& table) {
  const std::lock_guard lock(mutex_);
  if (counted_.size() >= kTablesCountedMax && !counted_.contains(table)) counted_.clear();
  auto& place = counted_[table];
  if (!place) place = std::make_shared<Counted>();
  return place;
}

http::Response TablesApi::ShowColumns(const Call& call) {
  const auto opened = Open(call);
  if (!opened) return http::Problem(opened.error());
  const auto answer_why = [](const ordered_json& why) {
    return http::JsonResponse(
        {{"rows", nullptr}, {"columns", ordered_json::array()}, {"why", why}});
  };
  if (const ordered_json why = opened->WhyNot(); !why.is_null()) return answer_why(why);
  std::string of;
  std::uint64_t rows = 0;
  const std::vector<deliver::Column>* columns = nullptr;
  for (const deliver::Delivery& each : opened->deliveries) {
    if (!each.current || each.undone_at) continue;
    of += each.id + " ";
    rows = each.table_rows;
    columns = &each.columns;
  }
  if (rows * columns->size() > kCellsCountedMax) {
    return answer_why("the table is too large to be counted at each look; busker query counts it");
  }
  const auto counted = CountedOf(opened->warehouse_url + " " + opened->table);
  const std::lock_guard lock(counted->mutex);
  if (counted->of == of) return http::JsonResponse(counted->answer);
  std::string sql = "SELECT count(*)";
  for (const deliver::Column& column : *columns) {
    const std::string name = Quoted(column.name);
    sql += fmt::format(
        ", count({0}), left(CAST(min({0}) AS VARCHAR), {1}), left(CAST(max({0}) AS VARCHAR), {1})",
        name, kEndsShown);
  }
  const auto warehouse = deliver::OpenWarehouse(opened->warehouse_url, duckdb_library_);
  if (!warehouse) return http::Problem(warehouse.error());
  const auto found = (*warehouse)->Query(sql + " FROM " + QuotedTable(opened->table), 1);
  if (!found) return http::Problem(found.error());
  const std::vector<deliver::Value>& row = found->rows.front();
  const std::uint64_t all = std::stoull(row[0].text);
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < columns->size(); ++i) {
    list.push_back({{"name", (*columns)[i].name},
                    {"type", (*columns)[i].type},
                    {"nulls", all - std::stoull(row[1 + 3 * i].text)},
                    {"least", DescribeCell(row[2 + 3 * i])},
                    {"most", DescribeCell(row[3 + 3 * i])}});
  }
  counted->answer = {{"rows", all}, {"columns", list}, {"why", nullptr}};
  counted->of = of;
  return http::JsonResponse(counted->answer);
}

http::Response TablesApi::ShowOrigin(const Call& call) {
  const auto opened = Open(call);
  if (!opened) return http::Problem(opened.error());
  const auto parsed = ordered_json::parse(call.target.Query("row"), nullptr, false);
  if (!parsed.is_object()) {
    return http::Problem(400, "\"row\" must be a JSON object: texts by column, or null");
  }
  deliver::RowText row;
  for (const auto& [name, value] : parsed.items()) {
    if (value.is_null()) {
      row[name] = std::nullopt;
    } else {
      row[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  const auto folder = deliver::FolderOfWarehouse(opened->warehouse_url);
  if (!folder) return http::Problem(404, opened->WhyNot().get<std::string>());
  const auto origins = deliver::FindOrigins(*folder, duckdb_library_, opened->table, row);
  if (!origins) return http::Problem(origins.error());
  ordered_json list = ordered_json::array();
  for (const deliver::Origin& origin : *origins) {
    const auto delivery =
        std::find_if(opened->deliveries.begin(), opened->deliveries.end(),
                     [&](const auto& each) { return each.id == origin.delivery; });
    if (delivery == opened->deliveries.end()) continue;  // it came after they were listed
    if (!access::HoldsService(call.caller.confines, delivery->service)) continue;
    list.push_back(Describe(*delivery));
    list.back()["service"] = delivery->service;
    list.back()["same"] = origin.rows;
  }
  return http::JsonResponse({{"deliveries", list}});
}

}  // namespace busker::serve

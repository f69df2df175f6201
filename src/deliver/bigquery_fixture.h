// A warehouse of BigQuery at a stand-in of the test's own, and what others do to its tables there.
// For tests only; for .cc files only.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "deliver/bigquery_ledger.h"
#include "deliver/bigquery_stand_in.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {

using nlohmann::json;

struct OwnCloud {
  BigQueryStandIn cloud_;
};

class BigQueryFixture : public testing::Test, private OwnCloud, public WarehouseTest {
 protected:
  BigQueryFixture()
      : WarehouseTest([](const io::fs::path&) { return BigQueryStandIn::Files(); }),
        warehouse_(*cloud_.Open()) {}
  const BigQueryStandIn& cloud() const { return cloud_; }
  Warehouse& warehouse() { return *warehouse_; }
  Result<Delivery> Deliver(const Request& request) { return warehouse_->Deliver(request); }
  std::string Rows() {
    return SortedTextOf(warehouse_->Query("SELECT * FROM game.predictions", 1000));
  }
  std::size_t Deliveries() { return warehouse_->Deliveries()->size(); }
  Request Declared(const std::string& id, const std::string& csv, int day = 1) {
    Request request = Asking(id, csv, day);
    request.schema = {{"id", "INT64"}, {"s", "STRING"}};
    return request;
  }
  // Requests of the API so far, that hold `part`.
  std::size_t Requests(const std::string& part) const {
    std::size_t count = 0;
    const json all = cloud().Call("GET", "/_control/requests", nullptr).second;
    for (const auto& line : all.at("requests")) {
      count += line.get<std::string>().find(part) != std::string::npos ? 1 : 0;
    }
    return count;
  }
  void MakeTable(const json& more) const {
    json body = {
        {"tableReference",
         {{"projectId", cloud().project()}, {"datasetId", "game"}, {"tableId", "predictions"}}},
        {"schema",
         {{"fields",
           {{{"name", "id"}, {"type", "INTEGER"}, {"description", "whose"}},
            {{"name", "s"}, {"type", "STRING"}}}}}}};
    body.update(more);
    EXPECT_EQ(cloud().Api("POST", "/datasets/game/tables", body).first, 200);
  }

  std::string LedgersBirth() const {
    return cloud().TableResource(kLedgerTable).at("creationTime");
  }
  // Rows of somebody else.
  void AddByHand(const std::string& select) const {
    static int count = 0;
    const auto rows = [&] { return cloud().TableResource("predictions").at("numRows"); };
    const json before = rows();
    const json job = {{"jobReference",
                       {{"projectId", cloud().project()},
                        {"jobId", "by_hand_" + std::to_string(++count)},
                        {"location", "EU"}}},
                      {"configuration",
                       {{"query",
                         {{"query", select},
                          {"useLegacySql", false},
                          {"writeDisposition", "WRITE_APPEND"},
                          {"destinationTable",
                           {{"projectId", cloud().project()},
                            {"datasetId", "game"},
                            {"tableId", "predictions"}}}}}}}};
    EXPECT_EQ(cloud().Api("POST", "/jobs", job).first, 200);
    for (int i = 0; i < 300 && rows() == before; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_NE(rows(), before);
  }

 private:
  std::unique_ptr<Warehouse> warehouse_;
};

}  // namespace busker::deliver

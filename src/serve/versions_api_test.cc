// What a service has made, over HTTP: one that is damaged, a table that others change, and who did
// it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "artifact/store.h"
#include "deliver/warehouse.h"
#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

class VersionsApiTest : public FrontTest {
 protected:
  // A delivery of one row; returns its id.
  std::string Deliver(const std::string& id, const std::string& service = "shop",
                      const std::string& table = "shop.a") {
    folder_.Write(id + ".csv", "player_id\n1\n");
    const auto warehouse = deliver::OpenWarehouse(home_.WarehouseUrl(), BUSKER_DUCKDB_PATH).value();
    const auto store = artifact::OpenStore("file://" + folder_.path().string()).value();
    deliver::Request request;
    request.id = id;
    request.table = table;
    request.source = {store.get(), id + ".csv", ""};
    request.write = deliver::Write::kAppend;
    request.data_date = "2019-08-01";
    request.run = "20190801-070000-k3f9x2";
    request.service = service;
    const auto delivered = warehouse->Deliver(request);
    EXPECT_TRUE(delivered) << delivered.error().message;
    return id;
  }
  std::string UndoPath(const std::string& id) {
    return "/api/v1/services/shop/deliveries/" + id + "/undo";
  }
  std::vector<std::string> Deeds() {
    std::vector<std::string> deeds;
    const json body = Body(Get("/api/v1/events"));
    for (const json& event : body["events"]) {
      if (event["run"].is_null()) {
        deeds.push_back(event["what"].get<std::string>() + " " +
                        event["detail"].get<std::string>());
      }
    }
    return deeds;
  }
};

// One live.json that was damaged hid the versions of all services.
TEST_F(VersionsApiTest, TellsOfADamagedServiceAndShowsTheOthers) {
  folder_.Write("graphs/busker.toml",
                "name = \"other\"\nversion = \"1\"\n[model]\ncommand = \"true\"\n"
                "[actions.training]\npromote = true\n");
  (void)daemon_->Reload();
  ASSERT_TRUE(daemon_->catalogue()->Find("other/training"));
  folder_.Write("home/artifacts/shop/1/live.json", "{");
  const http::Response answer = Get("/api/v1/services");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json services = Body(answer)["services"];
  ASSERT_EQ(services.size(), 2u) << services;
  EXPECT_EQ(services[0]["service"], "other");
  EXPECT_EQ(services[0]["versions"], 0);
  EXPECT_TRUE(services[0]["unreadable"].is_null());
  EXPECT_EQ(services[1]["service"], "shop");
  EXPECT_TRUE(services[1]["versions"].is_null());
  EXPECT_TRUE(services[1]["live"].is_null());
  EXPECT_NE(services[1]["unreadable"].get<std::string>().find("busker fsck"), std::string::npos);
  ASSERT_FALSE(said_.empty());
  EXPECT_NE(said_.back().find("shop: live pointer"), std::string::npos) << said_.back();
  EXPECT_EQ(Get("/api/v1/services/shop/versions").status, 500);
  EXPECT_EQ(Get("/api/v1/services/other/versions").status, 200);
}

// Who may undo what one service delivered may not undo, by its name, what another did.
TEST_F(VersionsApiTest, UndoesNoDeliveryOfAnotherService) {
  const std::string foreign = Deliver("first", "other");
  const http::Response refused = Post(UndoPath(foreign));
  EXPECT_EQ(refused.status, 404) << refused.body;
  const auto warehouse = deliver::OpenWarehouse(home_.WarehouseUrl(), BUSKER_DUCKDB_PATH).value();
  EXPECT_FALSE(warehouse->Deliveries()->front().undone_at);
  EXPECT_EQ(Body(Get("/api/v1/services/shop/deliveries"))["deliveries"].size(), 0u);
}

// Of two tables one was damaged, and what had been delivered to the other could not be undone.
TEST_F(VersionsApiTest, UndoesADeliveryBesideATableThatIsDamaged) {
  const std::string id = Deliver("first");
  Deliver("second", "shop", "shop.b");
  folder_.Write("home/warehouse/shop/b/log/00000001.json", "{");
  EXPECT_EQ(Body(Get("/api/v1/services/shop/deliveries"))["deliveries"].size(), 1u);
  const http::Response undone = Post(UndoPath(id));
  EXPECT_EQ(undone.status, 200) << undone.body;
}

// Undo waited for a delivery to its table for up to ten minutes, on one of the four threads that
// answer: four clicks, and nobody was answered.
TEST_F(VersionsApiTest, DoesNotWaitForADeliveryToUndoAnother) {
  const std::string id = Deliver("first");
  {
    const auto held = io::FileLock::TryTake(home_.WarehouseFolder() / "shop/a/.lock").value();
    ASSERT_TRUE(held);
    const auto begun = std::chrono::steady_clock::now();
    const http::Response busy = Post(UndoPath(id));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
    EXPECT_EQ(busy.status, 503) << busy.body;
    EXPECT_NE(busy.body.find("another delivery to the table"), std::string::npos) << busy.body;
    EXPECT_EQ(busy.headers.front().first, "Retry-After");
  }
  // The tables' links are another's to renew: it is undone all the same.
  const auto held = io::FileLock::TryTake(home_.WarehouseFolder() / ".lock").value();
  ASSERT_TRUE(held);
  const auto begun = std::chrono::steady_clock::now();
  const http::Response undone = Post(UndoPath(id));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  EXPECT_EQ(undone.status, 200) << undone.body;
  EXPECT_EQ(Deeds(),
            (std::vector<std::string>{"delivery undone first of shop.a", "undo requested first",
                                      "undo failed first", "undo requested first"}));
}

// A page of a table shows rows of it, and of no other's.
TEST_F(VersionsApiTest, ShowsATableThatItDeliversTo) {
  const std::string id = Deliver("first", "shop", "shop.select");
  Deliver("second", "other", "shop.other");
  const auto tables = [&] { return Body(Get("/api/v1/tables"))["tables"]; };
  ASSERT_EQ(tables().size(), 1U) << tables();
  EXPECT_EQ(tables()[0]["table"], "shop.select");
  EXPECT_EQ(tables()[0]["service"], "shop");
  EXPECT_EQ(tables()[0]["deliveries"], 1);
  EXPECT_EQ(tables()[0]["newest"]["id"], id);
  ASSERT_EQ(tables()[0]["recent"].size(), 1U) << tables();
  EXPECT_EQ(tables()[0]["recent"][0]["data_date"], tables()[0]["newest"]["data_date"]);
  EXPECT_EQ(tables()[0]["recent"][0]["rows"], tables()[0]["newest"]["rows"]);
  const http::Response shown = Get("/api/v1/services/shop/tables/shop.select");
  ASSERT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(Body(shown)["columns"], json::parse(R"([{"name": "player_id", "type": "INT64"}])"));
  EXPECT_EQ(Body(shown)["names"], json::parse(R"(["player_id"])"));
  EXPECT_EQ(Body(shown)["rows"], json::parse(R"([["1"]])"));
  for (const char* const table : {"shop.other", "shop.none", "x\"; SELECT 1", "shop"}) {
    EXPECT_EQ(Get(std::string("/api/v1/services/shop/tables/") + table).status, 404) << table;
  }
  EXPECT_EQ(Get("/api/v1/services/other/tables/shop.other").status, 404) << "it is not served";
  const std::string path = "/api/v1/services/shop/tables/shop.select";
  for (int i = 0; i < 2; ++i) {  // the second time it is known
    const json columns = Body(Get(path + "/columns"));
    EXPECT_EQ(columns["rows"], 1) << columns;
    EXPECT_EQ(columns["columns"], json::parse(R"([{"name": "player_id", "type": "INT64",
                                      "nulls": 0, "least": "1", "most": "1"}])"));
  }
  const json origin = Body(Get(path + "/origin?row=%7B%22player_id%22%3A%221%22%7D"));
  ASSERT_EQ(origin["deliveries"].size(), 1U) << origin;
  EXPECT_EQ(origin["deliveries"][0]["id"], id);
  EXPECT_EQ(origin["deliveries"][0]["same"], 1);
  EXPECT_EQ(Get(path + "/origin?row=%5B1%5D").status, 400);
  EXPECT_EQ(Get(path + "/origin?row=%7B%22none%22%3A%221%22%7D").status, 400);
  ASSERT_EQ(Post(UndoPath(id)).status, 200);
  EXPECT_TRUE(tables()[0]["newest"].is_null()) << tables();
  EXPECT_TRUE(tables()[0]["recent"].empty()) << tables();
  EXPECT_FALSE(Body(Get(path + "/columns"))["why"].is_null());
  EXPECT_EQ(Get(path + "/origin?row=%7B%22player_id%22%3A%221%22%7D").status, 404);
  const json gone = Body(Get("/api/v1/services/shop/tables/shop.select"));
  EXPECT_TRUE(gone["rows"].is_null());
  EXPECT_NE(gone["why"].get<std::string>().find("undone"), std::string::npos);
}

// Each look at the list read the manifests of all versions of all services.
TEST_F(VersionsApiTest, ListsAServiceAnewOnceSomethingHappenedToIt) {
  const auto shop = [&] { return Body(Get("/api/v1/services"))["services"][0]; };
  EXPECT_EQ(shop()["versions"], 0);
  RunToEnd("shop/training");
  EXPECT_EQ(shop()["versions"], 1);
  EXPECT_EQ(shop(), shop());
  const std::string key = Body(Get("/api/v1/services/shop/versions"))["versions"][0]["key"];
  ASSERT_EQ(Post("/api/v1/services/shop/promote", R"({"version": ")" + key + "\"}").status, 200);
  EXPECT_EQ(shop()["live"]["key"], key);
  ASSERT_EQ(
      Post("/api/v1/services/shop/pin", R"({"version": ")" + key + R"(", "why": "w"})").status,
      200);
  EXPECT_EQ(shop()["live"]["pin"]["why"], "w");
}

TEST_F(VersionsApiTest, ShowsAVersionWithItsFiles) {
  RunToEnd("shop/training");
  const json listed = Body(Get("/api/v1/services/shop/versions"));
  ASSERT_EQ(listed["versions"].size(), 1U) << listed;
  const std::string version = listed["versions"][0]["version"];
  const json shown = Body(Get("/api/v1/services/shop/versions/" + version));
  EXPECT_EQ(shown["contents"].size(), 2U) << shown;
  EXPECT_TRUE(shown["packages"].is_object());
  EXPECT_EQ(Get("/api/v1/services/shop/versions/20010101T000000Z").status, 404);
}

}  // namespace
}  // namespace busker::serve

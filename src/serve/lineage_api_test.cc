// Where what a run made came from and went, as the API tells it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "artifact/store.h"
#include "deliver/warehouse.h"
#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

constexpr char kStep[] = R"END(
run=$(echo "$3" | sed 's/.*"run":"\([^"]*\)".*/\1/')
version=$(echo "$3" | sed 's/.*"model_version":"\([^"]*\)".*/\1/')
cat > result.json <<JSON
{"delivery": {"id": "$run.1", "warehouse_url": "home:warehouse", "table": "shop.predictions",
 "write": "replace", "run": "$run", "service": "shop", "model_version": "$version",
 "data_date": "2026-05-01", "scheduled_at": "2026-05-01T00:00:00Z",
 "delivered_at": "2026-05-01T00:00:01Z", "rows": 1, "table_rows": 1,
 "file_sha256": "", "snapshot_sha256": ""}}
JSON
)END";

class LineageApiTest : public FrontTest {
 protected:
  explicit LineageApiTest(const std::string& target = "local") : FrontTest(target, true) {
    folder_.Write(
        "shop/busker.toml",
        "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"sh model.sh ${ACTION}\"\n"
        "[actions.training]\npromote = true\n[actions.application]\ninput = \"live\"\n"
        "[actions.application.deliver.\"predictions.csv\"]\ntable = \"shop.predictions\"\n"
        "[targets.prod]\nwarehouse = \"embedded://" +
            (folder_ / "prod").string() + "\"\n");
    folder_.Write("shop/model.sh",
                  "test $1 = application && { echo '1' > output/predictions.csv; exit; }\n"
                  "echo m > output/model; echo '{\"auc\": 0.5}' > output/metrics.json\n");
    // In place of busker step deliver, which leaves what it delivered: the tests deliver it
    // themselves.
    folder_.Write("busker", "#!/bin/sh\n[ \"$2\" = deliver ] || exit 0\n[ -e " +
                                (folder_ / "earlier").string() + " ] && exit 0\n" + kStep);
    io::fs::permissions(folder_ / "busker", io::fs::perms::owner_all);
    EXPECT_TRUE(daemon_->Reload());
  }
  json Lineage(const std::string& run) {
    const http::Response response = Get("/api/v1/runs/" + run + "/lineage");
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.body.find(folder_.path().string()), std::string::npos)
        << "a path of this machine: " << response.body;
    return json::parse(response.body);
  }
  std::string Train() {
    const std::string run = RunToEnd("shop/training");
    const std::string key = Lineage(run)["output"]["key"];
    EXPECT_EQ(Post("/api/v1/services/shop/promote", R"({"version": ")" + key + "\"}").status, 200);
    return run;
  }
  // Loads a row as the delivery of the run, of what `version` predicted.
  void Deliver(const std::string& run, const std::string& version, std::string warehouse_url = {}) {
    if (warehouse_url.empty()) warehouse_url = home_.WarehouseUrl();
    folder_.Write("predictions.csv", "player_id,label\n1,true\n");
    const auto warehouse = deliver::OpenWarehouse(warehouse_url, BUSKER_DUCKDB_PATH).value();
    const auto store = artifact::OpenStore("file://" + folder_.path().string()).value();
    deliver::Request request;
    request.id = run + ".1";
    request.table = "shop.predictions";
    request.source = {store.get(), "predictions.csv", ""};
    request.data_date = "2026-05-01";
    request.run = run;
    request.service = "shop";
    request.model_version = version;
    const auto delivered = warehouse->Deliver(request);
    ASSERT_TRUE(delivered) << delivered.error().message;
  }
};

TEST_F(LineageApiTest, FollowsFromTheTrainingToTheRows) {
  const std::string training = Train();
  const json made = Lineage(training);
  const std::string application = RunToEnd("shop/application");
  EXPECT_EQ(made["input"], json());
  EXPECT_EQ(made["output"]["run"], training);
  EXPECT_EQ(made["output"]["live"], true);
  EXPECT_EQ(made["output"]["metrics"]["auc"], 0.5);
  ASSERT_EQ(made["output"]["contents"].size(), 2u);
  EXPECT_EQ(made["output"]["contents"][1],
            json({{"path", "model"},
                  {"bytes", 2},
                  {"sha256", "01a60e35df88d8b49546cb3f8f4ba4f406870f9b8e1f394c9d48ab73548d748d"}}));
  EXPECT_EQ(made["used_by"], json::array());
  Deliver(application, made["output"]["key"]);
  const json applied = Lineage(application);
  EXPECT_EQ(applied["input_version"], made["output"]["key"]);
  EXPECT_EQ(applied["input"]["run"], training);
  EXPECT_EQ(applied["output"]["input"], made["output"]["key"]);
  ASSERT_EQ(applied["deliveries"].size(), 1u);
  EXPECT_EQ(applied["deliveries"][0]["rows"], 1);
  EXPECT_EQ(applied["missing"], json::array());
  const json used = Lineage(training)["used_by"];
  ASSERT_EQ(used.size(), 1u);
  EXPECT_EQ(used[0]["run"], application);
}

// To find what one run delivered, all deliveries of all tables were listed at each look; of a table
// that could not be read nothing was shown.
TEST_F(LineageApiTest, KnowsByTheRecordWhatWasDelivered) {
  Train();
  const std::string application = RunToEnd("shop/application");
  const json recorded = Lineage(application);
  ASSERT_EQ(recorded["deliveries"].size(), 1u) << recorded;
  EXPECT_EQ(recorded["deliveries"][0]["id"], application + ".1");
  EXPECT_TRUE(recorded["deliveries"][0]["undone_at"].is_null());
  Deliver(application, recorded["input_version"]);
  const auto warehouse = deliver::OpenWarehouse(home_.WarehouseUrl(), BUSKER_DUCKDB_PATH).value();
  ASSERT_TRUE(warehouse->Undo(application + ".1"));
  EXPECT_FALSE(Lineage(application)["deliveries"][0]["undone_at"].is_null())
      << "whether it is undone, the warehouse says";
  for (const auto& entry :
       io::fs::directory_iterator(home_.folder / "warehouse/shop/predictions/log")) {
    folder_.Write("damage", "{");
    io::fs::copy_file(folder_ / "damage", entry.path(), io::fs::copy_options::overwrite_existing);
  }
  const json damaged = Lineage(application);
  EXPECT_EQ(damaged["deliveries"].size(), 1u);
  EXPECT_EQ(damaged["missing"].size(), 1u) << damaged["missing"];
}

// A run of an earlier version of Busker left no result: its deliveries are looked for.
TEST_F(LineageApiTest, FindsWhatAnEarlierVersionDelivered) {
  Train();
  folder_.Write("earlier", "");
  const std::string application = RunToEnd("shop/application");
  Deliver(application, Lineage(application)["input_version"]);
  EXPECT_EQ(Lineage(application)["deliveries"].size(), 1u);
}

// Who may look at one action was shown what another had made, and who had been given it.
TEST_F(LineageApiTest, OfOneActionLeavesOutWhatTheOthersMade) {
  access::TokenFile file(home_.folder / "tokens.json");
  for (const auto& [name, confine] : std::initializer_list<std::pair<const char*, const char*>>{
           {"trains", "shop/training"}, {"applies", "shop/application"}, {"all", "shop"}}) {
    tokens_[name] = file.Add(name, access::Scope::kViewer, "a test", Now(), {confine}).value();
  }
  const std::string training = Train(), application = RunToEnd("shop/application");
  const std::string key = Lineage(training)["output"]["key"];
  Deliver(application, key);
  const auto lineage = [&](const std::string& run, const std::string& who) {
    return json::parse(Get("/api/v1/runs/" + run + "/lineage", who).body);
  };
  const json applied = lineage(application, "applies");
  EXPECT_EQ(applied["input_version"], key) << "its name is the run's own";
  EXPECT_TRUE(applied["input"].is_null());
  EXPECT_EQ(applied["output"]["run"], application);
  EXPECT_EQ(applied["deliveries"].size(), 1u);
  const json trained = lineage(training, "trains");
  EXPECT_EQ(trained["output"]["run"], training);
  EXPECT_EQ(trained["used_by"].size(), 0u);
  EXPECT_EQ(lineage(application, "all")["input"]["run"], training);
  EXPECT_EQ(lineage(training, "all")["used_by"].size(), 1u);
}

TEST_F(LineageApiTest, SaysWhatIsMissingAndNotWhere) {
  const std::string training = Train();
  const std::string application = RunToEnd("shop/application");
  const std::string key = Lineage(training)["output"]["key"];
  const io::fs::path manifest = home_.folder / "artifacts" / key / "manifest.json";
  ASSERT_TRUE(io::fs::exists(manifest));
  folder_.Write("home/artifacts/" + key + "/manifest.json", "{");
  const json corrupt = Lineage(application);
  EXPECT_EQ(corrupt["input"], json());
  EXPECT_EQ(corrupt["missing"],
            json::array({"The manifest of " + key +
                         " cannot be read; busker fsck says what is wrong with it."}));
  io::fs::remove(manifest);
  EXPECT_EQ(Lineage(application)["missing"],
            json::array({"The version " + key + " that it began with is gone."}));
  EXPECT_EQ(Lineage(training)["output"], json());
  folder_.Write("shop/busker.toml",
                "name = \"market\"\nversion = \"1\"\n[model]\ncommand = \"sh model.sh\"\n"
                "[actions.training]\npromote = true\n");
  ASSERT_TRUE(daemon_->Reload());
  EXPECT_EQ(Lineage(training)["missing"],
            json::array({"Where the versions of shop are is not known, as it is not among what is "
                         "served."}));
}

class TargetApiTest : public LineageApiTest {
 protected:
  TargetApiTest() : LineageApiTest("prod") {}
};

// Deliveries, lineage, undo and figures came from the warehouse in the home, whatever the target.
TEST_F(TargetApiTest, LooksIntoTheWarehouseOfTheTarget) {
  Train();
  const std::string application = RunToEnd("shop/application");
  Deliver("elsewhere", "");  // into the home's, where nobody is to look
  Deliver(application, Lineage(application)["input_version"],
          "embedded://" + (folder_ / "prod").string());
  const json lineage = Lineage(application);
  ASSERT_EQ(lineage["deliveries"].size(), 1u);
  EXPECT_EQ(lineage["deliveries"][0]["id"], application + ".1");
  const auto listed = [&] {
    return json::parse(Get("/api/v1/services/shop/deliveries").body)["deliveries"];
  };
  ASSERT_EQ(listed().size(), 1u);
  EXPECT_EQ(listed()[0]["run"], application);
  const std::string figures = Get("/metrics").body;
  EXPECT_NE(figures.find("busker_delivery_rows{table=\"shop.predictions\"} 1\n"), std::string::npos)
      << figures;
  // What a store said an hour ago was shown as if it were of now.
  EXPECT_NE(figures.find("\nbusker_outcomes_age_seconds "), std::string::npos) << figures;
  const std::string undo = "/api/v1/services/shop/deliveries/";
  EXPECT_EQ(Post(undo + "elsewhere.1/undo").status, 404);
  EXPECT_EQ(Post(undo + application + ".1/undo").status, 200);
  EXPECT_FALSE(listed()[0]["undone_at"].is_null());
  // What took long to read is not read again at once: on a busy machine that may be seconds.
  const auto is_told = [&] {
    return Get("/metrics").body.find("busker_delivery_rows") != std::string::npos;
  };
  for (int i = 0; i < 600 && is_told(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(is_told());
}

TEST_F(LineageApiTest, HasLittleToSayOfAGraphFile) {
  const json lineage = Lineage(RunToEnd("nightly"));
  EXPECT_EQ(lineage["graph"], "nightly");
  EXPECT_EQ(lineage["service"], json());
  EXPECT_EQ(lineage["output"], json());
  EXPECT_EQ(Get("/api/v1/runs/none/lineage").status, 404);
}

}  // namespace
}  // namespace busker::serve

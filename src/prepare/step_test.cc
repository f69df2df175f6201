// Busker's own steps as `busker step` carries them out: what they do, what a second time does, and
// what they refuse.
#include "prepare/step.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "artifact/version.h"
#include "home/place.h"
#include "io/test_folder.h"
#include "model/live.h"
#include "model/rulings.h"
#include "predict/test_model.h"

namespace busker::prepare {
namespace {

namespace fs = io::fs;

constexpr Instant kNow{std::chrono::hours(24 * 365 * 50)};

fs::path DuckdbPath() {
  const char* const path = std::getenv("BUSKER_DUCKDB");
  return path != nullptr ? path : BUSKER_DUCKDB_PATH;
}

class Step : public testing::Test {
 protected:
  // A version of the action, for midnight UTC of the date; its key.
  std::string Save(const std::string& action, const std::string& timestamp, const std::string& date,
                   const std::map<std::string, std::string>& files) {
    const std::string name = "output" + std::to_string(++outputs_);
    fs::create_directory(folder_ / name);
    for (const auto& [file, text] : files) folder_.Write(fs::path(name) / file, text);
    artifact::Manifest manifest;
    manifest.name = {"shop", "1", action, timestamp};
    manifest.data_date = date;
    manifest.scheduled_at = ParseRfc3339(date + "T00:00:00Z").value();
    EXPECT_TRUE(artifact::Publish(*store_, folder_ / name, manifest, {}, artifact::ForFiles()));
    return manifest.name.Key();
  }
  std::string Train(const std::string& timestamp, const std::string& date, const std::string& auc) {
    return Save("training", timestamp, date,
                {{"model", timestamp}, {"metrics.json", "{\"auc\": " + auc + "}"}});
  }

  std::string CarryOut(const std::string& name, const std::string& json) {
    const auto said = CarryOutStep(name, json, {folder_.path()}, DuckdbPath(), kNow);
    if (!said) return "error: " + said.error().message;
    result_ = said->result;
    return said->sentence;
  }
  std::string Promote(const std::string& version, const std::optional<std::string>& gate = {},
                      bool force = false) {
    return CarryOut("promote", ToJson(PromoteStep{store_->Url(), version, gate, force, "r1"}));
  }
  std::string Live() {
    const auto live = model::ReadLive(*store_, "shop", "1", artifact::ForFiles()).value();
    return live ? live->now.version.timestamp : "none";
  }

  std::string WarehouseUrl() { return "embedded://" + (folder_ / "warehouse").string(); }
  DeliverStep DeliveryOf(const std::string& version, const std::string& date) {
    DeliverStep step;
    step.store_url = store_->Url();
    step.version = version;
    step.file = "predictions.csv";
    step.warehouse_url = WarehouseUrl();
    step.request.id = "r-" + date + ".1";
    step.request.table = "shop.predictions";
    step.request.write = deliver::Write::kAppend;
    step.request.data_date = date;
    step.request.scheduled_at = ParseRfc3339(date + "T00:00:00Z").value();
    step.request.run = "r-" + date;
    step.request.service = "shop";
    step.request.model_version = "shop/1/training/20190801T000000Z";
    return step;
  }
  std::vector<deliver::Delivery> Deliveries() {
    const auto warehouse = deliver::OpenWarehouse(WarehouseUrl(), DuckdbPath());
    return (*warehouse)->Deliveries().value();
  }

  const io::TestFolder folder_;
  std::unique_ptr<artifact::Store> store_ =
      std::move(artifact::OpenStore("file://" + (folder_ / "artifacts").string()).value());
  int outputs_ = 0;
  StepResult result_;  // of the step that was carried out last
};

TEST_F(Step, PromotesAVersionAndSaysWhy) {
  const std::string version = Train("20190801T010000Z", "2019-08-01", "0.8");
  EXPECT_EQ(Promote(version, "auc > 0.7"), "20190801T010000Z is live now: auc 0.8 is > 0.7");
  const auto live = model::ReadLive(*store_, "shop", "1", artifact::ForFiles()).value();
  EXPECT_EQ(live->now.by, "run r1");
  EXPECT_EQ(live->now.at, kNow);
  EXPECT_EQ(Promote(version, "auc > 0.7"), "20190801T010000Z is live already");
}

// Whoever trains again for one date wants the newer of the two: only an older date does not replace
// a newer one.
TEST_F(Step, PromotesASecondTrainingOfTheSameInstantAndNoneOfAnOlderOne) {
  const std::string first = Train("20190801T010000Z", "2019-08-01", "0.8");
  const std::string second = Train("20190801T010000Z-0001", "2019-08-01", "0.8");
  const std::string older = Train("20190803T010000Z", "2019-07-31", "0.9");
  Promote(first);
  EXPECT_EQ(Promote(second), "20190801T010000Z-0001 is live now: no gate");
  EXPECT_EQ(Promote(first), "20190801T010000Z was live already");  // its step, carried out again
  EXPECT_EQ(Live(), "20190801T010000Z-0001");
  EXPECT_EQ(
      Promote(older),
      "not promoted: the live version 20190801T010000Z-0001 is for a later data date "
      "(2019-08-01) than this one (2019-07-31); busker promote 20190803T010000Z makes it live "
      "all the same");
  EXPECT_EQ(Live(), "20190801T010000Z-0001");
  EXPECT_EQ(Promote(older, {}, true), "20190803T010000Z is live now: no gate");
}

TEST_F(Step, AsksTheGateWithTheMetricsOfBoth) {
  const std::string gate = "auc >= live.auc - 0.01";
  Promote(Train("20190801T010000Z", "2019-08-01", "0.8"), gate);
  const std::string refused = Promote(Train("20190802T010000Z", "2019-08-02", "0.78"), gate);
  EXPECT_EQ(refused,
            "not promoted: auc 0.78 is not >= 0.79 (0.8 - 0.01); busker promote 20190802T010000Z "
            "makes it live all the same");
  EXPECT_EQ(Live(), "20190801T010000Z");
  Promote(Train("20190803T010000Z", "2019-08-03", "0.79"), gate);
  EXPECT_EQ(Live(), "20190803T010000Z");
  EXPECT_EQ(Promote(Train("20190804T010000Z", "2019-08-04", "0.9"), "rows > 1").substr(0, 7),
            "error: ");
  EXPECT_EQ(Live(), "20190803T010000Z");
}

// That a version was refused was in a log alone; and a pointer that had moved before its ruling was
// noted would have none for good, since the step finds its work done.
TEST_F(Step, NotesWhatTheGateSaidBeforeThePointerMoves) {
  const auto ruling = [&](const std::string& version) -> std::string {
    const auto rulings = model::ReadRulings(*store_, "shop", "1", artifact::ForFiles()).value();
    const auto* found = model::FindRuling(rulings, artifact::ParseVersionName(version).value());
    return found == nullptr ? "none" : (found->passed ? "passed: " : "refused: ") + found->why;
  };
  const std::string first = Train("20190801T010000Z", "2019-08-01", "0.8");
  const std::string second = Train("20190802T010000Z", "2019-08-02", "0.7");
  Promote(first, "auc > live.auc");
  EXPECT_EQ(ruling(first), "passed: nothing is live yet");
  Promote(second, "auc > live.auc");
  EXPECT_EQ(ruling(second), "refused: auc 0.7 is not > 0.8 (live.auc)");
  const std::string third = Train("20190803T010000Z", "2019-08-03", "0.9");
  const std::string unknown = Train("20190804T010000Z", "2019-08-04", "0.9");
  EXPECT_EQ(Promote(unknown, "rows > 1").substr(0, 7), "error: ");
  EXPECT_EQ(ruling(unknown), "none");
  folder_.Write("artifacts/" + third + "/model", "other");
  EXPECT_NE(Promote(third).find("is not what was saved"), std::string::npos);
  EXPECT_EQ(ruling(third), "none");
  const std::string fourth = Train("20190805T010000Z", "2019-08-05", "0.9");
  folder_.Write("artifacts/shop/1/gate.json", "no JSON");
  EXPECT_EQ(Promote(fourth).substr(0, 7), "error: ");
  EXPECT_EQ(Live(), "20190801T010000Z");
}

// A promotion that was cancelled while it read a large version went on, and moved the pointer.
TEST_F(Step, ChangesNothingOnceItMayNot) {
  const std::string version = Train("20190801T010000Z", "2019-08-01", "0.8");
  const std::vector<std::string> command = {
      "busker", "step", "promote",
      ToJson(PromoteStep{store_->Url(), version, "auc > 0.9", false, "r1"})};
  const home::Folder home{folder_.path()};
  for (const bool refuses : {true, false}) {
    std::vector<std::string> asked = command;
    if (!refuses) {
      asked[3] = ToJson(PromoteStep{store_->Url(), version, std::nullopt, false, "r1"});
    }
    const auto done =
        CarryOutStep(asked, home, kNow, [] { return Result<void>(Temporary("it was cancelled")); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "it was cancelled");
  }
  EXPECT_TRUE(model::ReadRulings(*store_, "shop", "1", artifact::ForFiles()).value().empty());
  EXPECT_EQ(Live(), "none");
  EXPECT_TRUE(CarryOutStep(command, home, kNow, [] { return Result<void>(); }));
  EXPECT_EQ(model::ReadRulings(*store_, "shop", "1", artifact::ForFiles()).value().size(), 1U);
  for (const auto& other : {std::vector<std::string>{}, {"true"}, {"a", "b", "promote", "{}"}}) {
    EXPECT_FALSE(CarryOutStep(other, home, kNow, {}));
  }
}

// A version that passes a gate with require_approval does not become live: it waits, once, also
// when the step is carried out again.
TEST_F(Step, LeavesAVersionToApproval) {
  const std::string version = Train("20190801T010000Z", "2019-08-01", "0.8");
  const auto promote = [&](const std::string& key, const std::string& gate) {
    PromoteStep step{store_->Url(), key, gate, false, "r1"};
    step.requires_approval = true;
    return CarryOut("promote", ToJson(step));
  };
  const std::string waits =
      "20190801T010000Z passed: auc 0.8 is > 0.7; it waits for approval: busker promote "
      "20190801T010000Z";
  EXPECT_EQ(promote(version, "auc > 0.7"), waits);
  EXPECT_EQ(promote(version, "auc > 0.7"), waits);
  EXPECT_TRUE(result_.ruling->passed && result_.ruling->waits);
  EXPECT_EQ(Live(), "none");
  EXPECT_EQ(promote(Train("20190802T010000Z", "2019-08-02", "0.6"), "auc > 0.7"),
            "not promoted: auc 0.6 is not > 0.7; busker promote 20190802T010000Z makes it live all "
            "the same");
  EXPECT_FALSE(result_.ruling->waits);
}

// A pinned version stays, and the run says who pinned it.
TEST_F(Step, DoesNotMoveAPinnedPointer) {
  Promote(Train("20190801T010000Z", "2019-08-01", "0.8"));
  const artifact::VersionName name = {"shop", "1", "training", "20190801T010000Z"};
  ASSERT_TRUE(model::PinLive(*store_, name, {"mari", "release week", kNow}, artifact::ForFiles()));
  EXPECT_EQ(Promote(Train("20190802T010000Z", "2019-08-02", "0.9")),
            "not promoted: pinned by mari since 2019-12-20T00:00:00Z: release week; busker promote "
            "20190802T010000Z --unpin makes it live all the same");
  EXPECT_FALSE(result_.ruling->passed);
  EXPECT_EQ(Live(), "20190801T010000Z");
}

// The gate names what tests of this run found, and what was found of the live version when it was
// tested last. Which test was the last was told by its name: of two of the same second that by hand
// came first, whenever it was.
TEST_F(Step, JudgesByWhatTestsFound) {
  const auto test = [&](const std::string& stamp, const std::string& version, const char* auc) {
    const std::string name = "output" + std::to_string(++outputs_);
    folder_.Write(fs::path(name) / "metrics.json", std::string("{\"auc\": ") + auc + "}");
    artifact::Manifest manifest;
    manifest.name = {"shop", "1", "testing", stamp};
    manifest.input = version;
    manifest.saved_at = kNow + std::chrono::milliseconds(outputs_);
    EXPECT_TRUE(artifact::Publish(*store_, folder_ / name, manifest, {}, artifact::ForFiles()));
    return manifest.name.Key();
  };
  const auto promote = [&](const std::string& version, const std::string& tested) {
    PromoteStep step{store_->Url(), version, "testing.auc >= live.testing.auc", false, "r1"};
    step.tests = {{"testing", tested}};
    return CarryOut("promote", ToJson(step));
  };
  const std::string first = Train("20190801T010000Z", "2019-08-01", "0.9");
  EXPECT_EQ(promote(first, test("20190801T010000Z-of-training", first, "0.5")),
            "20190801T010000Z is live now: nothing is live yet");
  const std::string second = Train("20190802T010000Z", "2019-08-02", "0.9");
  test("20190801T010000Z", first, "0.75");   // by hand, later in the same second
  test("20190801T030000Z", second, "0.99");  // of another version
  EXPECT_EQ(promote(second, test("20190802T010000Z-of-training", second, "0.7")),
            "not promoted: testing.auc 0.7 is not >= 0.75 (live.testing.auc); busker promote "
            "20190802T010000Z makes it live all the same");
  const std::string third = Train("20190803T010000Z", "2019-08-03", "0.1");
  EXPECT_EQ(promote(third, test("20190803T010000Z-of-training", third, "0.8")),
            "20190803T010000Z is live now: testing.auc 0.8 is >= 0.75 (live.testing.auc)");
}

// A version whose sample comes out otherwise in the runtime that will serve it is refused by its
// run, whatever the gate says, and the first instance that differs is named.
TEST_F(Step, AsksTheSampleBeforeThePointerMoves) {
  const auto train = [&](const std::string& stamp, const char* output) {
    return Save(
        "training", stamp, "2019-08-01",
        {{"model.json", predict::TestModel().Json()},
         {"signature.json", R"({"inputs": [{"name": "a"}, {"name": "b"}]})"},
         {"serving_sample.json",
          std::string(R"({"inputs": [[1, 0], [2, 0]], "outputs": [-0.25, )") + output + "]}"}});
  };
  EXPECT_EQ(Promote(train("20190801T010000Z", "2.75")),
            "20190801T010000Z is live now: no gate; served online: its sample of 2 came out right");
  const auto live = model::ReadLive(*store_, "shop", "1", artifact::ForFiles()).value();
  EXPECT_EQ(live->now.check, "served online: its sample of 2 came out right");
  EXPECT_EQ(
      Promote(train("20190801T020000Z", "2.5")),
      "not promoted: 20190801T020000Z cannot be served as it was trained: its sample comes out "
      "otherwise: instance 2: the model answers 2.75 here, and 2.5 where it was trained; busker "
      "promote 20190801T020000Z --unchecked makes it live all the same");
  EXPECT_FALSE(result_.ruling->passed);
  EXPECT_EQ(Live(), "20190801T010000Z");
}

TEST_F(Step, PromotesNothingThatIsEmptyDamagedOrNotThere) {
  EXPECT_NE(Promote(Save("training", "20190801T010000Z", "2019-08-01", {})).find("left nothing"),
            std::string::npos);
  const std::string damaged = Train("20190802T010000Z", "2019-08-02", "0.8");
  folder_.Write("artifacts/" + damaged + "/model", "other");
  EXPECT_NE(Promote(damaged).find("is not what was saved"), std::string::npos);
  EXPECT_NE(Promote("shop/1/training/20190803T010000Z").find("no version"), std::string::npos);
  EXPECT_EQ(Live(), "none");
}

TEST_F(Step, DeliversAFileOnceHoweverOftenItIsCarriedOut) {
  const std::string version = Save("application", "20190801T070000Z", "2019-08-01",
                                   {{"predictions.csv", "id,p\n1,0.5\n2,1\n"}});
  const std::string step = ToJson(DeliveryOf(version, "2019-08-01"));
  const std::string said = CarryOut("deliver", step);
  EXPECT_EQ(said,
            "Delivered 2 rows of predictions.csv into shop.predictions (append), which now has 2 "
            "rows; delivery r-2019-08-01.1");
  EXPECT_EQ(CarryOut("deliver", step).substr(0, 16), "Delivered 2 rows");
  const auto deliveries = Deliveries();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].table_rows, 2U);
  EXPECT_EQ(deliveries[0].data_date, "2019-08-01");
  EXPECT_EQ(deliveries[0].run, "r-2019-08-01");
  EXPECT_EQ(deliveries[0].service, "shop") << "by which the dashboard lists and undoes it";
  EXPECT_EQ(deliveries[0].scheduled_at, ParseRfc3339("2019-08-01T00:00:00Z").value());
  EXPECT_EQ(deliveries[0].model_version, "shop/1/training/20190801T000000Z");
  EXPECT_EQ(deliveries[0].file_sha256, io::Sha256Of("id,p\n1,0.5\n2,1\n"));
}

// To find what one run delivered, all deliveries of all tables were listed.
TEST_F(Step, LeavesWhatItDelivered) {
  const std::string version = Save("application", "20190801T070000Z", "2019-08-01",
                                   {{"predictions.csv", "id,p\n1,0.5\n2,1\n"}});
  CarryOut("deliver", ToJson(DeliveryOf(version, "2019-08-01")));
  const StepResult result = StepResultFrom(ToJson(result_)).value();
  EXPECT_EQ(result.warehouse_url, WarehouseUrl());
  ASSERT_TRUE(result.delivery);
  deliver::Delivery made = Deliveries().at(0);
  made.columns.clear();
  made.current = false;
  deliver::Delivery left = *result.delivery;
  left.columns.clear();
  left.current = false;
  EXPECT_EQ(ToJson(StepResult{left, "", {}}), ToJson(StepResult{made, "", {}}));
  EXPECT_EQ(left.rows, 2U);
  EXPECT_FALSE(result.ruling);
}

TEST_F(Step, LeavesWhatTheGateSaid) {
  const std::string version = Train("20190801T000000Z", "2019-08-01", "0.7");
  Promote(version, "auc >= 0.8");
  const StepResult refused = StepResultFrom(ToJson(result_)).value();
  ASSERT_TRUE(refused.ruling);
  EXPECT_FALSE(refused.ruling->passed);
  EXPECT_EQ(refused.ruling->version.Key(), version);
  EXPECT_EQ(refused.ruling->at, kNow);
  EXPECT_NE(refused.ruling->why.find("0.7"), std::string::npos);
  Promote(version, "auc >= 0.5");
  EXPECT_TRUE(result_.ruling && result_.ruling->passed);
  Promote(version, "auc >= 0.5");
  ASSERT_TRUE(result_.ruling) << "the second time finds the work done, and what was said of it";
  EXPECT_TRUE(result_.ruling->passed);
}

// Runs that were prepared by an earlier version have orders that name the warehouse's folder.
TEST_F(Step, DeliversWhereAnOrderOfAnEarlierVersionSays) {
  const std::string version =
      Save("application", "20190801T070000Z", "2019-08-01", {{"predictions.csv", "id,p\n1,0.5\n"}});
  const std::vector<std::string> names = {"home:warehouse", (folder_ / "warehouse").string()};
  for (const std::string& folder : names) {
    nlohmann::json step = nlohmann::json::parse(ToJson(DeliveryOf(version, "2019-08-01")));
    step.erase("warehouse_url");
    step["warehouse_folder"] = folder;
    EXPECT_EQ(DeliveryIn(step.dump()).value().warehouse_url, folder);
    EXPECT_EQ(CarryOut("deliver", step.dump()).substr(0, 15), "Delivered 1 row");
  }
  EXPECT_EQ(Deliveries().size(), 1U);
}

TEST_F(Step, DeliversByThePartitionSchemaAndRowsThatItSays) {
  const std::string version = Save("application", "20190801T070000Z", "2019-08-01",
                                   {{"predictions.csv", "id,p\n01,0.5\n"}});
  DeliverStep step = DeliveryOf(version, "2019-08-01");
  step.request.write = deliver::Write::kPartition;
  step.request.schema = {{"id", "STRING"}, {"p", "FLOAT64"}};
  step.request.rows_min = 2;
  EXPECT_NE(CarryOut("deliver", ToJson(step)).find("error: "), std::string::npos);
  EXPECT_TRUE(Deliveries().empty());
  step.request.rows_min = 1;
  step.request.key = {"pp"};
  EXPECT_NE(CarryOut("deliver", ToJson(step)).find("it has no column \"pp\", which key names"),
            std::string::npos);
  step.request.key = {"id"};
  step.request.max_age = std::chrono::hours(36);
  EXPECT_EQ(CarryOut("deliver", ToJson(step)).substr(0, 15), "Delivered 1 row");
  const auto deliveries = Deliveries();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].write, deliver::Write::kPartition);
  ASSERT_EQ(deliveries[0].columns.size(), 3U);
  EXPECT_EQ(deliveries[0].columns[0].type, "STRING");
}

// A date before that of the table's rows replaces them only when somebody insists.
TEST_F(Step, DeliversAnOlderDateOnlyWithForce) {
  const auto save = [&](const std::string& timestamp, const std::string& date) {
    return Save("application", timestamp, date, {{"predictions.csv", "id\n" + date + "\n"}});
  };
  DeliverStep newer = DeliveryOf(save("20190802T070000Z", "2019-08-02"), "2019-08-02");
  newer.request.write = deliver::Write::kReplace;
  EXPECT_EQ(CarryOut("deliver", ToJson(newer)).substr(0, 9), "Delivered");
  DeliverStep older = DeliveryOf(save("20190803T070000Z", "2019-08-01"), "2019-08-01");
  older.request.write = deliver::Write::kReplace;
  EXPECT_EQ(CarryOut("deliver", ToJson(older)).substr(0, 7), "error: ");
  older.request.force = true;
  EXPECT_EQ(CarryOut("deliver", ToJson(older)).substr(0, 9), "Delivered");
}

TEST_F(Step, DeliversNothingThatTheVersionDoesNotHaveOrThatIsNotWhatWasSaved) {
  const std::string version =
      Save("application", "20190801T070000Z", "2019-08-01", {{"predictions.csv", "id\n1\n"}});
  DeliverStep step = DeliveryOf(version, "2019-08-01");
  step.file = "others.csv";
  EXPECT_NE(CarryOut("deliver", ToJson(step)).find("has no file others.csv to deliver"),
            std::string::npos);
  step.file = "predictions.csv";
  folder_.Write("artifacts/" + version + "/predictions.csv", "id\n2\n");
  EXPECT_EQ(CarryOut("deliver", ToJson(step)).substr(0, 7), "error: ");
  EXPECT_TRUE(Deliveries().empty());
}

TEST_F(Step, RefusesWhatItDoesNotUnderstand) {
  EXPECT_NE(CarryOut("dance", "{}").find("no step dance"), std::string::npos);
  for (const char* json : {"", "{", "{}", "[]", R"({"store_url": 5, "version": "x"})"}) {
    EXPECT_EQ(CarryOut("promote", json).substr(0, 7), "error: ") << json;
    EXPECT_EQ(CarryOut("deliver", json).substr(0, 7), "error: ") << json;
  }
}

}  // namespace
}  // namespace busker::prepare

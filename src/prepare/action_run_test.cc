#include "prepare/action_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "deliver/warehouse.h"
#include "io/test_folder.h"
#include "model/live.h"
#include "runner/attempt_file.h"

namespace busker::prepare {
namespace {

constexpr Instant kNow{std::chrono::hours(24 * 365 * 50)};

// A service in a temporary folder, and an artifact store beside it.
class PrepareRunTest : public testing::Test {
 protected:
  PrepareRunTest() {
    places_ = {"/usr/bin/busker", "file://" + (folder_ / "artifacts").string(),
               (folder_ / "warehouse").string()};
    store_ = std::move(artifact::OpenStore(places_.store_url).value());
    request_.environment = {"PATH=/usr/bin", "HOME=/home/me", "SECRET=hush", "TOKEN=t"};
  }

  service::Service Load(const std::string& file) {
    folder_.Write("busker.toml", "name = \"my-shop\"\nversion = \"1\"\n" + file);
    auto service = service::LoadService(folder_.path().string());
    EXPECT_TRUE(service) << service.error().message;
    return service.value_or(service::Service{});
  }

  Result<PreparedRun> Prepare(const service::Service& service, const std::string& action) {
    return PrepareRun(service, service.actions.at(action), request_, places_, *store_, kNow, kNow);
  }

  static runner::AttemptOrder OrderOf(const PreparedRun& run, std::size_t task) {
    return runner::OrderFromJson(run.tasks.at(task).order_json).value();
  }

  static bool Has(const std::vector<std::string>& environment, const std::string& entry) {
    return std::find(environment.begin(), environment.end(), entry) != environment.end();
  }

  // Makes a version live that holds one file.
  void MakeLive() {
    folder_.Write("model/m", "m");
    artifact::Manifest manifest;
    manifest.name = {"my-shop", "1", "training", "20190801T000000Z"};
    ASSERT_TRUE(artifact::Publish(*store_, folder_ / "model", manifest, {}));
    ASSERT_TRUE(model::Promote(*store_, {manifest.name, "me", "a test", kNow}));
  }

  io::TestFolder folder_;
  Places places_;
  std::unique_ptr<artifact::Store> store_;
  RunRequest request_;
};

constexpr char kTraining[] = "[model]\ncommand = \"./train --to ${DATE}\"\n[actions.training]\n";
constexpr char kApplication[] =
    "[model]\ncommand = \"./apply\"\n[actions.application]\ninput = \"live\"\nretries = 2\n"
    "[actions.application.deliver.\"a.csv\"]\ntable = \"${NAME}.a\"\n"
    "[actions.application.deliver.\"b.csv\"]\ntable = \"shop.b\"\n";

TEST_F(PrepareRunTest, ATrainingIsFollowedByItsPromotion) {
  request_.date = "2019-08-01";
  const PreparedRun run = Prepare(Load(kTraining), "training").value();
  ASSERT_EQ(run.tasks.size(), 2U);
  EXPECT_EQ(run.tasks[0].task.name, "training");
  EXPECT_EQ(run.tasks[1].task.name, "promote");
  EXPECT_EQ(run.tasks[1].task.after, std::vector<std::string>{"training"});
  const runner::AttemptOrder order = OrderOf(run, 0);
  EXPECT_EQ(order.command, (std::vector<std::string>{"./train", "--to", "2019-08-01"}));
  EXPECT_EQ(order.output, "my-shop/1/training/" + run.facts.timestamp);
  EXPECT_FALSE(order.input);
}

TEST_F(PrepareRunTest, AnApplicationWaitsForALiveVersion) {
  const auto run = Prepare(Load(kApplication), "application");
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kNotFound);
}

TEST_F(PrepareRunTest, AnApplicationPinsTheLiveVersionAndDeliversEachFile) {
  MakeLive();
  const PreparedRun run = Prepare(Load(kApplication), "application").value();
  ASSERT_EQ(run.tasks.size(), 3U);
  EXPECT_EQ(run.tasks[1].task.name, "deliver");
  EXPECT_EQ(run.tasks[2].task.name, "deliver-2");
  EXPECT_EQ(run.tasks[1].task.retries, 2);
  const runner::AttemptOrder order = OrderOf(run, 0);
  EXPECT_EQ(order.input, "my-shop/1/training/20190801T000000Z");
  EXPECT_EQ(order.required_outputs, (std::vector<std::string>{"a.csv", "b.csv"}));
  // A name in a table's name becomes one that SQL takes without quotes.
  EXPECT_NE(OrderOf(run, 1).command.at(3).find("\"my_shop.a\""), std::string::npos);
  EXPECT_NE(OrderOf(run, 1).command.at(3).find(run.facts.id + ".1"), std::string::npos);
}

TEST_F(PrepareRunTest, AProgramInheritsOnlyWhatIsAgreed) {
  const auto service = Load(
      "[model]\ncommand = \"./t\"\nenvironment = { PATH = \"/mine:${PATH}\" }\n"
      "pass_environment = [\"TOKEN\", \"NOT_SET\"]\n[actions.training]\n");
  const auto environment = OrderOf(Prepare(service, "training").value(), 0).environment;
  EXPECT_TRUE(Has(environment, "PATH=/mine:/usr/bin"));
  EXPECT_TRUE(Has(environment, "HOME=/home/me"));
  EXPECT_TRUE(Has(environment, "TOKEN=t"));
  EXPECT_FALSE(Has(environment, "SECRET=hush"));
  for (const auto& entry : environment) EXPECT_FALSE(entry.starts_with("NOT_SET"));
}

TEST_F(PrepareRunTest, ADateIsMidnightInTheZoneOfTheSchedule) {
  request_.date = "2019-08-01";
  const auto service = Load(
      "[model]\ncommand = \"./t\"\n[actions.training]\n"
      "time_zone = \"Europe/Stockholm\"\n");
  const PreparedRun run = Prepare(service, "training").value();
  EXPECT_EQ(FormatRfc3339(run.facts.scheduled_at), "2019-07-31T22:00:00Z");
  EXPECT_EQ(run.facts.data_date, "2019-08-01");
  request_.date = "2019-02-30";
  EXPECT_EQ(Prepare(service, "training").error().kind, ErrorKind::kInvalid);
}

// The service room and the warehouse may not include each other, and each has a list of types.
TEST_F(PrepareRunTest, AServiceMayNameEveryTypeOfTheWarehouseAndNoOther) {
  for (const std::string& type : deliver::TypeNames()) {
    const auto service = Load(
        "[model]\ncommand = \"./a\"\n[actions.application]\n"
        "[actions.application.deliver.\"a.csv\"]\ntable = \"s.a\"\n"
        "schema = { x = \"" +
        type + "\" }\n");
    const auto& schema = service.actions.at("application").deliveries.at(0).schema;
    ASSERT_EQ(schema.size(), 1U) << type;
    EXPECT_TRUE(deliver::CanonicalType(schema[0].second)) << schema[0].second;
  }
}

}  // namespace
}  // namespace busker::prepare

#include "prepare/action_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attempt/order.h"
#include "attempt/step_place.h"
#include "deliver/warehouse.h"
#include "io/test_folder.h"
#include "model/live.h"
#include "prepare/requested_run.h"
#include "prepare/step.h"

namespace busker::prepare {
namespace {

constexpr Instant kNow{std::chrono::hours(24 * 365 * 50)};
constexpr char kStamp[] = "20191220T000000Z-0001";

// A service in a temporary folder, and an artifact store beside it.
class PrepareRunTest : public testing::Test {
 protected:
  PrepareRunTest() {
    places_ = {"/usr/bin/busker", "file://" + (folder_ / "artifacts").string(),
               "embedded://" + (folder_ / "warehouse").string()};
    store_ = std::move(artifact::OpenStore(places_.store_url).value());
    run_.id = "r1";
    run_.data_date = "2019-08-01";
    run_.scheduled_at = kNow;
  }

  service::Service Load(const std::string& file) {
    folder_.Write("busker.toml", "name = \"my-shop\"\nversion = \"1\"\n" + file);
    auto service = service::LoadService(folder_.path().string());
    EXPECT_TRUE(service) << service.error().message;
    return service.value_or(service::Service{});
  }

  Result<PreparedRun> Prepare(const service::Service& service, const std::string& action) {
    return PrepareRun(service, service.actions.at(action), run_, places_, *store_, kStamp,
                      {"PATHS=/nowhere", "PATH=/usr/bin", "HOME=/home/me", "SECRET=hush", "TOKEN=t",
                       "GOOGLE_APPLICATION_CREDENTIALS=/key.json"});
  }

  static attempt::Order OrderOf(const PreparedRun& run, std::size_t task) {
    return attempt::OrderFromJson(run.row.orders.at(task).text).value();
  }

  static bool Has(const std::vector<std::string>& environment, const std::string& entry) {
    return std::find(environment.begin(), environment.end(), entry) != environment.end();
  }

  // Makes a version live that holds one file.
  void MakeLive() {
    folder_.Write("model/m", "m");
    artifact::Manifest manifest;
    manifest.name = {"my-shop", "1", "training", "20190801T000000Z"};
    ASSERT_TRUE(artifact::Publish(*store_, folder_ / "model", manifest, {}, artifact::ForFiles()));
    ASSERT_TRUE(
        model::Promote(*store_, {manifest.name, "me", "a test", kNow}, artifact::ForFiles()));
  }

  io::TestFolder folder_;
  Places places_;
  std::unique_ptr<artifact::Store> store_;
  plan::DagRun run_;
};

constexpr char kTraining[] = "[model]\ncommand = \"./train --to ${DATE}\"\n[actions.training]\n";
constexpr char kApplication[] =
    "[model]\ncommand = \"./apply\"\n[actions.application]\ninput = \"live\"\nretries = 2\n"
    "[actions.application.deliver.\"a.csv\"]\ntable = \"${NAME}.a\"\n"
    "[actions.application.deliver.\"b.csv\"]\ntable = \"shop.b\"\n";

TEST_F(PrepareRunTest, ATrainingIsFollowedByItsPromotion) {
  const PreparedRun run = Prepare(Load(kTraining), "training").value();
  ASSERT_EQ(run.tasks.size(), 2U);
  EXPECT_EQ(run.tasks[0].name, "training");
  EXPECT_EQ(run.tasks[1].name, "promote");
  EXPECT_EQ(run.tasks[1].place, attempt::kStepPlace);
  EXPECT_EQ(run.tasks[1].place_tasks_max, attempt::kStepsAtOnceMax) << "and no slot of the machine";
  EXPECT_EQ(run.tasks[1].after, std::vector<std::string>{"training"});
  const attempt::Order order = OrderOf(run, 0);
  EXPECT_EQ(order.command, (std::vector<std::string>{"./train", "--to", "2019-08-01"}));
  EXPECT_EQ(order.output, "my-shop/1/training/" + run.row.timestamp);
  EXPECT_FALSE(order.input);
}

// What tests the candidate runs between the training and its gate, begins with what the training
// saved, and must find metrics of its own where the gate names them.
TEST_F(PrepareRunTest, ATrainingIsTestedBeforeItsPromotion) {
  const auto service = Load(
      std::string(kTraining) +
      "promote_when = \"testing.auc > 0.5\"\nrequire_approval = true\nretries = 3\n"
      "[actions.testing]\ninput = \"candidate\"\ntimeout = \"1h\"\ncommand = \"./test ${ACTION}\"\n"
      "[actions.smoke]\ninput = \"candidate\"\n");
  const PreparedRun run = Prepare(service, "training").value();
  ASSERT_EQ(run.tasks.size(), 4U);
  EXPECT_EQ(run.tasks[1].name, "smoke");
  EXPECT_EQ(run.tasks[2].name, "testing");
  EXPECT_EQ(run.tasks[2].after, std::vector<std::string>{"training"});
  EXPECT_EQ(run.tasks[2].retries, 0) << "its own, not those of the training";
  EXPECT_EQ(run.tasks[3].after, (std::vector<std::string>{"training", "smoke", "testing"}));
  const attempt::Order testing = OrderOf(run, 2);
  EXPECT_EQ(testing.command, (std::vector<std::string>{"./test", "testing"}));
  EXPECT_EQ(testing.input, OrderOf(run, 0).output);
  EXPECT_EQ(testing.output, "my-shop/1/testing/" + std::string(kStamp) + "-of-training");
  EXPECT_TRUE(artifact::ParseVersionName(*testing.output));
  EXPECT_EQ(testing.timeout, std::chrono::hours(1));
  EXPECT_EQ(testing.required_outputs, std::vector<std::string>{"metrics.json"});
  EXPECT_TRUE(Has(testing.environment, "ACTION=testing"));
  EXPECT_TRUE(OrderOf(run, 1).required_outputs.empty()) << "the gate does not name it";
  EXPECT_NE(OrderOf(run, 3).command.at(3).find("\"requires_approval\":true"), std::string::npos);
}

// By hand a test begins with the newest version, or with the one that was asked for.
TEST_F(PrepareRunTest, ATestByHandHasTheVersionThatWasAskedFor) {
  const auto service = Load(std::string(kTraining) + "[actions.testing]\ninput = \"candidate\"\n");
  EXPECT_EQ(Prepare(service, "testing").error().kind, ErrorKind::kNotFound);
  MakeLive();
  const std::string version = "my-shop/1/training/20190801T000000Z";
  EXPECT_EQ(Prepare(service, "testing")->row.model_version, version);
  run_.trigger = "version " + version;
  const auto asked = Prepare(service, "testing");
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(OrderOf(*asked, 0).input, version);
  EXPECT_EQ(Prepare(service, "training").error().kind, ErrorKind::kInvalid) << "begins with none";
  run_.trigger = "version my-shop/1/training/20190802T000000Z";
  EXPECT_EQ(Prepare(service, "testing").error().kind, ErrorKind::kNotFound);
  run_.trigger = "version other/1/training/20190801T000000Z";
  EXPECT_EQ(Prepare(service, "testing").error().message,
            "other/1/training/20190801T000000Z is not a version of my-shop 1");
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
  EXPECT_EQ(run.tasks[1].name, "deliver");
  EXPECT_EQ(run.tasks[2].name, "deliver-2");
  EXPECT_EQ(run.tasks[1].retries, 2);
  const attempt::Order order = OrderOf(run, 0);
  EXPECT_EQ(order.input, "my-shop/1/training/20190801T000000Z");
  EXPECT_EQ(order.required_outputs, (std::vector<std::string>{"a.csv", "b.csv"}));
  // A name in a table's name becomes one that SQL takes without quotes.
  EXPECT_NE(OrderOf(run, 1).command.at(3).find("\"my_shop.a\""), std::string::npos);
  EXPECT_NE(OrderOf(run, 1).command.at(3).find(run_.id + ".1"), std::string::npos);
  // What decides whether an older date may replace a newer one.
  EXPECT_NE(OrderOf(run, 1).command.at(3).find("\"scheduled_at\":\"2019-12-20T00:00:00Z\""),
            std::string::npos);
  EXPECT_NE(OrderOf(run, 1).command.at(3).find("\"data_date\":\"2019-08-01\""), std::string::npos);
}

// Orders held absolute paths, so the retry of a run in a copy of a home wrote into the original.
TEST_F(PrepareRunTest, NamesWhatIsInTheHomeByItsPlaceInIt) {
  MakeLive();
  places_.home = folder_.path().string();
  const auto run = Prepare(Load(kApplication), "application");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(OrderOf(*run, 0).store_url, "home:artifacts");
  EXPECT_EQ(OrderOf(*run, 1).store_url, "home:artifacts");
  const std::string step = OrderOf(*run, 1).command.at(3);
  EXPECT_EQ(DeliveryIn(step).value().warehouse_url, "home:warehouse");
  EXPECT_EQ(DeliveryIn(step).value().id, "r1.1");
  EXPECT_EQ(step.find(folder_.path().string()), std::string::npos) << step;
}

// Only the program has a machine of its own; what Busker does itself it does where it is.
TEST_F(PrepareRunTest, AMachineIsToldHowLongItIsNeededAndMayBePreempted) {
  MakeLive();
  places_.executor = "compute-engine://p/europe-west1-b?machine_type=e2-small";
  places_.tasks_max = 100;
  places_.preemptions_max = 2;
  places_.bounds_attempts = true;
  places_.zone = "europe-west1-b";
  const std::string timeout = "timeout = \"90m\"\n";
  const std::string file = kApplication;
  const std::size_t at = file.find("retries");
  const auto run = Prepare(Load(file.substr(0, at) + timeout + file.substr(at)), "application");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->tasks[0].place, places_.executor + "&timeout_s=5400");
  EXPECT_EQ(run->tasks[0].place_tasks_max, 100);
  EXPECT_EQ(run->tasks[0].preemptions_max, 2);
  EXPECT_TRUE(Has(OrderOf(*run, 0).environment, "ZONE=europe-west1-b"));
  EXPECT_EQ(run->tasks[1].place, "");
  EXPECT_EQ(run->tasks[1].preemptions_max, 0);
  EXPECT_EQ(Prepare(Load(file), "application").value().tasks[0].place, places_.executor);
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
  EXPECT_TRUE(Has(environment, "PYTHONUNBUFFERED=1"));
  const auto buffered = Load(
      "[model]\ncommand = \"./t\"\nenvironment = { PYTHONUNBUFFERED = \"\" "
      "}\n[actions.training]\n");
  EXPECT_TRUE(
      Has(OrderOf(Prepare(buffered, "training").value(), 0).environment, "PYTHONUNBUFFERED="));
}

// The path is the rest of the trigger, whatever it holds: one with a blank before it is no file.
// A step of Busker's own began without what its store asks for, and could not read there.
TEST_F(PrepareRunTest, AStepAndNoProgramIsHandedWhatItsStoreLooksAt) {
  const auto run = Prepare(Load("[model]\ncommand = \"./t\"\n[actions.training]\n"), "training");
  const std::string entry = "GOOGLE_APPLICATION_CREDENTIALS=/key.json";
  EXPECT_FALSE(Has(OrderOf(*run, 0).environment, entry));
  EXPECT_TRUE(Has(OrderOf(*run, 1).environment, entry));
  EXPECT_FALSE(Has(OrderOf(*run, 1).environment, "SECRET=hush"));
}

TEST_F(PrepareRunTest, TellsTheProgramWhichFileItRunsFor) {
  const auto service = Load("[model]\ncommand = \"./t\"\n[actions.training]\n");
  const auto environment = [&](const std::string& trigger) {
    run_.trigger = trigger;
    return OrderOf(Prepare(service, "training").value(), 0).environment;
  };
  EXPECT_TRUE(Has(environment("file /in/new players.csv"), "BUSKER_FILE=/in/new players.csv"));
  for (const std::string trigger : {"manual", "schedule", "after file (run 1)", "file"}) {
    for (const auto& entry : environment(trigger)) {
      EXPECT_FALSE(entry.starts_with("BUSKER_FILE")) << trigger;
    }
  }
}

// Midnight in Stockholm is the day before in UTC: a program that took the date of the instant would
// work on the wrong day.
TEST_F(PrepareRunTest, TheProgramsDateIsThatOfTheZoneAndItsInstantIsInUtc) {
  const auto service = Load(
      "[model]\ncommand = \"./train --to ${DATE}\"\nenvironment = { TO = \"${DATE}\" }\n"
      "[actions.training]\nschedule = \"0 0 * * *\"\ntime_zone = \"Europe/Stockholm\"\n");
  plan::Graph graph;
  graph.zone = service.actions.at("training").time_zone;
  for (const plan::DagRun& asked :
       {RequestRun(graph, "2019-08-01", kNow).value(),
        RequestRunAt(graph, ParseRfc3339("2019-07-31T22:00:00Z").value(), kNow)}) {
    run_.data_date = asked.data_date;
    run_.scheduled_at = asked.scheduled_at;
    const auto order = OrderOf(Prepare(service, "training").value(), 0);
    EXPECT_TRUE(Has(order.environment, "BUSKER_DATE=2019-08-01"));
    EXPECT_TRUE(Has(order.environment, "BUSKER_SCHEDULED_AT=2019-07-31T22:00:00Z"));
    EXPECT_TRUE(Has(order.environment, "TO=2019-08-01"));
    EXPECT_EQ(order.command.back(), "2019-08-01");
    EXPECT_EQ(order.data_date, "2019-08-01");
    EXPECT_EQ(FormatRfc3339(order.scheduled_at), "2019-07-31T22:00:00Z");
  }
}

TEST_F(PrepareRunTest, TheTaskOfTheProgramTakesWhatTheActionSaysAndItsStepsNothing) {
  MakeLive();
  const PreparedRun run =
      Prepare(Load(std::string(kApplication) + "[actions.training]\npool = \"gpu\"\ncpus = 1.5\n"
                                               "memory = \"2 GiB\"\nrun_timeout = \"1h\"\n"
                                               "log_bytes_max = \"1MiB\"\n"),
              "training")
          .value();
  EXPECT_EQ(run.tasks[0].pool, "gpu");
  EXPECT_EQ(run.tasks[0].cpus_milli, 1500);
  EXPECT_EQ(run.tasks[0].memory_bytes, 2ULL << 30);
  EXPECT_EQ(run.tasks[1].name, "promote");
  EXPECT_EQ(run.tasks[1].pool, "");
  EXPECT_EQ(run.tasks[1].memory_bytes, 0U);
  EXPECT_TRUE(OrderOf(run, 1).repeatable);
  EXPECT_FALSE(OrderOf(run, 0).repeatable);
  EXPECT_EQ(run.timeout, std::chrono::hours(1));
  EXPECT_EQ(OrderOf(run, 0).log_head_bytes_max, 512U << 10);
  EXPECT_EQ(OrderOf(run, 0).log_tail_bytes_max, 512U << 10);
}

// Slips that no test had noticed: a limit taken from elsewhere, a setting that did not arrive.
TEST_F(PrepareRunTest, WhatAnActionSaysArrivesWhereItIsMeant) {
  MakeLive();
  run_.force = true;
  const auto service = Load(
      "[model]\ncommand = \"./m\"\nsecrets = { PASSWORD_FILE = \"password\" }\n"
      "[actions.training]\ntimeout = \"2h\"\nrun_timeout = \"5h\"\nretry_delay_max = \"10m\"\n"
      "secrets.KEY = { name = \"key\", as = \"environment\" }\npromote_when = \"auc > 0.5\"\n"
      "[actions.application]\n[actions.application.deliver.\"a.csv\"]\ntable = \"s.a\"\n"
      "rows_min = 7\nwrite = \"append\"\nkey = [\"id\", \"day\"]\nmax_age = \"36h\"\n");
  const PreparedRun training = Prepare(service, "training").value();
  const attempt::Order program = OrderOf(training, 0);
  EXPECT_EQ(program.timeout, std::chrono::hours(2));
  EXPECT_EQ(training.timeout, std::chrono::hours(5));
  EXPECT_EQ(training.tasks[0].retry_delay_max, std::chrono::minutes(10));
  ASSERT_EQ(program.secrets.size(), 2U);
  for (const attempt::SecretUse& use : program.secrets) {
    EXPECT_EQ(use.as_environment, use.variable == "KEY") << use.variable;
  }
  const std::string promote = OrderOf(training, 1).command.at(3);
  EXPECT_NE(promote.find("\"force\":true"), std::string::npos) << promote;
  EXPECT_NE(promote.find("\"gate\":\"auc > 0.5\""), std::string::npos) << promote;
  const std::string deliver = OrderOf(Prepare(service, "application").value(), 1).command.at(3);
  EXPECT_NE(deliver.find("\"rows_min\":7"), std::string::npos) << deliver;
  EXPECT_NE(deliver.find("\"key\":[\"id\",\"day\"]"), std::string::npos) << deliver;
  EXPECT_NE(deliver.find("\"max_age_ms\":129600000"), std::string::npos) << deliver;
  EXPECT_NE(deliver.find("\"write\":\"append\""), std::string::npos) << deliver;
  EXPECT_NE(deliver.find("\"force\":true"), std::string::npos) << deliver;
}

TEST_F(PrepareRunTest, ItsDefinitionChangesWithTheFilesThatSayWhatItDoes) {
  const auto before = Prepare(Load(kTraining), "training").value().row;
  EXPECT_EQ(before.run, "r1");
  EXPECT_EQ(before.service_version, "1");
  EXPECT_EQ(before.timestamp, kStamp);
  EXPECT_EQ(Prepare(Load(kTraining), "training").value().row.definition, before.definition);
  const std::string edited = std::string(kTraining) + "retries = 3\n";
  EXPECT_NE(Prepare(Load(edited), "training").value().row.definition, before.definition);
}

TEST_F(PrepareRunTest, CanBeToldFromAVersionThatIsNotLiveBeforeItIsQueued) {
  const auto service = Load(std::string(kApplication) + "[actions.training]\n");
  const auto check = [&](const std::string& action) {
    return CheckRunnable(service, service.actions.at(action), *store_, run_);
  };
  EXPECT_TRUE(check("training"));
  EXPECT_EQ(check("application").error().kind, ErrorKind::kNotFound);
  MakeLive();
  EXPECT_TRUE(check("application"));
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

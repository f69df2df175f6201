#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

using Words = std::vector<std::string>;
using std::chrono::hours;
using std::chrono::seconds;

TEST(ServiceFile, SaysWhatDiffersFromTheConventions) {
  const Service service = ServiceOf(R"(
name = "example-prediction-service"
version = "2019-07-01"

[model]
command = "build/prediction --action ${ACTION} --config ${CONFIG}"
environment = { OMP_NUM_THREADS = "1" }
pass_environment = ["HTTPS_PROXY", "LD_LIBRARY_PATH"]

[actions.training]
schedule = "0 0 1 * *"
time_zone = "Europe/Stockholm"
promote_when = "auc >= live.auc - 0.01 and rows > 1000"

[actions.application]
schedule = "0 7 * * *"
retries = 2
retry_delay = "1m30s"
timeout = "2h"
expected_by = "08:00"

[actions.application.deliver."predictions.csv"]
table = "example_prediction_service.predictions"
schema = { player_id = "STRING", label = "BOOL", amount = "float64" }
write = "partition"
rows_min = 10

[targets.cloud]
executor = "compute-engine://example-cloud-project/europe-west1-b?machine_type=n1-standard-1"
image = "eu.gcr.io/example-cloud-project/example-prediction-service"
artifacts = "gs://example-prediction-service"
warehouse = "bigquery://example-cloud-project"
log = "cloud-logging://example-cloud-project"
)");
  EXPECT_TRUE(service.has_file);
  EXPECT_EQ(service.name, "example-prediction-service");
  EXPECT_EQ(service.version, "2019-07-01");
  EXPECT_EQ(service.environment.at("OMP_NUM_THREADS"), "1");
  EXPECT_EQ(service.pass_environment, (Words{"HTTPS_PROXY", "LD_LIBRARY_PATH"}));

  const Action& training = service.actions.at("training");
  EXPECT_EQ(training.command,
            (Words{"build/prediction", "--action", "${ACTION}", "--config", "${CONFIG}"}));
  EXPECT_EQ(training.schedule, "0 0 1 * *");
  EXPECT_EQ(training.time_zone, "Europe/Stockholm");
  EXPECT_EQ(training.promote_when, "auc >= live.auc - 0.01 and rows > 1000");
  EXPECT_TRUE(training.promotes);
  EXPECT_EQ(training.config, "configs/training.json");

  const Action& application = service.actions.at("application");
  EXPECT_EQ(application.input, Input::kLive);
  EXPECT_EQ(application.time_zone, "UTC");
  EXPECT_EQ(application.retries, 2);
  EXPECT_EQ(application.retry_delay, seconds(90));
  EXPECT_EQ(application.timeout, hours(2));
  EXPECT_EQ(application.expected_by, "08:00");
  ASSERT_EQ(application.deliveries.size(), 1U);
  const DeliverySetting& delivery = application.deliveries[0];
  EXPECT_EQ(delivery.table, "example_prediction_service.predictions");
  EXPECT_EQ(delivery.schema,
            (std::vector<std::pair<std::string, std::string>>{
                {"player_id", "STRING"}, {"label", "BOOL"}, {"amount", "FLOAT64"}}));
  EXPECT_EQ(delivery.write, "partition");
  EXPECT_EQ(delivery.rows_min, 10U);

  const Target& cloud = service.targets.at("cloud");
  EXPECT_EQ(cloud.name, "cloud");
  EXPECT_EQ(cloud.artifacts, "gs://example-prediction-service");
  EXPECT_EQ(cloud.warehouse, "bigquery://example-cloud-project");
}

TEST(ServiceFile, ThatIsEmptyChangesNothing) {
  const Service service = ServiceOf("");
  EXPECT_TRUE(service.has_file);
  EXPECT_EQ(service.name, "churn");
  EXPECT_EQ(service.actions.size(), 2U);
  EXPECT_EQ(service.actions.at("application").deliveries[0].table, "churn.predictions");
}

TEST(ServiceFile, KeepsActionsThatItDoesNotMention) {
  const Service service = ServiceOf("[actions.training]\nretries = 1\n");
  EXPECT_EQ(service.actions.size(), 2U);
  EXPECT_EQ(service.actions.at("application").input, Input::kLive);
}

TEST(ServiceFile, GivesTheConventionalTableTheNameThatTheFileGives) {
  const Service service = ServiceOf("[actions.training]\n[model]\ncommand = \"x\"\n");
  EXPECT_EQ(service.actions.at("application").deliveries[0].table, "churn.predictions");
  EXPECT_EQ(ServiceOf("name = \"life-time.value\"").actions.at("application").deliveries[0].table,
            "life_time_value.predictions");
}

TEST(ServiceFile, AddsAnActionThatNeedsNoConfig) {
  const Service service = ServiceOf("[actions.report]\ncommand = \"bin/report ${DATE}\"\n");
  EXPECT_EQ(service.actions.size(), 3U);
  EXPECT_EQ(service.actions.at("report").config, "");
  EXPECT_EQ(service.actions.at("report").command, (Words{"bin/report", "${DATE}"}));
}

TEST(ServiceFile, RefusesAnActionWhoseConfigIsMissing) {
  EXPECT_EQ(FaultOf("[actions.trianing]\nretries = 1\n"),
            "busker.toml:1:10: the command of action \"trianing\" has a config, but there is no "
            "configs/trianing.json; did you mean [actions.training]?");
  EXPECT_EQ(FaultOf("[actions.report]\ncommand = \"x ${CONFIG}\"\n"),
            "busker.toml:1:10: the command of action \"report\" has a config, but there is no "
            "configs/report.json");
  EXPECT_EQ(FaultOf("[actions.training]\nconfig = \"configs/t.json\"\n"),
            "busker.toml:2:10: \"config\": no file \"configs/t.json\"");
}

TEST(ServiceFile, HandsAnotherConfigToTheConventionalCommand) {
  const Service service = ServiceOf("[actions.training]\nconfig = \"configs/application.json\"\n");
  EXPECT_EQ(service.actions.at("training").command.back(), "${CONFIG}");
  EXPECT_EQ(service.actions.at("training").config, "configs/application.json");
}

TEST(ServiceFile, PrefersTheCommandOfTheAction) {
  const Service service =
      ServiceOf("[model]\ncommand = \"a\"\n[actions.training]\ncommand = \"b 'c d'\"\n");
  EXPECT_EQ(service.actions.at("training").command, (Words{"b", "c d"}));
  EXPECT_EQ(service.actions.at("application").command, Words{"a"});
}

TEST(ServiceFile, PromotesByDefaultWhatHasAGate) {
  const Service service = ServiceOf(
      "[actions.training]\npromote = false\n[actions.application]\npromote_when = \"auc > 0\"\n");
  EXPECT_FALSE(service.actions.at("training").promotes);
  EXPECT_TRUE(service.actions.at("application").promotes);
  EXPECT_EQ(FaultOf("[actions.training]\npromote = false\npromote_when = \"auc > 0\"\n"),
            "busker.toml:3:16: \"promote_when\" means nothing with promote = false");
}

// An action that tests candidates runs within the run of the training: what that decides cannot be
// said of it.
TEST(ServiceFile, KnowsActionsThatTestCandidates) {
  const std::string testing = "[actions.testing]\ncommand = \"x\"\ninput = \"candidate\"\n";
  const Service service = ServiceOf(testing + "[actions.training]\nrequire_approval = true\n");
  EXPECT_EQ(Testing(service), Words{"testing"});
  EXPECT_TRUE(service.actions.at("training").require_approval);
  EXPECT_EQ(FaultOf("[actions.testing]\ncommand = \"x\"\nrequire_approval = true\n"),
            "busker.toml:3:20: \"require_approval\" means nothing where nothing is promoted");
  EXPECT_EQ(FaultOf(testing + "promote = true\n"),
            "busker.toml:3:9: \"input\" \"candidate\" tests what another action saved, and cannot "
            "be promoted itself");
  EXPECT_EQ(FaultOf(testing + "target = \"local\"\n"),
            "busker.toml:4:10: \"target\" means nothing with input = \"candidate\": it runs where "
            "the training does");
  EXPECT_NE(FaultOf(testing + "[actions.testing.deliver.\"a.csv\"]\ntable = \"a.b\"\n")
                .find("delivers nothing"),
            std::string::npos);
}

TEST(ServiceFile, ReplacesTheConventionalDelivery) {
  EXPECT_TRUE(ServiceOf("[actions.application]\ndeliver = {}\n")
                  .actions.at("application")
                  .deliveries.empty());
  const Service service = ServiceOf(
      "[actions.application.deliver.\"out/a.csv\"]\ntable = \"${NAME}.a_${DATE}\"\n"
      "[actions.application.deliver.\"predictions.csv\"]\nwrite = \"append\"\n");
  const auto& deliveries = service.actions.at("application").deliveries;
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].file, "out/a.csv");
  EXPECT_EQ(deliveries[0].table, "${NAME}.a_${DATE}");
  EXPECT_EQ(deliveries[1].table, "churn.predictions");
  EXPECT_EQ(deliveries[1].write, "append");
}

// What an action runs with is on record as a digest: a config that was edited looked like the same.
TEST(ServiceFile, DigestsOfAnActionItsFileAndItsConfig) {
  TestFolder folder;
  folder.Configs({"training", "application"});
  const auto digest = [&](const std::string& action) {
    return folder.Load().actions.at(action).definition;
  };
  const std::string training = digest("training"), application = digest("application");
  folder.Write("configs/training.json", "{\"trees\": 2}");
  EXPECT_NE(digest("training"), training);
  EXPECT_EQ(digest("application"), application) << "it has another config";
  folder.Write("configs/training.json", "{}");
  EXPECT_EQ(digest("training"), training);
  folder.File("[actions.training]\nretries = 1\n");
  EXPECT_NE(digest("training"), training);
  EXPECT_NE(digest("application"), application) << "[model] may have changed, too";
}

TEST(ServiceFile, AddsToTheConventionalEnvironment) {
  TestFolder folder;
  folder.Configs({"training"})
      .MakeFolder("source")
      .MakeFolder(".venv")
      .File("[model.environment]\nPYTHONPATH = \"lib\"\nX = \"${ROOT}/x:${PATH}\"\n");
  const auto environment = folder.Load().environment;
  EXPECT_EQ(environment.at("PYTHONPATH"), "lib");
  EXPECT_EQ(environment.at("VIRTUAL_ENV"), "${ROOT}/.venv");
  EXPECT_EQ(environment.at("X"), "${ROOT}/x:${PATH}");
}

TEST(ServiceFile, MustBeAFile) {
  TestFolder folder;
  folder.MakeFolder("busker.toml");
  EXPECT_EQ(folder.Fault(), folder.root() + "/busker.toml: not a file");
}

TEST(ServiceFile, WithoutAnyActionIsRefused) {
  TestFolder folder;
  folder.File("name = \"churn\"\n");
  EXPECT_EQ(folder.Fault(),
            "busker.toml: no actions: add configs/training.json, or [actions.training] "
            "with a command");
}

TEST(Validate, TellsEveryFaultInTheOrderOfTheFile) {
  TestFolder folder;
  folder.Configs({"training"})
      .Write("configs/application.json", "{\n  \"a\": ${DATE},\n}")
      .File(
          "nmae = \"x\"\n[actions.training]\nretries = -1\nshedule = \"x\"\nschedule = \"60 * * * "
          "*\"\n[targets.cloud]\nartifacts = \"gcs://x\"\n");
  EXPECT_EQ(
      Validate(folder.root()),
      (Words{"busker.toml:1:1: unknown key \"nmae\" at the top level, did you mean \"name\"?",
             "busker.toml:3:11: \"retries\" in [actions.training] must be an integer from 0 to "
             "100, such as 2, not the integer -1",
             "busker.toml:4:1: unknown key \"shedule\" in [actions.training], did you mean "
             "\"schedule\"?",
             "busker.toml:5:12: \"schedule\": cron \"60 * * * *\": minute: \"60\" is not within "
             "0-59",
             "busker.toml:7:13: \"artifacts\": \"gcs://x\": unknown scheme, did you mean "
             "\"gs://\"?",
             "configs/application.json:2:8: not JSON: invalid literal; last "
             "read: '\"a\": $'"}));
  EXPECT_EQ(folder.Fault(),
            "busker.toml:1:1: unknown key \"nmae\" at the top level, did you mean \"name\"?");
}

TEST(Validate, FindsNothingInAGoodService) {
  TestFolder folder;
  folder.Configs({"application"})
      .Write("configs/training.json",
             R"({"date": "${DATE}", "root": "${ROOT}/x", "re": "^${ $[${a-z}"})");
  EXPECT_EQ(Validate(folder.root()), Words{});
}

TEST(Validate, LooksIntoConfigs) {
  TestFolder folder;
  folder.Write("configs/a.json", "{\"x\": \"${DTAE}\"}")
      .Write("configs/b.json", "")
      .Write("configs/c.json", std::string(100'000, '['))
      .Write("configs/d.json", "{\"é\": \"${É}\", \"v\": ${VERSION}}");
  const auto faults = Validate(folder.root());
  ASSERT_EQ(faults.size(), 4U);
  EXPECT_EQ(faults[0],
            "configs/a.json:1:8: unknown placeholder \"${DTAE}\", did you mean \"${DATE}\"?");
  EXPECT_EQ(faults[1].substr(0, 28), "configs/b.json:1:1: not JSON");
  EXPECT_EQ(faults[2].substr(0, 33), "configs/c.json:1:100001: not JSON");
  EXPECT_EQ(faults[3].substr(0, 29), "configs/d.json:1:20: not JSON");
}

TEST(Validate, AsksTheGateAboutEachCondition) {
  TestFolder folder;
  folder.Configs({"training"}).File("[actions.training]\npromote_when = \"auc >\"\n");
  const auto check = [](const std::string& condition, const Words& tests) -> Result<void> {
    return Invalid("no " + condition + (tests.empty() ? "" : " " + tests.front()));
  };
  EXPECT_EQ(Validate(folder.root(), check), Words{"busker.toml:2:16: \"promote_when\": no auc >"});
  EXPECT_FALSE(LoadService(folder.root(), check));
  EXPECT_EQ(folder.Fault(), "");
  // Of actions that stand behind it in the file, too.
  folder.Configs({"training", "zeta"})
      .File("[actions.training]\npromote_when = \"a\"\n[actions.zeta]\ninput = \"candidate\"\n");
  EXPECT_EQ(Validate(folder.root(), check), Words{"busker.toml:2:16: \"promote_when\": no a zeta"});
}

}  // namespace
}  // namespace busker::service

#include "service/conventions.h"

#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

using Words = std::vector<std::string>;

TEST(Conventions, MakeAServiceOfAFolderWithoutAFile) {
  TestFolder folder("Example Prediction-Service");
  folder.Configs({"training", "application", "testing"}).MakeFolder("source/prediction");
  const Service service = folder.Load();
  EXPECT_EQ(service.name, "example-prediction-service");
  EXPECT_EQ(service.version, "1");
  EXPECT_EQ(service.root, folder.root());
  EXPECT_FALSE(service.has_file);
  EXPECT_EQ(service.environment, (std::map<std::string, std::string>{{"PYTHONPATH", "source"}}));
  ASSERT_EQ(service.actions.size(), 3U);

  const Action& training = service.actions.at("training");
  EXPECT_EQ(training.command, (Words{"python", "-m", "prediction.main", "--action", "${ACTION}",
                                     "--config", "configs/${ACTION}.json"}));
  EXPECT_EQ(training.config, "configs/training.json");
  EXPECT_TRUE(training.promotes);
  EXPECT_EQ(training.input, Input::kNone);
  EXPECT_TRUE(training.deliveries.empty());

  const Action& application = service.actions.at("application");
  EXPECT_EQ(application.input, Input::kLive);
  EXPECT_FALSE(application.promotes);
  ASSERT_EQ(application.deliveries.size(), 1U);
  EXPECT_EQ(application.deliveries[0].file, "predictions.csv");
  EXPECT_EQ(application.deliveries[0].table, "example_prediction_service.predictions");
  EXPECT_EQ(application.deliveries[0].write, "replace");

  const Action& testing = service.actions.at("testing");
  EXPECT_TRUE(testing.input == Input::kNone && !testing.promotes);
  EXPECT_TRUE(testing.deliveries.empty());
}

TEST(Conventions, PutAVirtualEnvironmentFirst) {
  TestFolder folder;
  folder.Configs({"training"}).MakeFolder(".venv/bin");
  EXPECT_EQ(folder.Load().environment,
            (std::map<std::string, std::string>{{"VIRTUAL_ENV", "${ROOT}/.venv"},
                                                {"PATH", "${ROOT}/.venv/bin:${PATH}"}}));
}

TEST(Conventions, NameAServiceAfterItsFolder) {
  EXPECT_EQ(NameFromFolder("churn"), "churn");
  EXPECT_EQ(NameFromFolder("My Churn (2)"), "my-churn--2-");
  EXPECT_EQ(NameFromFolder("Köp.v2_b"), "k-p.v2_b");
  EXPECT_EQ(NameFromFolder(".hidden"), "hidden");
  EXPECT_EQ(NameFromFolder("--"), "service");
  EXPECT_EQ(NameFromFolder(""), "service");
  EXPECT_EQ(NameFromFolder(std::string(100, 'a')), std::string(63, 'a'));
}

TEST(Conventions, SeeTheSameFolderHoweverItIsWritten) {
  TestFolder folder;
  folder.Configs({"training"});
  for (const std::string suffix : {"/", "/.", "/configs/..", "//"}) {
    const auto service = LoadService(folder.root() + suffix);
    ASSERT_TRUE(service) << suffix << service.error().message;
    EXPECT_EQ(service->root, folder.root());
    EXPECT_EQ(service->name, "churn");
  }
}

TEST(Conventions, FindNoServiceInAnEmptyFolder) {
  TestFolder folder;
  const auto service = LoadService(folder.root());
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(service.error().message, folder.root() +
                                         " is not a service: it has neither busker.toml nor "
                                         "configs/*.json");
  EXPECT_EQ(LoadService(folder.root() + "/missing").error().kind, ErrorKind::kNotFound);
}

TEST(Conventions, LeaveOutWhatIsNoConfig) {
  TestFolder folder;
  folder.Configs({"training"})
      .Write("configs/notes.txt", "")
      .Write("configs/.hidden.json", "")
      .MakeFolder("configs/old.json");
  EXPECT_EQ(folder.Load().actions.size(), 1U);
}

// The action was gone without a word, and its schedule a graph of its own.
TEST(Conventions, RefuseWhatStandsInAConfigsPlaceInTheProgramsFolder) {
  TestFolder folder;
  folder.Write("service/configs/application.json", "{}").MakeFolder("scheduler/configs");
  std::filesystem::create_symlink("/nonexist", folder.root() + "/service/configs/training.json");
  EXPECT_EQ(Validate(folder.root()),
            Words{"service/configs/training.json: a link to a file that is not there"});
  EXPECT_EQ(folder.Fault(), Validate(folder.root()).front());
  std::filesystem::remove(folder.root() + "/service/configs/application.json");
  EXPECT_TRUE(IsWholeRepository(folder.root())) << "it is the only config";
}

TEST(Conventions, RefuseAConfigThatCannotNameAnAction) {
  TestFolder folder;
  folder.Configs({"training", "My Action"});
  EXPECT_EQ(
      folder.Fault(),
      "configs/My Action.json: \"My Action\" cannot be the name of an action (a-z, 0-9, \".\", "
      "\"_\" and \"-\"); rename the file or move it out of configs/");
}

// All was well, and each run ended with "No module named 'prediction'".
TEST(Conventions, WarnOfAProgramThatIsNotThere) {
  TestFolder folder;
  folder.Configs({"training"});
  ASSERT_EQ(folder.Load().warnings.size(), 1U);
  EXPECT_TRUE(folder.Load().warnings[0].starts_with("source/: no such folder, and"));
  folder.MakeFolder(".venv/bin");
  EXPECT_TRUE(folder.Load().warnings.empty()) << "it may be installed there";
  folder.MakeFolder("source");
  EXPECT_TRUE(folder.Load().warnings.at(0).starts_with("source/: the folder is empty, and"));
  folder.Write("source/prediction/main.py", "");
  EXPECT_TRUE(folder.Load().warnings.empty());

  TestFolder other;
  other.Configs({"training"}).File("[model]\ncommand = \"./model ${CONFIG}\"\n");
  EXPECT_TRUE(other.Load().warnings.empty()) << "another program";
}

TEST(FindAction, NamesTheNearest) {
  TestFolder folder;
  folder.Configs({"training", "application"});
  const Service service = folder.Load();
  EXPECT_EQ((*FindAction(service, "training"))->name, "training");
  const auto slip = FindAction(service, "trainign");
  EXPECT_EQ(slip.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(slip.error().message,
            "service 'churn' has no action \"trainign\", did you mean \"training\"?");
  EXPECT_EQ(FindAction(service, "x").error().message,
            "service 'churn' has no action \"x\"; there are: application, training");
}

}  // namespace
}  // namespace busker::service

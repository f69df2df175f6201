// The program as Busker starts it: in a folder with configs/ and data/, placeholders replaced.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "test_folder.h"

namespace {

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory_symlink(std::filesystem::path(CDNOW_FILE).parent_path(),
                                              folder_ / "data");
  }

  // The config of the service, with the data date put in as Busker does.
  void PutConfig(const std::string& action, const std::string& date) {
    const std::string name = "configs/" + action + ".json";
    std::string text = ReadFile(std::filesystem::path(SERVICE_FOLDER) / name);
    const std::string placeholder = "${DATE}";
    text.replace(text.find(placeholder), placeholder.size(), date);
    folder_.Write(name, text);
  }

  // The exit code.
  int Run(const std::string& arguments) {
    const std::string command = fmt::format("cd '{}' && '{}' {} >stdout 2>stderr",
                                            (folder_ / "").string(), PREDICTION_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  int RunAction(const std::string& action, const std::string& date) {
    PutConfig(action, date);
    return Run("--action " + action + " --config configs/" + action + ".json");
  }

  std::string Said() { return ReadFile(folder_ / "stderr"); }

  TestFolder folder_;
};

TEST_F(Program, TrainsAppliesAndEvaluatesOnTheCdnowCustomers) {
  ASSERT_TRUE(std::filesystem::exists(CDNOW_FILE))
      << CDNOW_FILE << " is not there: the project's setup fetches it";
  ASSERT_EQ(RunAction("training", "1997-09-30"), 0) << Said();
  ASSERT_EQ(RunAction("application", "1997-09-30"), 0) << Said();
  ASSERT_EQ(RunAction("evaluation", "1997-12-30"), 0) << Said();
  EXPECT_EQ(Said(), "");

  const std::string metrics = ReadFile(folder_ / "output/metrics.json");
  EXPECT_GT(std::stod(metrics.substr(metrics.find("\"auc\": ") + 7)), 0.7) << metrics;
  const std::string predictions = ReadFile(folder_ / "output/predictions.csv");
  EXPECT_EQ(std::count(predictions.begin(), predictions.end(), '\n'), 1 + 2357);
  const std::string outcomes = ReadFile(folder_ / "output/outcomes.csv");
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), '\n'), 1 + 2357);
  EXPECT_NE(outcomes.find("\n1997-09-30,00004,true\n"), std::string::npos);
}

TEST_F(Program, NotesThatAModelIsLaterThanWhatItIsAppliedTo) {
  ASSERT_EQ(RunAction("training", "1997-09-30"), 0) << Said();
  ASSERT_EQ(RunAction("application", "1997-09-29"), 0) << Said();
  EXPECT_NE(Said().find("later than the data date 1997-09-29"), std::string::npos) << Said();
}

TEST_F(Program, ExitsWithTwoWhenItIsCalledWrongly) {
  for (const char* arguments :
       {"", "--action training", "--config x.json", "--action", "--action dance --config x.json",
        "--action training --config x.json --verbose yes"}) {
    EXPECT_EQ(Run(arguments), 2) << arguments;
    EXPECT_NE(Said().find("usage: prediction"), std::string::npos) << Said();
  }
}

TEST_F(Program, ExitsWithOneAndOneSentenceWhenItFails) {
  EXPECT_EQ(RunAction("application", "1997-09-30"), 1);
  EXPECT_EQ(Said(), "prediction: there is no model in output/model.ubj: run the training first\n");
  EXPECT_EQ(Run("--action training --config configs/none.json"), 1);
  EXPECT_EQ(Said(),
            "prediction: configs/none.json: cannot read the config: no such file, or not "
            "readable\n");
}

}  // namespace

#include "config.h"

#include <gtest/gtest.h>

#include "test_folder.h"

namespace {

constexpr const char* kApplication =
    R"({"data": "purchases.txt", "data_date": "1997-07-01", "threshold": 0.5})";

class Config : public ::testing::Test {
 protected:
  std::string ErrorOf(const std::string& content) {
    const auto config = ReadApplicationConfig(folder_.Write("application.json", content));
    EXPECT_FALSE(config) << content;
    return config ? "" : config.error().substr(config.error().find("application.json"));
  }

  TestFolder folder_;
};

TEST_F(Config, IsRead) {
  const auto config = ReadApplicationConfig(folder_.Write("application.json", kApplication));
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->data_file, "purchases.txt");
  EXPECT_EQ(FormatDate(config->data_date), "1997-07-01");
  EXPECT_EQ(config->threshold, 0.5);
}

TEST_F(Config, ThatIsWrongSaysWhereAndWhy) {
  EXPECT_EQ(ErrorOf("{"), "application.json: is not JSON");
  EXPECT_EQ(ErrorOf("[]"), "application.json: is not a JSON object");
  EXPECT_EQ(ErrorOf(R"({"data": "x", "threshold": 0.5})"),
            "application.json: \"data_date\": is missing");
  EXPECT_EQ(ErrorOf(R"({"data": "x", "data_date": "1997-07-01", "threshold": 2})"),
            "application.json: \"threshold\": must be a number between 0 and 1");
  EXPECT_EQ(ErrorOf(R"({"data": 1, "data_date": "1997-07-01", "threshold": 0.5})"),
            "application.json: \"data\": must be a text");
  EXPECT_EQ(
      ErrorOf(R"({"data": "x", "data_date": "1997-07-01", "threshold": 0.5, "treshold": 0.4})"),
      "application.json: \"treshold\": is unknown");
}

TEST_F(Config, WhosePlaceholdersWereNotReplacedIsRefused) {
  EXPECT_EQ(ErrorOf(R"({"data": "x", "data_date": "${DATE}", "threshold": 0.5})"),
            "application.json: \"data_date\": \"${DATE}\" is not a date (YYYY-MM-DD)");
}

TEST_F(Config, ThatIsNotThereIsNamed) {
  const auto config = ReadTrainingConfig(folder_ / "none.json");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().find("none.json: cannot read the config"), std::string::npos);
}

TEST_F(Config, LeavesObjectiveAndSeedToTheProgram) {
  const auto config = ReadTrainingConfig(folder_.Write(
      "training.json",
      R"({"data": "x", "data_date": "1997-07-01", "horizon_weeks": 13, "cutoff_step_weeks": 4,
          "holdout_fraction": 0.25, "seed": 1, "rounds": 10, "xgboost": {"seed": 2}})"));
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().find("\"seed\" is not for this place"), std::string::npos)
      << config.error();
}

}  // namespace

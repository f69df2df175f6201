#include "task.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "test_folder.h"

namespace {

Date Day(const char* text) { return ParseDate(text).value(); }

std::string Line(int customer, Date date, int discs, double dollars) {
  const std::chrono::year_month_day day(date);
  return fmt::format(" {:05} {:04} {:04}{:02}{:02} {:2} {:7.2f}\r\n", customer, customer,
                     static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()), discs, dollars);
}

// 300 customers who first buy in January 1997; every third is keen and comes back often. The
// purchases after `known_until` are passed through `later`, which may alter or drop them.
std::string Purchases(
    Date known_until = Day("1999-01-01"),
    const std::function<std::string(const std::string&)>& later = [](auto line) { return line; }) {
  std::mt19937 random(7);
  const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
  std::string content;
  for (int customer = 1; customer <= 300; ++customer) {
    Date date = Day("1997-01-01") + std::chrono::days(below(31));
    while (date < Day("1998-07-01")) {
      const auto line = Line(customer, date, 1 + below(3), 5 + below(4000) / 100.0);
      content += date <= known_until ? line : later(line);
      date += std::chrono::days(1 + below(customer % 3 == 0 ? 60 : 600));
    }
  }
  return content;
}

class Task : public ::testing::Test {
 protected:
  TrainingConfig Training(const std::string& purchases, const char* date = "1997-10-01") {
    TrainingConfig config;
    config.data_file = folder_.Write("purchases.txt", purchases);
    config.data_date = Day(date);
    config.horizon = std::chrono::weeks(13);
    config.cutoff_step = std::chrono::weeks(4);
    config.holdout_fraction = 0.25;
    config.model = {30, 1, {{"max_depth", "3"}, {"subsample", "0.8"}}};
    return config;
  }

  std::string ErrorOfTraining(const TrainingConfig& config) {
    const auto done = Train(config, folder_ / "output");
    EXPECT_FALSE(done);
    return done ? "" : done.error();
  }

  // Everything that the three actions write, in one text.
  std::string AllOutput(const std::string& purchases) {
    const auto training = Training(purchases);
    const auto output = folder_ / "output";
    std::filesystem::remove_all(output);
    const auto trained = Train(training, output);
    EXPECT_TRUE(trained) << trained.error();
    const auto applied = Apply({training.data_file, training.data_date, 0.5}, output);
    EXPECT_TRUE(applied) << applied.error();
    const auto evaluated =
        Evaluate({training.data_file, training.data_date, training.horizon}, output);
    EXPECT_TRUE(evaluated) << evaluated.error();
    return ReadFile(output / "model.ubj") + ReadFile(output / "metrics.json") +
           ReadFile(output / "serving_sample.json") + ReadFile(output / "signature.json") +
           ReadFile(output / "predictions.csv") + ReadFile(output / "outcomes.csv");
  }

  TestFolder folder_;
};

TEST_F(Task, GivesTheSameBytesForTheSameInput) {
  EXPECT_EQ(AllOutput(Purchases()), AllOutput(Purchases()));
}

TEST_F(Task, KnowsNothingThatHappenedAfterTheDataDate) {
  const Date data_date = Day("1997-10-01");
  const std::string output = AllOutput(Purchases());
  const auto dropped = Purchases(data_date, [](const std::string&) { return ""; });
  const auto altered = Purchases(data_date, [](const std::string& line) {
    return line.substr(0, 20) + " 99  999.99\r\n" + " 99999 9999 19971002  1    1.00\r\n";
  });
  ASSERT_LT(dropped.size(), Purchases().size());
  EXPECT_EQ(AllOutput(dropped), output);
  EXPECT_EQ(AllOutput(altered), output);
}

TEST_F(Task, KnowsWhatHappenedOnTheDataDate) {
  const std::string output = AllOutput(Purchases());
  EXPECT_NE(AllOutput(Purchases() + Line(1, Day("1997-10-01"), 1, 10)), output);
}

TEST_F(Task, LearnsFromNoCustomerWhoIsHeldOut) {
  // Who is held out depends on the id alone, so a customer is the same at every cut-off and date:
  // the rows learned from and those held out add up to whole customers.
  auto config = Training(Purchases());
  config.cutoff_step = std::chrono::weeks(520);  // the latest cut-off only
  ASSERT_TRUE(Train(config, folder_ / "output"));
  const std::string metrics = ReadFile(folder_ / "output/metrics.json");
  int rows = 0;
  int held_out = 0;
  int cutoffs = 0;
  ASSERT_EQ(std::sscanf(metrics.c_str() + metrics.find("\"rows\""),
                        "\"rows\": %d, \"rows_holdout\": %d, \"cutoffs\": %d", &rows, &held_out,
                        &cutoffs),
            3)
      << metrics;
  EXPECT_EQ(rows + held_out, 300);
  EXPECT_EQ(cutoffs, 1);
  EXPECT_NEAR(held_out, 75, 25);
}

TEST_F(Task, PredictsEveryKnownCustomerInOrder) {
  const auto training = Training(Purchases());
  ASSERT_TRUE(Train(training, folder_ / "output"));
  ASSERT_TRUE(Apply({training.data_file, Day("1997-01-15"), 0.5}, folder_ / "output"));
  std::ifstream csv(folder_ / "output/predictions.csv");
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "customer_id,probability,label");
  std::string last;
  int rows = 0;
  while (std::getline(csv, line)) {
    const std::string id = line.substr(0, 5);
    EXPECT_LT(last, id);
    last = id;
    const double probability = std::stod(line.substr(6));
    EXPECT_TRUE(line.ends_with(probability >= 0.5 ? ",true" : ",false")) << line;
    ++rows;
  }
  EXPECT_GT(rows, 100);
  EXPECT_LT(rows, 200);  // about half of the 300 had bought by the middle of January
}

TEST_F(Task, RecordsWhatTheCustomersThenDid) {
  const auto file = folder_.Write("purchases.txt",
                                  "00001 0001 19970101 1 10.00\n"
                                  "00001 0001 19970408 1 10.00\n"    // on the last day
                                  "00002 0002 19970107 1 10.00\n"    // not in (D - 13 weeks, D]
                                  "00003 0003 19970108 1 10.00\n");  // unknown at D - 13 weeks
  const auto done = Evaluate({file, Day("1997-04-08"), std::chrono::weeks(13)}, folder_ / "output");
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(ReadFile(folder_ / "output/outcomes.csv"),
            "prediction_date,customer_id,bought\n"
            "1997-01-07,00001,true\n"
            "1997-01-07,00002,false\n");
}

TEST_F(Task, CannotLearnBeforeTheHorizonHasPassed) {
  const auto error = ErrorOfTraining(Training(Purchases(), "1997-03-31"));
  EXPECT_NE(error.find("has bought by 1996-12-30, 13 weeks before the data date"),
            std::string::npos)
      << error;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "output"));
}

TEST_F(Task, CannotLearnWhenNobodyCameBack) {
  std::string purchases;
  for (int customer = 1; customer <= 50; ++customer) {
    purchases += Line(customer, Day("1997-01-10"), 1, 10);
  }
  const auto error = ErrorOfTraining(Training(purchases));
  EXPECT_NE(error.find("not enough history"), std::string::npos) << error;
  EXPECT_NE(error.find("0 bought within 13 weeks"), std::string::npos) << error;
}

TEST_F(Task, NeedsTheDataFile) {
  auto config = Training("");
  config.data_file = folder_ / "none.txt";
  EXPECT_NE(ErrorOfTraining(config).find("none.txt: no such file"), std::string::npos);
}

TEST_F(Task, NeedsSomebodyToPredict) {
  const auto training = Training(Purchases());
  ASSERT_TRUE(Train(training, folder_ / "output"));
  const auto done = Apply({training.data_file, Day("1996-12-31"), 0.5}, folder_ / "output");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("has bought by 1996-12-31"), std::string::npos) << done.error();
}

TEST_F(Task, NeedsAModelToPredict) {
  const auto training = Training(Purchases());
  const auto done = Apply({training.data_file, training.data_date, 0.5}, folder_ / "output");
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().ends_with("run the training first")) << done.error();
}

TEST_F(Task, SaysWhenTheOutputCannotBeWritten) {
  const auto training = Training(Purchases());
  const auto in_the_way = folder_.Write("output", "a file");
  const auto done = Train(training, in_the_way);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("cannot make the folder"), std::string::npos) << done.error();
}

}  // namespace

#include "features.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {

Date Day(const char* text) { return ParseDate(text).value(); }

// Buys for 10 on the first day, comes back after 20 days for 6 + 4, and after 50 for 20.
Customer ThreeDays() {
  return {"00007",
          {{Day("1997-01-01"), 1, 10},
           {Day("1997-01-21"), 1, 6},
           {Day("1997-01-21"), 2, 4},
           {Day("1997-02-20"), 3, 20}}};
}

TEST(Features, CountsRepeatDaysNotPurchases) {
  const auto features = FeaturesAt(ThreeDays(), Day("1997-03-02"));
  ASSERT_TRUE(features);
  EXPECT_EQ(features->frequency, 2);
  EXPECT_EQ(features->recency_days, 50);
  EXPECT_EQ(features->tenure_days, 60);
  EXPECT_EQ(features->days_since_last, 10);
}

TEST(Features, LeavesTheFirstDayOutOfTheMonetaryValue) {
  const auto features = FeaturesAt(ThreeDays(), Day("1997-03-02"));
  ASSERT_TRUE(features);
  EXPECT_EQ(features->monetary_value, 15);  // (10 + 20) / 2
  EXPECT_EQ(features->first_dollars, 10);
  EXPECT_EQ(features->total_dollars, 40);
  EXPECT_EQ(features->total_discs, 7);
}

TEST(Features, MeasuresSilenceInMeanGaps) {
  const auto features = FeaturesAt(ThreeDays(), Day("1997-03-02"));
  ASSERT_TRUE(features);
  EXPECT_FLOAT_EQ(features->overdue, 10.0F / 25.0F);
  EXPECT_FLOAT_EQ(features->repeats_per_week, 7.0F * 2.0F / 60.0F);
}

TEST(Features, SeesTheCutoffDayItselfAndNothingLater) {
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-01-20"))->frequency, 0);
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-01-21"))->frequency, 1);
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-01-21"))->monetary_value, 10);
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-02-19"))->total_discs, 4);
}

TEST(Features, HasNoneOfACustomerWhoHasNotBoughtYet) {
  EXPECT_FALSE(FeaturesAt(ThreeDays(), Day("1996-12-31")));
  EXPECT_TRUE(FeaturesAt(ThreeDays(), Day("1997-01-01")));
}

TEST(Features, OfTheFirstDayAloneAreDefined) {
  const auto features = FeaturesAt(ThreeDays(), Day("1997-01-01"));
  ASSERT_TRUE(features);
  EXPECT_EQ(features->tenure_days, 0);
  EXPECT_EQ(features->monetary_value, 0);
  EXPECT_EQ(features->repeats_per_week, 0);
  EXPECT_EQ(features->days_last_13_weeks, 1);
  EXPECT_TRUE(std::isnan(features->overdue));
}

TEST(Features, CountsTheDaysOfTheLast91) {
  // 91 days end at the cut-off: the first day, 1997-01-01, is one of them until 1997-04-01.
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-04-01"))->days_last_13_weeks, 3);
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-04-02"))->days_last_13_weeks, 2);
  EXPECT_EQ(FeaturesAt(ThreeDays(), Day("1997-12-31"))->days_last_13_weeks, 0);
}

TEST(Features, AreWrittenInTheOrderOfTheirNames) {
  Features features;
  features.frequency = 1;
  features.days_since_last = 2;
  features.overdue = 3;
  const auto values = Values(features);
  for (std::size_t i = 0; i < kFeatureCount; ++i) {
    const std::string_view name = kFeatureNames[i];
    const float expected = name == "frequency"         ? 1.0F
                           : name == "days_since_last" ? 2.0F
                           : name == "overdue"         ? 3.0F
                                                       : 0.0F;
    EXPECT_EQ(values[i], expected) << name;
  }
}

TEST(Label, IsOpenAtTheCutoffAndClosedAtTheHorizon) {
  const std::chrono::weeks one(1);
  EXPECT_FALSE(BuysWithin(ThreeDays(), Day("1997-01-21"), one));
  EXPECT_TRUE(BuysWithin(ThreeDays(), Day("1997-01-20"), one));
  EXPECT_TRUE(BuysWithin(ThreeDays(), Day("1997-02-13"), one));   // on the seventh day
  EXPECT_FALSE(BuysWithin(ThreeDays(), Day("1997-02-12"), one));  // on the eighth
}

}  // namespace

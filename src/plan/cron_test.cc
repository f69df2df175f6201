#include "plan/cron.h"

#include <gtest/gtest.h>

#include <random>

namespace busker::plan {
namespace {

// "0,15,30": the values that are set.
template <std::size_t N>
std::string Values(const std::bitset<N>& set) {
  std::string values;
  for (std::size_t i = 0; i < N; ++i) {
    if (set[i]) values += (values.empty() ? "" : ",") + std::to_string(i);
  }
  return values;
}

// The five fields as lists of numbers.
std::string Read(const std::string& text) {
  const auto cron = ParseCron(text);
  if (!cron) return cron.error().message;
  return Values(cron->minutes) + " " + Values(cron->hours) + " " + Values(cron->days) + " " +
         Values(cron->months) + " " + Values(cron->weekdays);
}

std::string AllFrom(int first, int last) {
  std::string values;
  for (int i = first; i <= last; ++i) values += (i == first ? "" : ",") + std::to_string(i);
  return values;
}
const std::string kDays = AllFrom(1, 31);
const std::string kMonths = AllFrom(1, 12);
const std::string kWeekdays = AllFrom(0, 6);
const std::string kEvery = kDays + " " + kMonths + " " + kWeekdays;

TEST(Cron, ReadsNumbersListsRangesAndSteps) {
  EXPECT_EQ(Read("30 7 * * *"), "30 7 " + kEvery);
  EXPECT_EQ(Read("0,15,59 1-3,22-23 * * *"), "0,15,59 1,2,3,22,23 " + kEvery);
  EXPECT_EQ(Read("*/20 8-18/5 * * *"), "0,20,40 8,13,18 " + kEvery);
  EXPECT_EQ(Read("0 0 1,15 */4 *"), "0 0 1,15 1,5,9 " + kWeekdays);
  EXPECT_EQ(Read("  5\t4   * * *  "), "5 4 " + kEvery);
  EXPECT_EQ(Read("007 0 * * *"), "7 0 " + kEvery);
}

TEST(Cron, ReadsNamesInAnyCase) {
  EXPECT_EQ(Read("0 0 * jan,MAR-May mon-FRI"), "0 0 " + kDays + " 1,3,4,5 1,2,3,4,5");
}

TEST(Cron, TakesSevenForSunday) {
  EXPECT_EQ(Read("0 0 * * 7"), "0 0 " + kDays + " " + kMonths + " 0");
  EXPECT_EQ(Read("0 0 * * 5-7"), "0 0 " + kDays + " " + kMonths + " 0,5,6");
  EXPECT_EQ(Read("0 0 * * fri-sun"), "0 0 " + kDays + " " + kMonths + " 0,5,6");
  EXPECT_EQ(Read("0 0 * * 0-7"), "0 0 " + kDays + " " + kMonths + " " + kWeekdays);
  EXPECT_EQ(Read("0 0 * * sun"), "0 0 " + kDays + " " + kMonths + " 0");
}

TEST(Cron, KnowsDailyAndItsKin) {
  EXPECT_EQ(Read("@hourly"), Read("0 * * * *"));
  EXPECT_EQ(Read("@daily"), Read("0 0 * * *"));
  EXPECT_EQ(Read("@midnight"), Read("0 0 * * *"));
  EXPECT_EQ(Read("@weekly"), Read("0 0 * * 0"));
  EXPECT_EQ(Read("@monthly"), Read("0 0 1 * *"));
  EXPECT_EQ(Read("@yearly"), Read("0 0 1 1 *"));
  EXPECT_EQ(Read(" @Annually "), Read("0 0 1 1 *"));
  EXPECT_EQ(Read("@dayly"), "cron \"@dayly\": unknown; did you mean \"@daily\"?");
  EXPECT_EQ(Read("@reboot"),
            "cron \"@reboot\": unknown; there are @hourly, @daily, @midnight, @weekly, @monthly, "
            "@yearly, @annually");
}

TEST(Cron, RemembersWhereAStarStood) {
  const auto flags = [](const std::string& text) {
    const auto cron = ParseCron(text);
    EXPECT_TRUE(cron) << text;
    return std::string(cron->any_day ? "d" : "-") + (cron->any_weekday ? "w" : "-") +
           (cron->fixed_time ? "f" : "-");
  };
  EXPECT_EQ(flags("0 7 * * *"), "dwf");
  EXPECT_EQ(flags("0 */2 * * *"), "dw-");
  EXPECT_EQ(flags("* 7 * * *"), "dw-");
  EXPECT_EQ(flags("0 7 13 * 5"), "--f");
  EXPECT_EQ(flags("0 7 */2 * 5"), "d-f");
  EXPECT_EQ(flags("0 7 1 * *"), "-wf");
  EXPECT_EQ(flags("@hourly"), "dw-");
}

TEST(Cron, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Read("60 * * * *"), "cron \"60 * * * *\": minute: \"60\" is not within 0-59");
  EXPECT_EQ(Read("0 24 * * *"), "cron \"0 24 * * *\": hour: \"24\" is not within 0-23");
  EXPECT_EQ(Read("0 0 0 * *"), "cron \"0 0 0 * *\": day of month: \"0\" is not within 1-31");
  EXPECT_EQ(Read("0 0 * 13 *"), "cron \"0 0 * 13 *\": month: \"13\" is not within 1-12 or jan-dec");
  EXPECT_EQ(Read("0 0 * * 8"),
            "cron \"0 0 * * 8\": day of week: \"8\" is not within 0-7 or sun-sat");
  EXPECT_EQ(Read("0 0 * foo *"),
            "cron \"0 0 * foo *\": month: \"foo\" is not within 1-12 or jan-dec");
  EXPECT_EQ(Read("0 0 L * *"), "cron \"0 0 L * *\": day of month: \"L\" is not within 1-31");
  EXPECT_EQ(Read("jan 0 * * *"), "cron \"jan 0 * * *\": minute: \"jan\" is not within 0-59");
}

TEST(Cron, RefusesHalfFields) {
  EXPECT_EQ(Read("1, * * * *"), "cron \"1, * * * *\": minute: \"\" is not within 0-59");
  EXPECT_EQ(Read("1- * * * *"), "cron \"1- * * * *\": minute: \"\" is not within 0-59");
  EXPECT_EQ(Read("-1 * * * *"), "cron \"-1 * * * *\": minute: \"\" is not within 0-59");
  EXPECT_EQ(Read("*/ * * * *"), "cron \"*/ * * * *\": minute: the step \"\" is not within 1-60");
  EXPECT_EQ(Read("*/0 * * * *"), "cron \"*/0 * * * *\": minute: the step \"0\" is not within 1-60");
  EXPECT_EQ(Read("*/90 * * * *"),
            "cron \"*/90 * * * *\": minute: the step \"90\" is not within 1-60");
  EXPECT_EQ(Read("5/10 * * * *"),
            "cron \"5/10 * * * *\": minute: a step needs a range, such as 5-59/10");
  EXPECT_EQ(Read("30-10 * * * *"),
            "cron \"30-10 * * * *\": minute: the range \"30-10\" runs backwards; write 30-59,0-10");
  EXPECT_EQ(Read("**/2 * * * *"), "cron \"**/2 * * * *\": minute: \"**\" is not within 0-59");
  EXPECT_EQ(Read("+5 * * * *"), "cron \"+5 * * * *\": minute: \"+5\" is not within 0-59");
}

TEST(Cron, HasFiveFields) {
  EXPECT_EQ(Read(""),
            "cron \"\": 0 fields where five are meant: minute hour day-of-month month day-of-week, "
            "such as \"0 7 * * *\"");
  EXPECT_EQ(Read("daily").substr(0, 22), "cron \"daily\": 1 field ");
  EXPECT_EQ(Read("0 0 7 * * *").substr(0, 29), "cron \"0 0 7 * * *\": 6 fields ");
  EXPECT_EQ(Read(std::string(2000, '*')).find("longer than"), 72U);
}

TEST(Cron, RefusesADateThatNeverComes) {
  EXPECT_EQ(Read("0 0 30 2 *"), "cron \"0 0 30 2 *\": day of month: day 30 never comes in month 2");
  EXPECT_EQ(Read("0 0 31 4,6,9,11 *"),
            "cron \"0 0 31 4,6,9,11 *\": day of month: day 31 never comes in month 4,6,9,11");
  EXPECT_TRUE(ParseCron("0 0 29 2 *"));
  EXPECT_TRUE(ParseCron("0 0 30 1,2 *"));
  EXPECT_TRUE(ParseCron("0 0 30 2 5"));  // or any Friday in February
}

TEST(Cron, SurvivesAnyText) {
  const std::string bytes = "*/-,0123456789 @ adjnsuy\t\x1b\xff";
  std::mt19937 random(3);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = "0 */2 1-5 * *";
    for (auto edits = random() % 8; edits > 0; --edits) {
      text[random() % text.size()] = bytes[random() % bytes.size()];
    }
    good += ParseCron(text).has_value() ? 1 : 0;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace busker::plan

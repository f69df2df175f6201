#include <gtest/gtest.h>

#include "plan/cron.h"

namespace busker::plan {
namespace {

using std::chrono::days;

std::string Midnight(const std::string& date, const std::string& zone) {
  const auto start = StartOfDay(*ParseDate(date), zone);
  return start ? FormatRfc3339(*start) : start.error().message;
}

std::string DateAt(const std::string& instant, const std::string& zone) {
  const auto date = LocalDate(*ParseRfc3339(instant), zone);
  return date ? *date : date.error().message;
}

TEST(StartOfDay, IsLocalMidnight) {
  EXPECT_EQ(Midnight("2019-08-01", "UTC"), "2019-08-01T00:00:00Z");
  EXPECT_EQ(Midnight("2019-08-01", "Europe/Stockholm"), "2019-07-31T22:00:00Z");
  EXPECT_EQ(Midnight("2019-12-01", "Europe/Stockholm"), "2019-11-30T23:00:00Z");
  EXPECT_EQ(Midnight("2019-08-01", "America/New_York"), "2019-08-01T04:00:00Z");
  EXPECT_EQ(Midnight("2019-08-01", "Asia/Kathmandu"), "2019-07-31T18:15:00Z");
  EXPECT_EQ(Midnight("1997-01-01", "US/Eastern"), "1997-01-01T05:00:00Z");
}

TEST(StartOfDay, IsBehindTheGapWhereSummerTimeRemovesMidnight) {
  EXPECT_EQ(Midnight("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00Z");  // 01:00 -02
  EXPECT_EQ(Midnight("2022-03-27", "Asia/Beirut"), "2022-03-26T22:00:00Z");        // 01:00 +03
  EXPECT_EQ(Midnight("2011-12-30", "Pacific/Apia"), "2011-12-30T10:00:00Z");       // no such day
}

TEST(StartOfDay, IsTheFirstOfTwoMidnights) {
  // Havana's clocks go from 01:00 back to 00:00.
  EXPECT_EQ(Midnight("2018-11-04", "America/Havana"), "2018-11-04T04:00:00Z");
  // Sao Paulo's go from 24:00 back to 23:00: midnight comes once.
  EXPECT_EQ(Midnight("2018-02-18", "America/Sao_Paulo"), "2018-02-18T03:00:00Z");
}

TEST(StartOfDay, RefusesADayThatDoesNotExist) {
  using namespace std::chrono;
  const auto start = StartOfDay(2019y / February / 30d, "UTC");
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().kind, ErrorKind::kInvalid);
}

TEST(LocalDate, IsTheDateOnTheWall) {
  EXPECT_EQ(DateAt("2019-07-31T22:30:00Z", "UTC"), "2019-07-31");
  EXPECT_EQ(DateAt("2019-07-31T22:30:00Z", "Europe/Stockholm"), "2019-08-01");
  EXPECT_EQ(DateAt("2019-08-01T03:59:59.999Z", "America/New_York"), "2019-07-31");
  EXPECT_EQ(DateAt("2019-08-01T04:00:00Z", "America/New_York"), "2019-08-01");
  EXPECT_EQ(DateAt("1969-12-31T23:59:59.5Z", "Europe/London"), "1970-01-01");
}

// The day begins at the first instant that has its date, whatever the clocks do that night.
TEST(LocalDate, BeginsWithTheDay) {
  for (const std::string zone : {"UTC", "Europe/Stockholm", "America/Sao_Paulo", "Asia/Beirut",
                                 "America/Havana", "Australia/Lord_Howe", "Africa/Cairo"}) {
    for (auto day = std::chrono::sys_days(*ParseDate("2016-01-01"));
         day < std::chrono::sys_days(*ParseDate("2024-01-01")); day += days(1)) {
      const auto start = StartOfDay(std::chrono::year_month_day(day), zone);
      ASSERT_TRUE(start);
      ASSERT_EQ(*LocalDate(*start, zone), FormatDate(day)) << zone;
      ASSERT_EQ(*LocalDate(*start - Milliseconds(1), zone), FormatDate(day - days(1))) << zone;
    }
  }
}

TEST(TimeZone, ThatIsUnknownIsRefusedWithTheNearest) {
  const auto fault = [](const std::string& zone) {
    const auto known = CheckZone(zone);
    return known ? "" : known.error().message;
  };
  EXPECT_EQ(fault("UTC"), "");
  EXPECT_EQ(fault("Etc/UTC"), "");
  EXPECT_EQ(fault("America/Argentina/Buenos_Aires"), "");
  EXPECT_EQ(fault("Europe/Stokholm"),
            "unknown time zone \"Europe/Stokholm\", did you mean \"Europe/Stockholm\"?");
  EXPECT_EQ(fault("stockholm"),
            "unknown time zone \"stockholm\", did you mean \"Europe/Stockholm\"?");
  EXPECT_EQ(fault("New York"),
            "unknown time zone \"New York\", did you mean \"America/New_York\"?");
  const std::string unknown = "; it is an IANA name such as Europe/Stockholm, or UTC";
  EXPECT_EQ(fault("Mars/Olympus"), "unknown time zone \"Mars/Olympus\"" + unknown);
  EXPECT_EQ(fault(""), "unknown time zone \"\"" + unknown);
  // Neither files outside of the time-zone database nor what the machine is set to.
  for (const std::string zone : {"../../../etc/passwd", "/etc/localtime", "localtime", "posixrules",
                                 "right/UTC", "Europe", "tzdata.zi"}) {
    EXPECT_NE(fault(zone), "") << zone;
    EXPECT_EQ(StartOfDay(*ParseDate("2019-08-01"), zone).error().kind, ErrorKind::kInvalid);
  }
  EXPECT_LT(fault(std::string(100'000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace busker::plan

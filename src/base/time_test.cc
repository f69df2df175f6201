#include "base/time.h"

#include <gtest/gtest.h>

#include <random>

namespace busker {
namespace {

using namespace std::chrono_literals;

Instant At(std::string_view text) { return ParseRfc3339(text).value(); }

TEST(Time, Rfc3339IsWrittenWithAFractionOnlyWhenThereIsOne) {
  EXPECT_EQ(FormatRfc3339(Instant(0ms)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(Instant(1564617600123ms)), "2019-08-01T00:00:00.123Z");
  EXPECT_EQ(FormatRfc3339(Instant(1564617600007ms)), "2019-08-01T00:00:00.007Z");
}

TEST(Time, AnInstantBefore1970IsWrittenRight) {
  EXPECT_EQ(FormatRfc3339(Instant(-1ms)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatStamp(Instant(-1ms)), "19691231T235959Z");
  EXPECT_EQ(FormatDate(Instant(-1ms)), "1969-12-31");
}

TEST(Time, AnOffsetIsTakenOff) {
  EXPECT_EQ(FormatRfc3339(At("2019-08-01T02:00:00+02:00")), "2019-08-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(At("2019-07-31T19:30:00-04:30")), "2019-08-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(At("2019-08-01t00:00:00z")), "2019-08-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(At("2019-08-01 00:00:00Z")), "2019-08-01T00:00:00Z");
}

TEST(Time, AFractionIsCutToMilliseconds) {
  EXPECT_EQ(At("2019-08-01T00:00:00.1Z").time_since_epoch() % 1000ms, 100ms);
  EXPECT_EQ(At("2019-08-01T00:00:00.123999Z").time_since_epoch() % 1000ms, 123ms);
}

TEST(Time, TextThatIsNoInstantIsRefused) {
  for (const std::string_view text :
       {"", "2019-08-01", "2019-08-01T00:00:00", "2019-08-01T00:00Z", "2019-02-30T00:00:00Z",
        "2019-13-01T00:00:00Z", "2019-08-01T24:00:00Z", "2019-08-01T00:60:00Z",
        "2019-08-01T00:00:60Z", "2019-08-01T00:00:00.Z", "2019-08-01T00:00:00+2",
        "2019-08-01T00:00:00+02:60", "2019-08-01T00:00:00Zx", " 2019-08-01T00:00:00Z",
        "19-08-01T00:00:00Z", "2019-8-01T00:00:00Z", "2019-08-01T00:00:00+0200", "yesterday"}) {
    const auto instant = ParseRfc3339(text);
    ASSERT_FALSE(instant) << text;
    EXPECT_EQ(instant.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(instant.error().message.find("\"" + std::string(text) + "\""), std::string::npos);
  }
}

TEST(Time, WhatIsWrittenIsReadBackTheSame) {
  std::mt19937_64 random(20190801);
  std::uniform_int_distribution<std::int64_t> any(-62135596800000,
                                                  253402300799999);  // years 1-9999
  for (int i = 0; i < 20'000; ++i) {
    const Instant instant{Milliseconds(any(random))};
    ASSERT_EQ(ParseRfc3339(FormatRfc3339(instant)), instant);
    const Instant second = std::chrono::floor<std::chrono::seconds>(instant);
    ASSERT_EQ(ParseStamp(FormatStamp(instant)), second);
  }
}

TEST(Time, AStampSortsAsItsInstantDoes) {
  std::mt19937_64 random(20190802);
  std::uniform_int_distribution<std::int64_t> any(0, 253402300799);
  for (int i = 0; i < 20'000; ++i) {
    const Instant a{std::chrono::seconds(any(random))};
    const Instant b{std::chrono::seconds(any(random))};
    ASSERT_EQ(a < b, FormatStamp(a) < FormatStamp(b));
  }
}

TEST(Time, AStampThatIsNoneIsRefused) {
  EXPECT_TRUE(ParseStamp("20190801T000000Z"));
  for (const std::string_view text : {"", "20190801", "20190801T000000", "20190801T000000ZZ",
                                      "20190230T000000Z", "20190801 000000Z", "2019081T000000Z"}) {
    EXPECT_FALSE(ParseStamp(text)) << text;
  }
}

TEST(Time, ADateIsADayThatExists) {
  EXPECT_EQ(ParseDate("2020-02-29").value(),
            std::chrono::year(2020) / std::chrono::February / std::chrono::day(29));
  for (const std::string_view text : {"2019-02-29", "2019-00-10", "2019-08-1", "2019-08-01 ", ""}) {
    EXPECT_FALSE(ParseDate(text)) << text;
  }
}

TEST(Time, ADurationIsANumberWithItsUnit) {
  EXPECT_EQ(ParseDuration("250ms").value(), 250ms);
  EXPECT_EQ(ParseDuration("90s").value(), 90s);
  EXPECT_EQ(ParseDuration("15m").value(), 15min);
  EXPECT_EQ(ParseDuration("2h").value(), 2h);
  EXPECT_EQ(ParseDuration("1d").value(), 24h);
  EXPECT_EQ(ParseDuration("1h30m").value(), 90min);
  EXPECT_EQ(ParseDuration("0s").value(), 0s);
  EXPECT_EQ(ParseDuration("3650d").value(), 24h * 3650);
}

TEST(Time, ADurationWithoutUnitOrSenseIsRefused) {
  for (const std::string_view text :
       {"", "90", "s", "-5s", "+5s", "1.5h", "5 s", "5S", "5sec", "1h30", "h30m", "3651d",
        "3650d1ms", "9999999999999999999s", "106751991167d", "1h-30m", "0x5s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(Time, ADurationIsWrittenForPeople) {
  EXPECT_EQ(FormatDuration(0ms), "0ms");
  EXPECT_EQ(FormatDuration(340ms), "340ms");
  EXPECT_EQ(FormatDuration(12'300ms), "12.3s");
  EXPECT_EQ(FormatDuration(4min + 5s), "4m 05s");
  EXPECT_EQ(FormatDuration(2h + 3min), "2h 03m");
  EXPECT_EQ(FormatDuration(76h), "3d 04h");
  EXPECT_EQ(FormatDuration(-340ms), "-340ms");
}

// 59.96 s was written as "60.0s": the tenths were rounded after the unit had been chosen.
TEST(Time, ADurationJustBelowAMinuteIsNotSixtySeconds) {
  EXPECT_EQ(FormatDuration(59'960ms), "59.9s");
  EXPECT_EQ(FormatDuration(59'999ms), "59.9s");
  EXPECT_EQ(FormatDuration(60'000ms), "1m 00s");
}

TEST(Time, NowIsInThisCentury) {
  EXPECT_GT(Now(), At("2024-01-01T00:00:00Z"));
  EXPECT_LT(Now(), At("2100-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace busker

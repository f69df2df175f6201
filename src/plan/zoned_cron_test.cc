#include "plan/zoned_cron.h"

#include <gtest/gtest.h>

#include "plan/preview.h"

namespace busker::plan {
namespace {

ZonedCron Schedule(const std::string& expression, const std::string& zone) {
  return *ZonedCron::Make(*ParseCron(expression), zone);
}

// The runs from `from` on and before `to`, a blank between them.
std::string Runs(const ZonedCron& schedule, const std::string& from, const std::string& to) {
  std::string runs;
  auto next = schedule.Next(*ParseRfc3339(from) - Milliseconds(1));
  while (next && *next < *ParseRfc3339(to)) {
    runs += (runs.empty() ? "" : " ") + FormatRfc3339(*next);
    next = schedule.Next(*next);
  }
  return runs;
}

std::string RunsBackwards(const ZonedCron& schedule, const std::string& from,
                          const std::string& to) {
  std::string runs;
  auto previous = schedule.Previous(*ParseRfc3339(to));
  while (previous && *previous >= *ParseRfc3339(from)) {
    runs = FormatRfc3339(*previous) + (runs.empty() ? "" : " ") + runs;
    previous = schedule.Previous(*previous);
  }
  return runs;
}

void Expect(const std::string& expression, const std::string& zone, const std::string& from,
            const std::string& to, const std::string& runs) {
  const ZonedCron schedule = Schedule(expression, zone);
  EXPECT_EQ(Runs(schedule, from, to), runs) << expression << " in " << zone;
  EXPECT_EQ(RunsBackwards(schedule, from, to), runs) << expression << " in " << zone;
}

TEST(Schedule, RunsAtTheEndOfTheHourThatSummerTimeRemoves) {
  Expect("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "2026-03-10T00:00:00Z",
         "2026-03-08T07:00:00Z 2026-03-09T06:30:00Z");
  Expect("0,15,30,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-29T01:15:00Z 2026-03-29T01:30:00Z 2026-03-29T01:45:00Z");
}

TEST(Schedule, RunsOnceInTheHourThatComesTwice) {
  Expect("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z",
         "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z");
  Expect("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-27T00:00:00Z",
         "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z");
}

TEST(Schedule, WithAStarRunsAtEveryRealMinuteThatMatches) {
  Expect("0 */2 * * *", "America/New_York", "2026-03-08T04:00:00Z", "2026-03-08T14:00:00Z",
         "2026-03-08T05:00:00Z 2026-03-08T08:00:00Z 2026-03-08T10:00:00Z 2026-03-08T12:00:00Z");
  Expect("30 * * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z",
         "2026-11-01T04:30:00Z 2026-11-01T05:30:00Z 2026-11-01T06:30:00Z 2026-11-01T07:30:00Z");
  Expect("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:31:00Z",
         "2026-03-29T00:30:00Z 2026-03-29T00:45:00Z 2026-03-29T01:00:00Z 2026-03-29T01:15:00Z "
         "2026-03-29T01:30:00Z");
}

TEST(Schedule, WithBothDayFieldsRunsOnEither) {
  Expect("0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z",
         "2026-02-06T00:00:00Z 2026-02-13T00:00:00Z 2026-02-20T00:00:00Z 2026-02-27T00:00:00Z");
  // A step has a star: both must match.
  Expect("0 0 */10 * 0", "UTC", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z",
         "2026-01-11T00:00:00Z 2026-02-01T00:00:00Z 2026-03-01T00:00:00Z 2026-05-31T00:00:00Z "
         "2026-06-21T00:00:00Z");
}

TEST(Schedule, WaitsForLeapYears) {
  Expect("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2034-01-01T00:00:00Z",
         "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z");
  Expect("0 0 29 2 *", "Europe/Berlin", "2093-01-01T00:00:00Z", "2108-01-01T00:00:00Z",
         "2096-02-28T23:00:00Z 2104-02-28T23:00:00Z");
  Expect("0 0 29 2 */7", "UTC", "2070-01-01T00:00:00Z", "2150-01-01T00:00:00Z",
         "2088-02-29T00:00:00Z 2128-02-29T00:00:00Z");  // Sundays alone: 40 years
}

TEST(Schedule, LeavesOutWhatALongGapRemoves) {
  // Samoa had no 30 December 2011.
  Expect("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z",
         "2011-12-29T22:00:00Z 2011-12-30T22:00:00Z");
  Expect("0 0 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z",
         "2011-12-29T10:00:00Z 2011-12-30T10:00:00Z 2011-12-31T10:00:00Z");
}

TEST(Schedule, KnowsChangesOfHalfAnHourAndAtMidnight) {
  Expect("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z",
         "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z");
  Expect("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z",
         "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z");
  Expect("30 0 * * *", "America/Sao_Paulo", "2018-11-03T00:00:00Z", "2018-11-06T00:00:00Z",
         "2018-11-03T03:30:00Z 2018-11-04T03:00:00Z 2018-11-05T02:30:00Z");
}

TEST(Schedule, CountsMinutesOnTheWallAlsoWhereOffsetsHaveSeconds) {
  // Monrovia was 44:30 behind until 7 January 1972.
  Expect("0 12 * * *", "Africa/Monrovia", "1972-01-05T00:00:00Z", "1972-01-09T00:00:00Z",
         "1972-01-05T12:44:30Z 1972-01-06T12:44:30Z 1972-01-07T12:00:00Z 1972-01-08T12:00:00Z");
}

TEST(Schedule, KnowsTheSummersAfter2037) {
  Expect("0 12 1 1,7 *", "Europe/Berlin", "2037-01-01T00:00:00Z", "2040-01-01T00:00:00Z",
         "2037-01-01T11:00:00Z 2037-07-01T10:00:00Z 2038-01-01T11:00:00Z 2038-07-01T10:00:00Z "
         "2039-01-01T11:00:00Z 2039-07-01T10:00:00Z");
  Expect("30 2 27,28 3 *", "Europe/Berlin", "2038-03-01T00:00:00Z", "2038-04-01T00:00:00Z",
         "2038-03-27T01:30:00Z 2038-03-28T01:00:00Z");
  Expect("0 12 1 1,7 *", "Australia/Sydney", "2050-01-01T00:00:00Z", "2051-01-01T00:00:00Z",
         "2050-01-01T01:00:00Z 2050-07-01T02:00:00Z");
}

TEST(Schedule, EndsWithTheCalendar) {
  const ZonedCron schedule = Schedule("0 0 29 2 *", "Europe/Berlin");
  EXPECT_FALSE(schedule.Next(*ParseRfc3339("9996-03-01T00:00:00Z")));
  EXPECT_FALSE(schedule.Previous(*ParseRfc3339("0000-02-01T00:00:00Z")));
  for (const std::string expression : {"* * * * *", "0 0 * * *"}) {
    for (const std::string zone : {"UTC", "Europe/Berlin", "Pacific/Apia"}) {
      const ZonedCron often = Schedule(expression, zone);
      EXPECT_TRUE(often.Next(Instant::min()));
      EXPECT_TRUE(often.Previous(Instant::max()));
      EXPECT_EQ(often.Next(Instant::max()).has_value(), false);
    }
    EXPECT_FALSE(Schedule(expression, "UTC").Previous(Instant::min()));
  }
  const Cron never{};  // made by hand: no minute, no hour
  EXPECT_FALSE(ZonedCron(never, *Zone::Find("Asia/Tokyo")).Next(Instant()));
  EXPECT_FALSE(ZonedCron(never, *Zone::Find("Asia/Tokyo")).Previous(Instant()));
}

TEST(Schedule, IsSmall) { EXPECT_LE(sizeof(ZonedCron), 72U); }

std::string Notes(const std::string& expression, const std::string& zone, const std::string& from,
                  std::size_t count) {
  std::string notes;
  for (const auto& run : ComingRuns(Schedule(expression, zone), *ParseRfc3339(from), count)) {
    for (const auto& change : run.changes) notes += DescribeChange(change) + "\n";
    notes += FormatLocal(run.at, run.offset) + " " + run.note + "\n";
  }
  return notes;
}

TEST(Preview, SaysWhatTheClocksDo) {
  EXPECT_EQ(Notes("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
            "2026-03-28T02:30:00+01:00 \n"
            "clocks go forward 1h, from 02:00 to 03:00\n"
            "2026-03-29T03:00:00+02:00 clocks go forward: 02:30 does not exist\n"
            "2026-03-30T02:30:00+02:00 \n");
  EXPECT_EQ(Notes("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 2),
            "2026-10-25T02:30:00+02:00 clocks go back: first of two, runs once\n"
            "clocks go back 1h, from 03:00 to 02:00\n"
            "2026-10-26T02:30:00+01:00 \n");
  EXPECT_EQ(Notes("30 * * * *", "America/New_York", "2026-11-01T04:00:00Z", 4),
            "2026-11-01T00:30:00-04:00 \n"
            "2026-11-01T01:30:00-04:00 clocks go back: first of two\n"
            "clocks go back 1h, from 02:00 to 01:00\n"
            "2026-11-01T01:30:00-05:00 clocks go back: second of two\n"
            "2026-11-01T02:30:00-05:00 \n");
  EXPECT_EQ(Notes("0,15,30,45 2,3 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", 1),
            "clocks go forward 1h, from 02:00 to 03:00\n"
            "2026-03-29T03:00:00+02:00 clocks go forward: 02:00, 02:15, 02:30 and 1 more do not "
            "exist\n");
  EXPECT_EQ(Notes("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2),
            "2011-12-29T12:00:00-10:00 \n"
            "clocks go forward 24h, from 00:00 to 00:00\n"
            "2011-12-31T12:00:00+14:00 \n");
}

// Every run in UTC was called the first of two: the last stretch of a zone was taken for the one
// after.
TEST(Preview, SaysNothingWhereTheClocksAreNeverChanged) {
  EXPECT_EQ(Notes("@daily", "UTC", "2026-03-28T00:00:00Z", 2),
            "2026-03-28T00:00:00+00:00 \n2026-03-29T00:00:00+00:00 \n");
  EXPECT_EQ(Notes("0 12 * * *", "Asia/Tokyo", "2026-03-28T00:00:00Z", 1),
            "2026-03-28T12:00:00+09:00 \n");
  EXPECT_EQ(Notes("* * * * *", "Africa/Casablanca", "2090-03-28T00:00:00Z", 1),
            "2090-03-28T01:00:00+01:00 \n");
}

TEST(Preview, KeepsToStartAndEnd) {
  const auto at = [](const std::string& text) { return *ParseRfc3339(text); };
  const auto runs = ComingRuns(Schedule("@daily", "UTC"), at("2026-01-01T00:00:00Z"), 10,
                               at("2026-02-01T00:00:00Z"), at("2026-02-03T00:00:00Z"));
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(FormatRfc3339(runs.front().at), "2026-02-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(runs.back().at), "2026-02-03T00:00:00Z");
  EXPECT_EQ(ComingRuns(Schedule("@daily", "UTC"), at("2026-01-01T00:00:00Z"), 2).front().at,
            at("2026-01-01T00:00:00Z"));
}

// The slow way: each run is looked at.
std::uint64_t CountOneByOne(const ZonedCron& schedule, Instant from, Instant to) {
  std::uint64_t count = 0;
  auto next = schedule.Next(from - Milliseconds(1));
  for (; next && *next < to; next = schedule.Next(*next)) ++count;
  return count;
}

TEST(Preview, CountsAsManyRunsAsThereAre) {
  const auto at = [](const std::string& text) { return *ParseRfc3339(text); };
  const char* const expressions[] = {
      "* * * * *",   "*/7 * * * *",     "0,15,30,45 2,3 * * *", "30 2 * * *",      "@hourly",
      "@daily",      "0 0 13 * 5",      "5 */5 * * 1-5",        "59 23 31 * *",    "*/15 2 * * *",
      "0 */2 * * *", "0-59 0-23 * * *", "1 1 29 2 *",           "7,9 1-3 * 3,10 0"};
  const char* const zones[] = {"UTC",          "Europe/Berlin",       "America/New_York",
                               "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
                               "Pacific/Apia", "America/Havana",      "Antarctica/Troll"};
  std::size_t compared = 0;
  for (const char* const zone : zones) {
    for (const char* const expression : expressions) {
      const ZonedCron schedule = Schedule(expression, zone);
      for (const char* const start :
           {"2026-03-26T23:10:00Z", "2026-10-23T05:00:30Z", "2011-12-28T07:00:00Z"}) {
        for (int step = 0; step < 8; ++step) {
          const Instant from = at(start) + std::chrono::minutes(step * 347);
          const Instant to = from + std::chrono::minutes(step * step * 131);
          EXPECT_EQ(CountRuns(schedule, from, to), CountOneByOne(schedule, from, to))
              << expression << " in " << zone << " from " << FormatRfc3339(from) << " to "
              << FormatRfc3339(to);
          ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 2000U);
  const ZonedCron each_minute = Schedule("* * * * *", "Europe/Berlin");
  EXPECT_EQ(CountRuns(each_minute, at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z")),
            23U * 60);
  EXPECT_EQ(CountRuns(each_minute, at("2026-03-29T22:00:00Z"), at("2026-03-28T23:00:00Z")), 0U);
}

TEST(Preview, KnowsThePaceOfWhatRunsAllDay) {
  const auto pace = [](const char* expression) {
    const auto found = PaceOf(*ParseCron(expression));
    return found ? found->count() : 0;
  };
  EXPECT_EQ(pace("* * * * *"), 1);
  EXPECT_EQ(pace("*/15 * * * *"), 15);
  EXPECT_EQ(pace("7-59/20 * * * *"), 20);
  EXPECT_EQ(pace("@hourly"), 60);
  EXPECT_EQ(pace("30 */6 * * *"), 360);
  EXPECT_EQ(pace("@daily"), 1440);
  for (const char* const uneven : {"*/7 * * * *", "0 */5 * * *", "0,30 */2 * * *", "0 * * * 1",
                                   "0 * 1 * *", "0 * * 2 *", "0 8-18 * * *"}) {
    EXPECT_EQ(pace(uneven), 0) << uneven;
  }
}

TEST(Preview, SaysWhatTheClocksLeaveOut) {
  const auto lost = [](const char* expression, const char* zone, const char* from) {
    const ZonedCron schedule = Schedule(expression, zone);
    std::string all;
    for (const auto& change : ClockChanges(schedule.zone(), *ParseRfc3339(from),
                                           *ParseRfc3339(from) + std::chrono::days(2))) {
      all += LostBy(schedule, change);
    }
    return all;
  };
  const char* const spring = "2026-03-28T12:00:00Z";
  EXPECT_EQ(lost("*/20 2 * * *", "Europe/Berlin", spring),
            "clocks go forward: 02:00, 02:20, 02:40 do not exist");
  EXPECT_EQ(lost("0 */2 * * *", "Europe/Berlin", spring),
            "clocks go forward: 02:00 does not exist");
  EXPECT_EQ(lost("30 2 * * *", "Europe/Berlin", spring), "") << "it is moved";
  EXPECT_EQ(lost("* * * * *", "Europe/Berlin", spring), "") << "the next minute comes at once";
  EXPECT_EQ(lost("@hourly", "Europe/Berlin", spring), "");
  EXPECT_EQ(lost("*/20 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"), "");
  EXPECT_EQ(lost("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z"),
            "clocks go forward: 12:00 does not exist");
}

}  // namespace
}  // namespace busker::plan

#include "serve/dates.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace busker::serve {
namespace {

using plan::State;

plan::Graph Scheduled(const char* cron) {
  plan::Graph graph;
  graph.key = "shop/application";
  graph.schedule_text = cron;
  graph.schedule = plan::ZonedCron::Make(plan::ParseCron(cron).value(), "UTC").value();
  return graph;
}

// Of an instant of the schedule; `manual`: by hand, for that instant.
record::RunRow RunOf(const std::string& due, State state, bool manual = false) {
  record::RunRow run;
  run.facts.scheduled_at = ParseRfc3339(due).value();
  run.facts.data_date = due.substr(0, 10);
  run.facts.id = due + std::string(NameOf(state));
  if (!manual) run.facts.due = run.facts.scheduled_at;
  run.state = state;
  return run;
}

// The newest run first, as the record lists them.
std::vector<std::string> Told(const plan::Graph& graph, std::vector<record::RunRow> oldest_first) {
  std::reverse(oldest_first.begin(), oldest_first.end());
  std::vector<std::string> told;
  for (const DataDate& date : DatesOf(graph, oldest_first)) {
    told.push_back(date.date.substr(5) + " " +
                   (date.state ? std::string(NameOf(*date.state)) : "missing"));
  }
  return told;
}
using Texts = std::vector<std::string>;

// A failure within a backfill was visible nowhere once newer dates had succeeded.
TEST(Dates, AreOpenUntilOneRunOfThemSucceeds) {
  const plan::Graph daily = Scheduled("0 7 * * *");
  const auto failed = RunOf("2026-10-02T07:00:00Z", State::kFailed);
  const auto before = RunOf("2026-10-01T07:00:00Z", State::kSucceeded);
  const auto behind = RunOf("2026-10-03T07:00:00Z", State::kSucceeded);
  EXPECT_EQ(Told(daily, {before, failed, behind}),
            (Texts{"10-03 succeeded", "10-02 failed", "10-01 succeeded"}));
  EXPECT_EQ(
      Told(daily, {before, failed, behind, RunOf("2026-10-02T00:00:00Z", State::kSucceeded, true)}),
      (Texts{"10-03 succeeded", "10-02 succeeded", "10-01 succeeded"}));
  EXPECT_EQ(Told(daily, {RunOf("2026-10-02T07:00:00Z", State::kSucceeded), failed}),
            (Texts{"10-02 succeeded"}))
      << "what was delivered once is there";
  EXPECT_EQ(Told(daily, {failed, RunOf("2026-10-02T00:00:00Z", State::kRunning, true)}),
            (Texts{"10-02 running"}));
}

TEST(Dates, OfAScheduleThatNeverRanBetweenTwoSuccessesAreMissing) {
  const plan::Graph weekdays = Scheduled("0 7 * * 1-5");
  const auto friday = RunOf("2026-10-02T07:00:00Z", State::kSucceeded);
  const auto wednesday = RunOf("2026-10-07T07:00:00Z", State::kSucceeded);
  EXPECT_EQ(Told(weekdays, {friday, wednesday}),
            (Texts{"10-07 succeeded", "10-06 missing", "10-05 missing", "10-02 succeeded"}));
  // A date that somebody chose says nothing of what the schedule should have done before it.
  EXPECT_EQ(Told(weekdays, {RunOf("2019-10-01T00:00:00Z", State::kSucceeded, true), friday}).size(),
            2U);
}

TEST(Dates, OfAnHourlyScheduleAreFailedWhenOneHourIs) {
  const plan::Graph hourly = Scheduled("0 * * * *");
  const auto at = [](const char* hour, State state) {
    return RunOf("2026-10-02T" + std::string(hour) + ":00:00Z", state);
  };
  EXPECT_EQ(Told(hourly, {at("01", State::kFailed), at("02", State::kSucceeded)}),
            (Texts{"10-02 failed"}));
  EXPECT_EQ(Told(hourly, {at("01", State::kFailed), at("02", State::kSucceeded),
                          at("01", State::kSucceeded)}),
            (Texts{"10-02 succeeded"}));
}

}  // namespace
}  // namespace busker::serve

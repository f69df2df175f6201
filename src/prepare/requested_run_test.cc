#include "prepare/requested_run.h"

#include <gtest/gtest.h>

#include "plan/cron.h"
#include "plan/timetable.h"

namespace busker::prepare {
namespace {

TEST(RequestedRun, ADateIsMidnightInTheZoneOfTheGraph) {
  plan::Graph graph;
  graph.zone = "Europe/Stockholm";
  const Instant now = ParseRfc3339("2020-01-01T23:30:00Z").value();
  const plan::DagRun run = RequestRun(graph, "2019-08-01", now).value();
  EXPECT_EQ(FormatRfc3339(run.scheduled_at), "2019-07-31T22:00:00Z");
  EXPECT_EQ(run.data_date, "2019-08-01");
  EXPECT_EQ(run.trigger, "manual");
  EXPECT_EQ(run.requested_at, now);
  EXPECT_FALSE(run.due);
  const plan::DagRun exact = RequestRun(graph, "2019-08-01T23:00:00Z", now).value();
  EXPECT_EQ(FormatRfc3339(exact.scheduled_at), "2019-08-01T23:00:00Z");
  EXPECT_EQ(exact.data_date, "2019-08-02");
  EXPECT_EQ(RequestRun(graph, std::nullopt, now)->data_date, "2020-01-02");
  EXPECT_EQ(RequestRun(graph, "2019-02-30", now).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(RequestRun(graph, "2019-08-01T25:00:00Z", now).error().kind, ErrorKind::kInvalid);
  EXPECT_NE(run.id, exact.id);
}

// Who types "today" means the day that it is where the schedule is kept.
TEST(RequestedRun, TodayAndYesterdayAreThoseOfTheGraphsZone) {
  plan::Graph graph;
  graph.zone = "Europe/Stockholm";
  const Instant now = ParseRfc3339("2020-01-01T23:30:00Z").value();
  EXPECT_EQ(RequestRun(graph, "today", now)->data_date, "2020-01-02");
  EXPECT_EQ(FormatRfc3339(RequestRun(graph, "today", now)->scheduled_at), "2020-01-01T23:00:00Z");
  EXPECT_EQ(RequestRun(graph, "yesterday", now)->data_date, "2020-01-01");
  EXPECT_EQ(RequestRun(graph, "tomorrow", now).error().kind, ErrorKind::kInvalid);
}

TEST(RequestedRun, OfABackfillIsTheRunOfItsInstant) {
  plan::Graph graph;
  graph.interval = true;
  graph.schedule = plan::ZonedCron::Make(plan::ParseCron("@daily").value(), "UTC").value();
  const Instant due = ParseRfc3339("2019-08-02T00:00:00Z").value();
  const plan::DagRun run = RequestRunAt(graph, due, due + std::chrono::hours(9));
  EXPECT_EQ(run.due, due);
  EXPECT_EQ(FormatRfc3339(run.scheduled_at), "2019-08-01T00:00:00Z");
  EXPECT_EQ(run.data_date, "2019-08-01");
  EXPECT_EQ(run.trigger, "backfill");
}

}  // namespace
}  // namespace busker::prepare

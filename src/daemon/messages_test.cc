#include "daemon/messages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace busker::daemon {
namespace {

constexpr Instant kNoon{std::chrono::hours(12)};

// Over the socket and back.
Json Carried(const Json& message) { return ParseMessage(TextOf(message)).value(); }

TEST(Messages, ARequestToStartComesThroughWhole) {
  StartRequest request;
  request.graph = "shop/training";
  request.date = "2019-08-01";
  request.force = true;
  request.key = "k \"1\"\n";
  request.by = "Zoë";
  request.trigger = "airflow";
  const StartRequest got = StartRequestFrom(Carried(ToJson(request)));
  EXPECT_EQ(got.graph, request.graph);
  EXPECT_EQ(got.date, request.date);
  EXPECT_TRUE(got.force);
  EXPECT_EQ(got.key, request.key);
  EXPECT_EQ(got.by, request.by);
  EXPECT_EQ(got.trigger, "airflow");
  const StartRequest plain = StartRequestFrom(Carried(ToJson(StartRequest{})));
  EXPECT_FALSE(plain.date);
  EXPECT_EQ(plain.trigger, "manual");
}

TEST(Messages, ABackfillComesThroughWhole) {
  BackfillRequest request{"g", "2019-08-01", "2019-08-02", true, true, 4, true, "me", true};
  const BackfillRequest got = BackfillRequestFrom(Carried(ToJson(request)));
  EXPECT_EQ(got.graph, "g");
  EXPECT_EQ(got.from, "2019-08-01");
  EXPECT_EQ(got.to, "2019-08-02");
  EXPECT_TRUE(got.newest_first && got.retry_failed && got.dry_run && got.force);
  EXPECT_EQ(got.runs_at_once, 4);
  EXPECT_EQ(got.by, "me");
  const BackfillInstant instant = BackfillInstantFrom(Carried(ToJson(BackfillInstant{
      kNoon, kNoon - std::chrono::hours(1), "r1", "run", "v1", "2019-07-01", "leakage"})));
  EXPECT_EQ(instant.due, kNoon);
  EXPECT_EQ(instant.scheduled_at, kNoon - std::chrono::hours(1));
  EXPECT_EQ(instant.run, "r1");
  EXPECT_EQ(instant.what, "run");
  EXPECT_EQ(instant.version, "v1");
  EXPECT_EQ(instant.version_date, "2019-07-01");
  EXPECT_EQ(instant.warning, "leakage");
}

TEST(Messages, AStatusComesThroughWhole) {
  Status status;
  status.since = kNoon;
  status.schedules = true;
  status.trouble = "the disk is full";
  status.attempts_running = 3;
  status.faults = {{"a.json", "a.json:1:1: no JSON"}};
  status.uncopied = {{"cloud-logging://p", "no permission", 2, 3, kNoon}};
  status.graphs = {{"g", "@daily", "UTC", kNoon, true, "me", "g is paused"}, {}};
  status.debts.push_back({{"r1", "training", 2},
                          "VM b-1",
                          "europe-west1-b of p",
                          "forbidden",
                          Instant(Milliseconds(7000))});
  status.silences.push_back(
      {{"r1", "training", 3}, "VM b-2", "p", "no answer", Instant(Milliseconds(8000))});
  status.online.push_back({"shop", "shop/1/training/a", "shop/1/training/b", kNoon, "it is torn"});
  status.online.push_back({"other", "", "", std::nullopt, ""});
  const Status got = StatusFrom(Carried(ToJson(status)));
  ASSERT_EQ(got.online.size(), 2U);
  EXPECT_EQ(SentenceOf(got.online[0]), SentenceOf(status.online[0]));
  EXPECT_TRUE(got.online[0].IsBehind() && !got.online[1].IsBehind());
  EXPECT_EQ(got.online[1].service, "other");
  ASSERT_EQ(got.silences.size(), 1U);
  EXPECT_EQ(SentenceOf(got.silences[0]), SentenceOf(status.silences[0]));
  EXPECT_EQ(SilencesOf("r1", "training", got.silences), "; " + SentenceOf(got.silences[0]));
  EXPECT_EQ(SilencesOf("r1", "other", got.silences) + SilencesOf("r", "", got.silences), "");
  ASSERT_EQ(got.debts.size(), 1U);
  EXPECT_EQ(got.debts[0].attempt.Text(), status.debts[0].attempt.Text());
  EXPECT_EQ(got.debts[0].what, "VM b-1");
  EXPECT_EQ(got.debts[0].where, "europe-west1-b of p");
  EXPECT_EQ(got.debts[0].why, "forbidden");
  EXPECT_EQ(got.debts[0].since, Instant(Milliseconds(7000)));
  EXPECT_EQ(got.since, kNoon);
  EXPECT_TRUE(got.schedules);
  EXPECT_EQ(got.trouble, "the disk is full");
  EXPECT_EQ(got.attempts_running, 3U);
  ASSERT_EQ(got.faults.size(), 1U);
  EXPECT_EQ(got.faults[0].message, "a.json:1:1: no JSON");
  ASSERT_EQ(got.uncopied.size(), 1U);
  EXPECT_EQ(got.uncopied[0].to, "cloud-logging://p");
  EXPECT_EQ(got.uncopied[0].why, "no permission");
  EXPECT_EQ(got.uncopied[0].runs, 2U);
  EXPECT_EQ(got.uncopied[0].tries, 3);
  EXPECT_EQ(got.uncopied[0].next_try, kNoon);
  ASSERT_EQ(got.graphs.size(), 2U);
  EXPECT_EQ(got.graphs[0].next, kNoon);
  EXPECT_TRUE(got.graphs[0].paused);
  EXPECT_EQ(got.graphs[0].explained, "g is paused");
  EXPECT_FALSE(got.graphs[1].next);
}

TEST(Messages, TheDecisionsThatPeopleFollowComeThrough) {
  using enum plan::State;
  const auto carried = [](const plan::Decision& decision) {
    return DecisionFrom(Carried(ToJson(decision).value())).value();
  };
  plan::RunQueued new_run;
  new_run.run.id = "r";
  new_run.run.graph = "shop/training";
  new_run.run.data_date = "2019-08-01";
  const auto queued = std::get<plan::RunQueued>(carried(new_run));
  EXPECT_EQ(queued.run.id, "r");
  EXPECT_EQ(queued.run.graph, "shop/training");
  EXPECT_EQ(queued.run.data_date, "2019-08-01");
  const auto start = std::get<plan::StartAttempt>(carried(plan::StartAttempt{"r", "t", 2}));
  EXPECT_EQ(start.number, 2);
  EXPECT_EQ(start.task, "t");
  const auto task = std::get<plan::TaskChanged>(
      carried(plan::TaskChanged{"r", "t", kRunning, kFailed, "exit code 1"}));
  EXPECT_EQ(task.from, kRunning);
  EXPECT_EQ(task.to, kFailed);
  EXPECT_EQ(task.message, "exit code 1");
  const auto run =
      std::get<plan::RunChanged>(carried(plan::RunChanged{"r", kQueued, kSkipped, "why"}));
  EXPECT_EQ(run.run, "r");
  EXPECT_EQ(run.to, kSkipped);
  const auto retry =
      std::get<plan::RetryPlanned>(carried(plan::RetryPlanned{"r", "t", 3, kNoon, "no"}));
  EXPECT_EQ(retry.number, 3);
  EXPECT_EQ(retry.at, kNoon);
  EXPECT_FALSE(ToJson(plan::Decision(plan::GraphNoted{})));
  EXPECT_FALSE(DecisionFrom(Json{{"decision", "of a newer busker"}}));
}

TEST(Messages, AnErrorKeepsItsKindAndMessage) {
  const auto error = ErrorIn(Carried(ToJson(Error{ErrorKind::kTemporary, "try again"})));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::kTemporary);
  EXPECT_EQ(error->message, "try again");
  EXPECT_FALSE(ErrorIn(Json{{"error", "a text"}}));
}

TEST(Messages, WhatIsNoMessageIsRefusedAndWhatIsMissingIsEmpty) {
  for (const char* text : {"", "[]", "7", "{", "{\"a\":}", "\xff"}) {
    EXPECT_EQ(ParseMessage(text).error().kind, ErrorKind::kInvalid) << text;
  }
  const Json odd = ParseMessage(
                       R"({"graph": 7, "force": "yes", "runs_at_once": 99999999999999999999,
                           "faults": "none", "graphs": [1, "x", {}], "since": "noon"})")
                       .value();
  EXPECT_EQ(StartRequestFrom(odd).graph, "");
  EXPECT_FALSE(StartRequestFrom(odd).force);
  EXPECT_EQ(BackfillRequestFrom(odd).runs_at_once, 1);
  EXPECT_EQ(StatusFrom(odd).graphs.size(), 3U);
}

// A message with bytes that are no UTF-8 ended the daemon.
TEST(Messages, BytesThatAreNoUtf8AreReplaced) {
  const plan::Decision failed =
      plan::RunChanged{"r", plan::State::kRunning, plan::State::kFailed, "no file \xff\xfe"};
  EXPECT_NE(TextOf(*ToJson(failed)).find("no file \xEF\xBF\xBD"), std::string::npos);
}

}  // namespace
}  // namespace busker::daemon

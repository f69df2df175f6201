// What every record gives to who reads, and keeps of graphs and notices, as tests.
// record_conformance.h says how a back end sits them. For tests only.
#pragma once

#include "record/conformance_fixture.h"

namespace busker::record {

TEST_P(RecordConformance, RemembersEveryGraph) {
  plan::GraphMemory memory;
  memory.key = "shop/training";
  memory.schedule_text = "0 7 * * *";
  memory.zone = "Europe/Berlin";
  memory.cursor = kNoon;
  ASSERT_TRUE(Append(*record_, {plan::GraphNoted{memory, "", ""}}));
  EXPECT_TRUE(record_->Events("").value().empty());
  memory.paused = true;
  memory.paused_by = "ada";
  memory.last_due = kNoon;
  memory.last_succeeded = true;
  memory.last_success = kNoon;
  memory.trouble = plan::Trouble::kLate;
  memory.last_after = kNoon - std::chrono::hours(2);
  memory.expected_cursor = kNoon;
  memory.ran_until = kNoon + std::chrono::hours(1);
  memory.pasts = {{"load", {kNoon, true, "r1"}}, {"report", {kNoon, false, "r1"}}};
  ASSERT_TRUE(Append(*record_, {plan::GraphNoted{memory, "paused", "ada"}}));
  const auto graphs = record_->Graphs().value();
  ASSERT_EQ(graphs.size(), 1U);
  const plan::GraphMemory& back = graphs[0];
  EXPECT_EQ(back.key, memory.key);
  EXPECT_EQ(back.schedule_text, memory.schedule_text);
  EXPECT_EQ(back.zone, memory.zone);
  EXPECT_EQ(back.cursor, kNoon);
  EXPECT_TRUE(back.paused);
  EXPECT_EQ(back.paused_by, "ada");
  EXPECT_EQ(back.last_due, kNoon);
  EXPECT_TRUE(back.last_succeeded);
  EXPECT_EQ(back.last_success, kNoon);
  EXPECT_EQ(back.trouble, plan::Trouble::kLate);
  EXPECT_EQ(back.last_after, kNoon - std::chrono::hours(2));
  EXPECT_EQ(back.expected_cursor, kNoon);
  EXPECT_EQ(back.ran_until, kNoon + std::chrono::hours(1));
  ASSERT_EQ(back.pasts.size(), 2U);
  EXPECT_EQ(back.pasts.at("load").due, kNoon);
  EXPECT_TRUE(back.pasts.at("load").good);
  EXPECT_FALSE(back.pasts.at("report").good);
  EXPECT_EQ(back.pasts.at("report").run, "r1");
  EXPECT_EQ(record_->FindGraph("shop/training").value()->paused_by, "ada");
  EXPECT_EQ(record_->FindGraph("shop/other").value(), std::nullopt);
  const auto aside = [&] { return record_->GraphsAside().value(); };
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(aside()[0].graph, "shop/training");
  EXPECT_EQ(aside()[0].trouble, plan::Trouble::kLate);
  EXPECT_TRUE(aside()[0].paused);
  memory.trouble = plan::Trouble::kNone;
  memory.paused = false;
  ASSERT_TRUE(Append(*record_, {plan::GraphNoted{memory, "", ""}}));
  EXPECT_TRUE(aside().empty());
  const auto events = record_->Events("").value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].what, "paused");
  EXPECT_EQ(events[0].actor, "ada");
  EXPECT_EQ(events[0].detail, "shop/training");
}

TEST_P(RecordConformance, KeepsANoticeUntilItIsDeliveredOrGivenUp) {
  NoticeRow notice;
  notice.key = "n1";
  notice.at = kNoon;
  notice.kind = "failed";
  notice.service = "shop";
  notice.action = "training";
  notice.run = "r1";
  notice.data_date = "1970-01-01";
  notice.message = "train: exit 1";
  notice.hint = "busker logs r1";
  notice.channel = "{}";
  notice.next_try = kNoon;
  TestTurn turn;
  turn.decisions = {plan::NotifyPeople{plan::NotifyPeople::Kind::kFailed, "shop/training", "r1",
                                       "1970-01-01", "train: exit 1"}};
  turn.notices = {notice, notice};
  turn.notices[1].key = "n2";
  ASSERT_TRUE(turn.AppendTo(*record_));
  EXPECT_EQ(record_->Events("r1").value().back().what, "told: failed");
  ASSERT_EQ(record_->PendingNotices().value().size(), 2U);

  const Instant later = kNoon + std::chrono::minutes(1);
  TestTurn tried;
  tried.outcomes = {{"n1", NoticeOutcome::State::kTryAgain, later, "no route to host"},
                    {"n2", NoticeOutcome::State::kGivenUp, {}, "410 Gone"}};
  ASSERT_TRUE(tried.AppendTo(*record_));
  auto pending = record_->PendingNotices().value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].key, "n1");
  EXPECT_EQ(pending[0].tries, 1);
  EXPECT_EQ(pending[0].next_try, later);
  EXPECT_EQ(pending[0].message, "train: exit 1");
  EXPECT_EQ(pending[0].hint, "busker logs r1");
  EXPECT_EQ(record_->Events("r1").value().back().what, "notice given-up");

  ASSERT_TRUE(turn.AppendTo(*record_));  // known: neither told anew
  EXPECT_EQ(record_->PendingNotices().value().size(), 1U);
  TestTurn delivered;
  delivered.outcomes = {{"n1", NoticeOutcome::State::kDelivered, {}, ""}};
  ASSERT_TRUE(delivered.AppendTo(*record_));
  EXPECT_TRUE(record_->PendingNotices().value().empty());
  EXPECT_FALSE(delivered.AppendTo(*record_)) << "it is delivered once";
  EXPECT_EQ(FaultsIn(*record_), Strings{});
}

TEST_P(RecordConformance, ListsTheNewestFirstAndOnlyWhatIsAskedFor) {
  for (int i = 0; i < 5; ++i) {
    plan::DagRun run = Requested("r" + std::to_string(i), i == 3 ? "nightly" : "shop/training");
    if (i == 2) run.batch = "b";
    ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
  }
  const auto ids = [&](const RunFilter& filter) {
    std::string text;
    const auto runs = record_->ListRuns(filter).value();
    for (const RunRow& run : runs) text += run.facts.id + " ";
    return text;
  };
  RunFilter filter;
  EXPECT_EQ(ids(filter), "r4 r3 r2 r1 r0 ");
  filter.count_max = 2;
  EXPECT_EQ(ids(filter), "r4 r3 ");
  filter.service = "shop";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.action = "training";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.service = "";
  EXPECT_EQ(ids(filter), "");
  filter.action = "nightly";
  EXPECT_EQ(ids(filter), "r3 ");
  filter.action = "";
  EXPECT_EQ(ids(filter), "r3 ");
  filter.service.reset();
  filter.action = "training";
  EXPECT_EQ(ids(filter), "r4 r2 ");
  filter.batch = "b";
  EXPECT_EQ(ids(filter), "r2 ");
  filter.state = kFailed;
  EXPECT_EQ(ids(filter), "");
}

TEST_P(RecordConformance, ListsTheRunsInAState) {
  LiveThrough(*record_, "r1");
  for (const std::string id : {"r2", "r3"}) {
    plan::DagRun run = Requested(id, id == "r2" ? "nightly" : "shop/training");
    ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
    ASSERT_TRUE(Append(*record_, {plan::RunChanged{id, kQueued, kFailed, "no"}}));
  }
  ASSERT_TRUE(Append(*record_, {plan::RunQueued{Requested("r4")}}));
  const auto ids = [&](plan::State state, const std::optional<std::string>& service) {
    RunFilter filter;
    filter.state = state;
    filter.service = service;
    filter.with_tasks = false;
    if (service) filter.action = service->empty() ? "nightly" : "training";
    std::string text;
    const auto runs = record_->ListRuns(filter).value();
    for (const RunRow& run : runs) {
      EXPECT_TRUE(run.tasks.empty());
      text += run.facts.id + " ";
    }
    return text;
  };
  EXPECT_EQ(ids(kSucceeded, {}), "r1 ");
  EXPECT_EQ(ids(kFailed, {}), "r3 r2 ");
  EXPECT_EQ(ids(kQueued, {}), "r4 ");
  EXPECT_EQ(ids(kSkipped, {}), "");
  EXPECT_EQ(ids(kFailed, "shop"), "r3 ");
  EXPECT_EQ(ids(kFailed, ""), "r2 ");
  EXPECT_EQ(ids(kSucceeded, "shop"), "r1 ");
  EXPECT_EQ(ids(kQueued, "shop"), "r4 ");
}

TEST_P(RecordConformance, ListsTheRunsWithinServicesAndGraphsOfAModelBefore) {
  const auto add = [&](const std::string& id, const plan::GraphKey& graph,
                       const std::string& model) {
    TestTurn turn;
    plan::DagRun run = Requested(id, graph);
    turn.prepared = {PreparedFor(id, TasksNamed({"t"}))};
    turn.prepared[0].model_version = model;
    run.prepared = true;
    run.tasks = TasksNamed({"t"});
    turn.decisions = {plan::RunQueued{run}};
    ASSERT_TRUE(turn.AppendTo(*record_));
  };
  add("r1", "shop/training", "");
  add("r2", "shop/application", "m1");
  add("r3", "shop-2/training", "");
  add("r4", "nightly", "");
  add("r5", "shop/application", "m2");
  const auto ids = [&](const RunFilter& filter) {
    std::string text;
    const auto runs = record_->ListRuns(filter).value();
    for (const RunRow& run : runs) text += run.facts.id + " ";
    return text;
  };
  RunFilter within;
  within.within = {"shop"};
  EXPECT_EQ(ids(within), "r5 r2 r1 ");
  within.within = {"shop/application", "nightly"};
  EXPECT_EQ(ids(within), "r5 r4 r2 ");
  within.within = {"sho"};
  EXPECT_EQ(ids(within), "");
  RunFilter model;
  model.model_version = "m1";
  EXPECT_EQ(ids(model), "r2 ");
  RunFilter before;
  before.before = record_->FindRun("r3").value().number;
  EXPECT_EQ(ids(before), "r2 r1 ");
}

TEST_P(RecordConformance, ListsTheRunsForADataDate) {
  const auto add = [&](const std::string& id, const std::string& date, const plan::GraphKey& graph,
                       const std::string& batch = "") {
    plan::DagRun run = Requested(id, graph);
    run.data_date = date;
    run.batch = batch;
    ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
  };
  add("r1", "2019-08-01", "shop/training");
  add("r2", "2019-08-02", "shop/training");
  add("r3", "2019-08-01", "nightly");
  add("r4", "2019-08-02", "nightly");
  add("r5", "2019-08-01", "shop/training", "b");
  ASSERT_TRUE(Append(*record_, {plan::RunChanged{"r3", kQueued, kFailed, "no"}}));
  const auto ids = [&](RunFilter filter, const std::string& date = "2019-08-01") {
    filter.data_date = date;
    std::string text;
    const auto runs = record_->ListRuns(filter).value();
    for (const RunRow& run : runs) text += run.facts.id + " ";
    return text;
  };
  RunFilter graph, batch, failed, queued, within, before, two;
  graph.Only("shop/training");
  batch.batch = "b";
  failed.state = kFailed;
  queued.state = kQueued;
  within.within = {"shop"};
  before.before = record_->FindRun("r5").value().number;
  two.count_max = 2;
  EXPECT_EQ(ids({}), "r5 r3 r1 ");
  EXPECT_EQ(ids({}, "2019-08-02"), "r4 r2 ");
  EXPECT_EQ(ids({}, "2019-08"), "") << "a date is a whole one";
  EXPECT_EQ(ids(graph), "r5 r1 ");
  EXPECT_EQ(ids(batch), "r5 ");
  EXPECT_EQ(ids(failed), "r3 ");
  EXPECT_EQ(ids(queued), "r5 r1 ");
  EXPECT_EQ(ids(within), "r5 r1 ");
  EXPECT_EQ(ids(before), "r3 r1 ");
  EXPECT_EQ(ids(two), "r5 r3 ");
}

TEST_P(RecordConformance, ListsTheRunsThatBeganSo) {
  const auto add = [&](const std::string& id, const std::string& trigger,
                       const plan::GraphKey& graph) {
    plan::DagRun run = Requested(id, graph);
    run.trigger = trigger;
    ASSERT_TRUE(Append(*record_, {plan::RunQueued{run}}));
  };
  add("r1", "manual", "shop/training");
  add("r2", "schedule", "nightly");
  add("r3", "after shop/training (run r1)", "nightly");
  add("r4", "manual", "nightly");
  add("r5", "Manual", "nightly");
  const auto ids = [&](RunFilter filter, const std::string& trigger) {
    filter.trigger = trigger;
    std::string text;
    const auto runs = record_->ListRuns(filter).value();
    for (const RunRow& run : runs) text += run.facts.id + " ";
    return text;
  };
  RunFilter graph, before, behind, between;
  graph.Only("nightly");
  before.before = between.before = record_->FindRun("r4").value().number;
  behind.behind = record_->FindRun("r1").value().number;
  between.behind = record_->FindRun("r2").value().number;
  EXPECT_EQ(ids({}, "manual"), "r4 r1 ");
  EXPECT_EQ(ids({}, "man"), "r4 r1 ") << "what it begins with";
  EXPECT_EQ(ids({}, "after"), "r3 ");
  EXPECT_EQ(ids({}, "anual"), "");
  EXPECT_EQ(ids({}, "m%"), "") << "as it is written";
  EXPECT_EQ(ids(graph, "manual"), "r4 ");
  EXPECT_EQ(ids(before, "manual"), "r1 ");
  EXPECT_EQ(ids(behind, "manual"), "r4 ");
  EXPECT_EQ(ids(between, ""), "r3 ");
  RunFilter part, nearest = graph;
  part.id_part = "4";
  EXPECT_EQ(ids(part, ""), "r4 ");
  EXPECT_EQ(ids(part, "after"), "");
  part.id_part = "r%";
  EXPECT_EQ(ids(part, ""), "") << "as it is written";
  nearest.behind = record_->FindRun("r3").value().number;
  nearest.oldest_first = true;
  nearest.count_max = 1;
  EXPECT_EQ(ids(nearest, ""), "r4 ") << "the next one, and not the newest";
}

TEST_P(RecordConformance, ListsEventsNewestFirstAndThoseOfPeopleAlone) {
  for (int i = 1; i <= 6; ++i) {
    EventRow event;
    event.at = kNoon;
    event.what = "e" + std::to_string(i);
    event.actor = i % 2 == 0 ? "ada" : "busker";
    ASSERT_TRUE(record_->AddEvent(event));
  }
  const auto whats = [&](const EventFilter& filter) {
    std::string text;
    const auto events = record_->ListEvents(filter).value();
    for (const EventRow& event : events) text += event.what + " ";
    return text;
  };
  EventFilter filter;
  EXPECT_EQ(whats(filter), "e6 e5 e4 e3 e2 e1 ");
  filter.count_max = 2;
  EXPECT_EQ(whats(filter), "e6 e5 ");
  filter.before = 5;
  EXPECT_EQ(whats(filter), "e4 e3 ");
  filter.by_people = true;
  EXPECT_EQ(whats(filter), "e4 e2 ");
}

TEST_P(RecordConformance, ListsEachTaskWithItsOwnAttempts) {
  LiveThrough(*record_, "r1");
  ASSERT_TRUE(AddRun(*record_, "r2", {"b", "a"}));
  ASSERT_TRUE(Append(*record_, Begin("r2", "b")));
  const auto runs = record_->ListRuns({}).value();
  ASSERT_EQ(runs.size(), 2U);
  ASSERT_EQ(runs[0].tasks.size(), 2U);
  EXPECT_EQ(runs[0].tasks[0].task.name, "b");
  ASSERT_EQ(runs[0].tasks[0].attempts.size(), 1U);
  EXPECT_TRUE(runs[0].tasks[0].attempts[0].running);
  EXPECT_TRUE(runs[0].tasks[1].attempts.empty());
  EXPECT_EQ(runs[1].tasks[0].attempts[0].ending, "succeeded");
}

}  // namespace busker::record

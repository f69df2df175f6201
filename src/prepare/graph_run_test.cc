#include "prepare/graph_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attempt/order.h"
#include "io/digest.h"
#include "io/test_folder.h"

namespace busker::prepare {
namespace {

class GraphRunTest : public testing::Test {
 protected:
  Result<PreparedRun> Prepare(const std::string& text) {
    const auto path = folder_.Write("configs/nightly.json", text);
    auto file = service::LoadGraphFile(path.string());
    if (!file) return tl::unexpected(file.error());
    if (gone_) io::fs::remove(path);
    plan::DagRun run;
    run.id = "r1";
    run.data_date = "2019-08-01";
    run.scheduled_at = Instant(std::chrono::hours(24));
    return PrepareRun(*file, run, environment_);
  }

  static attempt::Order OrderOf(const PreparedRun& run, std::size_t task) {
    return attempt::OrderFromJson(run.row.orders.at(task).text).value();
  }

  bool gone_ = false;
  std::vector<std::string> environment_ = {"PATH=/usr/bin", "SECRET=hush"};
  io::TestFolder folder_;
};

TEST_F(GraphRunTest, ALimitIsForItsOwnTaskAlone) {
  const auto run = Prepare(R"({
    "graph": {"dag_id": "nightly"},
    "tasks": [{"name": "fetch", "code": "echo 1", "execution_timeout": 60},
              {"name": "report", "code": "echo 2"}]})");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(OrderOf(*run, 0).timeout, std::chrono::minutes(1));
  EXPECT_FALSE(OrderOf(*run, 1).timeout);
}

// A setting of a graph file that does not arrive is one that nobody is told of.
TEST_F(GraphRunTest, WhatAFileSaysArrivesWhereItIsMeant) {
  const auto run = Prepare(R"({
    "graph": {"dag_id": "nightly", "dagrun_timeout": "2h"},
    "tasks": [{"name": "fetch", "code": "echo 1", "retries": 2, "retry_delay": 90,
               "retry_exponential_backoff": true, "max_retry_delay": "10m",
               "execution_timeout": "1h", "pool": "db", "pool_slots": 2, "priority_weight": 7,
               "cpus": 1.5, "memory": "2GiB", "log_bytes_max": "1MiB"}]})");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->timeout, std::chrono::hours(2));
  const plan::Task& task = run->tasks.at(0);
  EXPECT_EQ(task.retry_delay, std::chrono::seconds(90));
  EXPECT_TRUE(task.exponential);
  EXPECT_EQ(task.retry_delay_max, std::chrono::minutes(10));
  EXPECT_EQ(task.pool_slots, 2);
  EXPECT_EQ(task.priority, 7);
  EXPECT_EQ(task.cpus_milli, 1500);
  EXPECT_EQ(task.memory_bytes, 2ULL << 30);
  const attempt::Order order = OrderOf(*run, 0);
  EXPECT_EQ(order.timeout, std::chrono::hours(1));
  EXPECT_EQ(order.log_head_bytes_max + order.log_tail_bytes_max, 1U << 20);
  EXPECT_EQ(order.data_date, "2019-08-01");
  EXPECT_EQ(order.scheduled_at, Instant(std::chrono::hours(24)));
  const auto plain =
      Prepare(R"({"graph": {"dag_id": "n"}, "tasks": [{"name": "a", "code": "x"}]})");
  EXPECT_FALSE(plain->timeout);
  EXPECT_EQ(plain->tasks.at(0).retry_delay_max, plan::Task().retry_delay_max);
}

TEST_F(GraphRunTest, HasATaskAndAnOrderForEachTaskOfTheFile) {
  const auto run = Prepare(R"({
    "graph": {"dag_id": "nightly"},
    "tasks": [{"name": "fetch", "code": "echo 1", "retries": 2, "pool": "db"},
              {"name": "report", "code": "echo 2", "trigger_rule": "all_done"}],
    "dependencies": [["report", "fetch"]]})");
  ASSERT_TRUE(run) << run.error().message;
  ASSERT_EQ(run->tasks.size(), 2U);
  ASSERT_EQ(run->row.orders.size(), 2U);
  EXPECT_EQ(run->tasks[0].name, "fetch");
  EXPECT_EQ(run->tasks[0].retries, 2);
  EXPECT_EQ(run->tasks[0].pool, "db");
  EXPECT_EQ(run->tasks[1].after, std::vector<std::string>{"fetch"});
  EXPECT_EQ(run->tasks[1].rule, plan::TriggerRule::kAllDone);
  const attempt::Order order = OrderOf(*run, 1);
  EXPECT_EQ(order.run, "r1");
  EXPECT_EQ(order.task, "report");
  EXPECT_EQ(order.command, (std::vector<std::string>{"bash", "-c", "echo 2"}));
  EXPECT_FALSE(order.synced);
  EXPECT_FALSE(order.output);
  EXPECT_EQ(run->row.run, "r1");
  EXPECT_EQ(run->row.timestamp, "");
}

// depends_on_past of one task was the whole graph's.
TEST_F(GraphRunTest, HasWhatDependsOnThePastByTask) {
  const auto run = Prepare(R"({"graph": {"dag_id": "n", "default_args": {"depends_on_past": true}},
    "tasks": [{"name": "a", "code": "x"}, {"name": "b", "code": "x", "depends_on_past": false}]})");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_TRUE(run->tasks[0].depends_on_past);
  EXPECT_FALSE(run->tasks[1].depends_on_past);
}

TEST_F(GraphRunTest, TellsItsProgramsOfTheRunAndNoSecrets) {
  const auto run = Prepare(R"({"graph": {"dag_id": "n"}, "tasks": [{"name": "a", "code": "x"}]})");
  ASSERT_TRUE(run) << run.error().message;
  const auto environment = OrderOf(*run, 0).environment;
  const auto has = [&](const std::string& entry) {
    return std::count(environment.begin(), environment.end(), entry) == 1;
  };
  EXPECT_TRUE(has("BUSKER_RUN=r1"));
  EXPECT_TRUE(has("BUSKER_DATE=2019-08-01"));
  EXPECT_TRUE(has("BUSKER_SCHEDULED_AT=1970-01-02T00:00:00Z"));
  EXPECT_TRUE(has("PATH=/usr/bin"));
  EXPECT_FALSE(has("SECRET=hush"));
}

// A unit of systemd may have no PATH, and a shell without one finds its own programs alone.
TEST_F(GraphRunTest, FindsTheUsualProgramsWithoutAPath) {
  environment_ = {"HOME=/home/me", "TZ=", "LD_PRELOAD=/x"};
  const auto run = Prepare(R"({"graph": {"dag_id": "n"}, "tasks": [{"name": "a", "code": "x"}]})");
  ASSERT_TRUE(run) << run.error().message;
  const auto environment = OrderOf(*run, 0).environment;
  const auto count = [&](const std::string& begin) {
    return std::count_if(environment.begin(), environment.end(),
                         [&](const auto& entry) { return entry.starts_with(begin); });
  };
  EXPECT_EQ(count("PATH=/usr/local/bin:/usr/bin:/bin"), 1);
  EXPECT_EQ(count("HOME=/home/me"), 1);
  EXPECT_EQ(count("LD_PRELOAD"), 0);
}

// The digest on record was of the file as it was when the run began, and a file that was gone for a
// moment failed it.
TEST_F(GraphRunTest, IsOfTheFileAsItWas) {
  const std::string text = R"({"graph": {"dag_id": "n"}, "tasks": [{"name": "a", "code": "x"}]})";
  EXPECT_EQ(Prepare(text)->row.definition, io::Sha256Of(text));
  gone_ = true;
  EXPECT_EQ(Prepare(text).value().row.definition, io::Sha256Of(text));
}

// Python keeps back what it writes to a pipe: nothing was to see while it ran, and its error came
// before what it had written earlier.
TEST_F(GraphRunTest, LetsPythonShowItsOutputAtOnceUnlessToldOtherwise) {
  const auto value = [this](const std::vector<std::string>& environment) {
    environment_ = environment;
    const auto run = Prepare(
        R"({"graph": {"dag_id": "nightly"}, "tasks": [{"name": "fetch", "code": "echo 1"}]})");
    std::string values;
    for (const std::string& entry : OrderOf(*run, 0).environment) {
      if (entry.starts_with("PYTHONUNBUFFERED=")) values += "<" + entry.substr(17) + ">";
    }
    return values;
  };
  EXPECT_EQ(value({"PATH=/usr/bin"}), "<1>");
  EXPECT_EQ(value({"PYTHONUNBUFFERED=2"}), "<2>");
  EXPECT_EQ(value({"PYTHONUNBUFFERED="}), "<>");
}

}  // namespace
}  // namespace busker::prepare

#include "catalogue/plan_graph.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"
#include "plan/timetable.h"

namespace busker::catalogue {
namespace {

class PlanGraphTest : public testing::Test {
 protected:
  plan::Graph ActionSaying(const std::string& keys) {
    folder_.Write("busker.toml",
                  "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"./t\"\n"
                  "[actions.training]\n" +
                      keys);
    const auto service = service::LoadService(folder_.path().string());
    EXPECT_TRUE(service) << service.error().message;
    return GraphOf(*service, service->actions.at("training")).value();
  }

  plan::Graph GraphSaying(const std::string& words) {
    const auto path = folder_.Write("configs/nightly.json",
                                    "{\"graph\": {\"dag_id\": \"nightly\"" + words +
                                        "}, \"tasks\": [{\"name\": \"a\", \"code\": \"true\"}]}");
    const auto file = service::LoadGraphFile(path.string());
    EXPECT_TRUE(file) << file.error().message;
    return GraphOf(*file).value();
  }

  io::TestFolder folder_;
};

TEST_F(PlanGraphTest, AnActionIsFiledUnderItsServiceAndSaysWhenItRuns) {
  const plan::Graph graph = ActionSaying(
      "schedule = \"0 7 * * *\"\ntime_zone = \"Europe/Stockholm\"\nexpected_by = \"08:05\"\n"
      "priority = 3\n");
  EXPECT_EQ(graph.key, "shop/training");
  EXPECT_EQ(graph.schedule_text, "0 7 * * *");
  ASSERT_TRUE(graph.schedule);
  EXPECT_FALSE(graph.interval);
  EXPECT_EQ(graph.priority, 3);
  const Instant midnight = ParseRfc3339("2019-08-01T00:00:00Z").value();
  EXPECT_EQ(FormatRfc3339(*graph.schedule->Next(midnight)), "2019-08-01T05:00:00Z");
  ASSERT_TRUE(graph.expected_by);
  EXPECT_EQ(FormatRfc3339(*graph.expected_by->Next(midnight)), "2019-08-01T06:05:00Z");
}

// A setting that does not arrive in the plan is one that nobody is told of.
TEST_F(PlanGraphTest, WhatAnActionOrAGraphFileSaysArrivesInThePlan) {
  const plan::Graph action = ActionSaying(
      "schedule = \"@daily\"\nstart = \"2019-07-01\"\nend = \"2019-09-01\"\ncatch_up = "
      "\"all\"\ncatch_up_window = \"7d\"\nconcurrency = \"allow\"\nruns_at_once = 5\n"
      "depends_on_past = true\nrun_timeout = \"6h\"\n");
  EXPECT_EQ(action.start, ParseRfc3339("2019-07-01T00:00:00Z").value());
  EXPECT_EQ(action.end, ParseRfc3339("2019-09-01T00:00:00Z").value());
  EXPECT_EQ(action.catch_up, plan::CatchUp::kAll);
  EXPECT_EQ(action.catch_up_window, std::chrono::hours(7 * 24));
  EXPECT_EQ(action.overlap, plan::Overlap::kAllow);
  EXPECT_EQ(action.runs_at_once, 5);
  EXPECT_TRUE(action.depends_on_past);
  EXPECT_EQ(action.run_timeout, std::chrono::hours(6));
  const plan::Graph graph = GraphSaying(
      R"(, "schedule_interval": "@daily", "start_date": "2019-07-01", "end_date": "2019-09-01",
         "catchup": true, "max_active_runs": 5, "dagrun_timeout": "6h",
         "timezone": "Europe/Stockholm")");
  EXPECT_EQ(graph.zone, "Europe/Stockholm");
  EXPECT_EQ(graph.start, ParseRfc3339("2019-06-30T22:00:00Z").value());
  EXPECT_EQ(graph.end, ParseRfc3339("2019-08-31T22:00:00Z").value());
  EXPECT_EQ(graph.catch_up, plan::CatchUp::kAll);
  EXPECT_EQ(graph.runs_at_once, 5);
  EXPECT_EQ(graph.run_timeout, std::chrono::hours(6));
}

TEST_F(PlanGraphTest, AnActionRunsAfterOthersOfItsService) {
  const plan::Graph graph =
      ActionSaying("after = [\"fetch\"]\n[actions.fetch]\ncommand = \"./f\"\n");
  EXPECT_EQ(graph.after, std::vector<plan::GraphKey>{"shop/fetch"});
  EXPECT_FALSE(graph.schedule);
}

TEST_F(PlanGraphTest, AGraphFileRunsForTheIntervalThatHasPassed) {
  const plan::Graph graph = GraphSaying(", \"schedule_interval\": \"@daily\"");
  EXPECT_EQ(graph.key, "nightly");
  EXPECT_TRUE(graph.schedule);
  EXPECT_TRUE(graph.interval);
  const Instant due = ParseRfc3339("2019-08-02T00:00:00Z").value();
  EXPECT_EQ(FormatRfc3339(plan::DataInstant(graph, due)), "2019-08-01T00:00:00Z");
}

TEST_F(PlanGraphTest, AGraphFileMayRunOnce) {
  const plan::Graph graph = GraphSaying(", \"schedule_interval\": \"@once\"");
  EXPECT_TRUE(graph.once);
  EXPECT_FALSE(graph.schedule);
  EXPECT_EQ(graph.schedule_text, "@once");
}

// A run is held as a whole only where nothing of it could start.
TEST(GraphOfAFile, HasItsRootsWhenEachDependsOnItsPast) {
  service::GraphFile file;
  file.id = "g";
  file.tasks.resize(3);
  file.tasks[0].name = "a";
  file.tasks[1].name = "b";
  file.tasks[2].name = "c";
  file.tasks[2].after = {"a", "b"};
  file.tasks[0].depends_on_past = true;
  EXPECT_TRUE(GraphOf(file)->past_roots.empty());
  file.tasks[1].depends_on_past = true;
  EXPECT_EQ(GraphOf(file)->past_roots, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(GraphOf(file)->depends_on_past);
}

}  // namespace
}  // namespace busker::catalogue

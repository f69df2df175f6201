#include "catalogue/search.h"

#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::catalogue {
namespace {

using service::Service;
using service::TestFolder;

constexpr char kGraph[] = R"({"graph": {"dag_id": "g"}, "tasks": [{"name": "a", "code": "true"}]})";

// What is found, relative to the folder: "service churn, graph scheduler/configs/a.json".
std::string Text(const TestFolder& folder, const Result<Found>& found) {
  if (!found) return found.error().message;
  std::string text;
  const auto add = [&](const char* what, const std::string& path) {
    const std::string relative =
        path == folder.root() ? "." : path.substr(folder.root().size() + 1);
    text += (text.empty() ? "" : ", ") + std::string(what) + " " + relative;
  };
  for (const auto& path : found->service_folders) add("service", path);
  for (const auto& path : found->graph_files) add("graph", path);
  return text;
}

std::string FoundIn(const TestFolder& folder, const std::string& path = "") {
  return Text(folder, Discover({folder.root() + path}));
}

TEST(Discover, FindsAServiceByItsFileOrItsConfigs) {
  TestFolder folder;
  folder.Configs({"training"});
  EXPECT_EQ(FoundIn(folder), "service .");
  TestFolder other;
  other.File("");
  EXPECT_EQ(FoundIn(other), "service .");
  EXPECT_EQ(FoundIn(other, "/"), "service .");
  EXPECT_EQ(FoundIn(other, "/busker.toml"), "service .");
}

TEST(Discover, FindsGraphFilesWhereTheyMayBe) {
  TestFolder folder;
  folder.Write("scheduler/configs/b.json", kGraph).Write("scheduler/configs/a.json", kGraph);
  const std::string both = "graph scheduler/configs/a.json, graph scheduler/configs/b.json";
  EXPECT_EQ(FoundIn(folder), both);
  EXPECT_EQ(FoundIn(folder, "/scheduler"), both);
  EXPECT_EQ(FoundIn(folder, "/scheduler/configs/b.json"), "graph scheduler/configs/b.json");
}

TEST(Discover, FindsAServiceAndItsScheduler) {
  TestFolder folder;
  folder.Configs({"training"}).Write("scheduler/configs/a.json", kGraph);
  EXPECT_EQ(FoundIn(folder), "service ., graph scheduler/configs/a.json");
}

TEST(Discover, LooksIntoTheFoldersOfAFolderOnce) {
  TestFolder folder;
  folder.Write("churn/busker.toml", "")
      .Write("value/configs/training.json", "{}")
      .Write("jobs/configs/a.json", kGraph)
      .Write("graphs/scheduler/configs/a.json", kGraph)
      .Write("deep/deeper/busker.toml", "")
      .Write(".hidden/busker.toml", "")
      .Write("build/busker.toml", "")
      .Write("node_modules/busker.toml", "")
      .Write("notes/readme.txt", "");
  EXPECT_EQ(FoundIn(folder),
            "service churn, service value, graph graphs/scheduler/configs/a.json, graph "
            "jobs/configs/a.json");
}

TEST(Discover, TellsAGraphFileFromAConfigEvenWhenItIsBroken) {
  TestFolder folder;
  folder.Write("configs/a.json", std::string(kGraph).substr(0, 60))
      .Write("configs/training.json", "{\"graph\": 1}");
  EXPECT_EQ(FoundIn(folder), "service ., graph configs/a.json");
  const Service service = folder.Load();
  EXPECT_EQ(service.actions.size(), 1U) << "a graph file is no action";
  EXPECT_TRUE(service.actions.contains("training"));
}

std::string ScheduleOf(const std::string& action) {
  return R"({"graph": {"dag_id": "g"}, "tasks": [{"name": "a", "code": "make )" + action +
         R"(-start"}]})";
}

TEST(Discover, FindsAWholeRepositoryAsOneService) {
  service::TestFolder folder;
  folder.Write("service/configs/training.json", "{}")
      .Write("container/Dockerfile", "")
      .Write("scheduler/configs/training.json", ScheduleOf("training"))
      .Write("scheduler/configs/nightly.json", kGraph)
      .Write("scheduler/configs/other.json", ScheduleOf("other"));
  EXPECT_EQ(FoundIn(folder),
            "service ., graph scheduler/configs/nightly.json, graph scheduler/configs/other.json");
  const auto found = Discover({folder.root(), folder.root() + "/scheduler"});
  EXPECT_EQ(Text(folder, found),
            "service ., graph scheduler/configs/nightly.json, graph scheduler/configs/other.json")
      << "whoever names it besides";
  EXPECT_EQ(found->schedule_files,
            std::vector<std::string>{folder.root() + "/scheduler/configs/training.json"});
}

TEST(Discover, FindsEachThingOnce) {
  TestFolder folder;
  folder.Configs({"training"}).Write("scheduler/configs/a.json", kGraph);
  const auto found = Discover({folder.root(), folder.root() + "/.", folder.root() + "/scheduler",
                               folder.root() + "/scheduler/configs/a.json"});
  EXPECT_EQ(Text(folder, found), "service ., graph scheduler/configs/a.json");
}

TEST(Discover, ValidatesAllThatItFinds) {
  TestFolder folder;
  folder.Write("a/busker.toml", "nam = 1\n")
      .Write("b/configs/training.json", "{}")
      .Write("jobs/configs/x.json", kGraph)
      .Write("jobs/configs/y.json", kGraph)
      .Write("jobs/configs/z.json", "{\"graph\": {}, \"tasks\": []}");
  const auto found = Discover({folder.root()});
  ASSERT_TRUE(found);
  const std::string jobs = folder.root() + "/jobs/configs/";
  EXPECT_EQ(Validate(*found),
            (std::vector<std::string>{
                folder.root() + "/a/busker.toml:1:1: unknown key \"nam\" at the top level, did you "
                                "mean \"name\"?",
                jobs + "y.json: the dag_id \"g\" is that of " + jobs +
                    "x.json too; give one another name",
                jobs + "z.json:1:2: \"graph\" needs the key \"dag_id\", the name of the graph",
                jobs + "z.json:1:24: \"tasks\" is empty; a graph needs at least one task"}));
  EXPECT_TRUE(Validate(Found{}).empty());
}

TEST(Discover, SaysWhenThereIsNothing) {
  TestFolder folder;
  EXPECT_EQ(FoundIn(folder),
            "nothing to run in " + folder.root() +
                ": neither it nor a folder in it has busker.toml, configs/*.json or "
                "scheduler/configs/*.json");
  const auto missing = Discover({"/nowhere"});
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "no file or folder /nowhere");
  EXPECT_EQ(Text(folder, Discover({})), "");
}

}  // namespace
}  // namespace busker::catalogue

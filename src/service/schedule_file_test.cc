#include "service/schedule_file.h"

#include <gtest/gtest.h>

#include "service/conventions.h"
#include "service/test_folder.h"

namespace busker::service {
namespace {

std::string Graph(const std::string& facts, const std::vector<std::string>& codes) {
  std::string tasks;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    tasks += (i == 0 ? "" : ", ") + std::string("{\"name\": \"t") + std::to_string(i) +
             "\", \"code\": \"" + codes[i] + "\"}";
  }
  return "{\"graph\": {\"dag_id\": \"shop-training\"" + facts + "}, \"tasks\": [" + tasks + "]}";
}

std::string MakeGraph(const std::string& facts = "") {
  return Graph(facts, {"make -C '${ROOT}/..' training-start", "make -C '${ROOT}/..' training-wait",
                       "make -C '${ROOT}/..' training-check"});
}

// A repository as a whole: the program in service/, graph files beside it.
class Repository {
 public:
  Repository() {
    folder.Write("service/configs/training.json", "{}")
        .Write("service/configs/application.json", "{}")
        .MakeFolder("service/source/prediction")
        .Write("container/Dockerfile", "FROM scratch\n")
        .MakeFolder("scheduler/configs");
  }
  TestFolder folder{"Shop"};
};

TEST(WholeRepository, IsOneServiceWithTheNameOfItsRoot) {
  Repository repository;
  const Service service = repository.folder.Load();
  EXPECT_EQ(service.name, "shop");
  EXPECT_EQ(service.root, repository.folder.root());
  EXPECT_EQ(service.ProgramRoot(), repository.folder.root() + "/service");
  EXPECT_EQ(service.environment.at("PYTHONPATH"), "source");
  ASSERT_EQ(service.actions.size(), 2U);
  const Action& training = service.actions.at("training");
  EXPECT_EQ(training.config, "configs/training.json") << "as the program sees it";
  EXPECT_FALSE(training.schedule);
  EXPECT_EQ(service.actions.at("application").deliveries[0].table, "shop.predictions");
}

TEST(WholeRepository, HasNoConfigsAtItsRootAndSomethingBesideTheProgram) {
  TestFolder folder;
  folder.Write("service/configs/training.json", "{}");
  EXPECT_FALSE(IsWholeRepository(folder.root())) << "a folder with a service in it";
  folder.MakeFolder("scheduler/configs");
  EXPECT_TRUE(IsWholeRepository(folder.root()));
  folder.Configs({"training"});
  EXPECT_FALSE(IsWholeRepository(folder.root()));
  EXPECT_EQ(folder.Load().ProgramRoot(), folder.root());
}

TEST(WholeRepository, HasTheFaultsOfItsConfigsByTheirPaths) {
  Repository repository;
  repository.folder.Write("service/configs/training.json", "{,}");
  EXPECT_TRUE(repository.folder.Fault().starts_with("service/configs/training.json:1:2: not JSON"))
      << repository.folder.Fault();
  repository.folder.Write("service/configs/My Action.json", "{}");
  EXPECT_TRUE(repository.folder.Fault().ends_with("move it out of service/configs/"))
      << repository.folder.Fault();
}

TEST(ScheduleFile, IsTheActionsUntilTheServiceFileSaysAnother) {
  Repository repository;
  repository.folder.Write(
      "scheduler/configs/training.json",
      MakeGraph(", \"schedule_interval\": \"0 0 1 * *\", \"start_date\": \"2026-01-01\", "
                "\"timezone\": \"UTC\", \"catchup\": true"));
  Action training = repository.folder.Load().actions.at("training");
  EXPECT_EQ(training.schedule, "0 0 1 * *");
  EXPECT_EQ(training.catch_up, plan::CatchUp::kAll);
  EXPECT_EQ(training.schedule_file, "scheduler/configs/training.json");
  // The graph's run for January would begin at its end.
  EXPECT_EQ(FormatRfc3339(*training.start), "2026-02-01T00:00:00Z");
  EXPECT_EQ(training.runs_at_once, 1);
  EXPECT_FALSE(repository.folder.Load().actions.at("application").schedule);

  repository.folder.File("[actions.training]\nretries = 2\n");
  training = repository.folder.Load().actions.at("training");
  EXPECT_EQ(training.schedule, "0 0 1 * *");
  EXPECT_EQ(training.retries, 2);
  repository.folder.File("[actions.training]\nschedule = \"@daily\"\n");
  training = repository.folder.Load().actions.at("training");
  EXPECT_EQ(training.schedule, "@daily");
  EXPECT_FALSE(training.start);
  EXPECT_EQ(training.catch_up, plan::CatchUp::kLatest);
  EXPECT_EQ(FindScheduleFiles(repository.folder.root()).size(), 1U)
      << "and is still no graph of its own";
}

TEST(ScheduleFile, IsWrittenOutByInit) {
  Repository repository;
  repository.folder.Write("scheduler/configs/training.json",
                          MakeGraph(", \"schedule_interval\": \"0 0 1 * *\", \"start_date\": "
                                    "\"2026-01-01\", \"dagrun_timeout\": \"6h\", "
                                    "\"default_args\": {\"depends_on_past\": true}"));
  const Service before = repository.folder.Load();
  const std::string file = InitialFile(before);
  // "Which missed instants are run later" stood above another key, and these three below none.
  std::size_t at = file.find("[actions.training]");
  for (const char* const line :
       {"# When it runs", "scheduler/configs/training.json says",
        "\nschedule = ", "\nstart = ", "# expected_by", "# Which missed instants", "\ncatch_up = ",
        "\ndepends_on_past = ", "# What happens when it fails", "\nrun_timeout = "}) {
    ASSERT_NE(at = file.find(line, at), std::string::npos) << line << " in its place:\n" << file;
  }
  repository.folder.File(file);
  const Service after = repository.folder.Load();
  EXPECT_EQ(after.program_folder, "service");
  const Action& was = before.actions.at("training");
  const Action& is = after.actions.at("training");
  EXPECT_EQ(is.schedule, was.schedule) << file;
  EXPECT_EQ(is.start, was.start);
  EXPECT_EQ(is.run_timeout, was.run_timeout);
  EXPECT_TRUE(is.depends_on_past && was.depends_on_past);
  EXPECT_EQ(is.schedule_file, "") << "the service file says it now";
  EXPECT_EQ(is.command, was.command);
  EXPECT_EQ(after.environment, before.environment);
}

// A slip in a task's code made a graph of the schedule, and nothing said why the action had none.
TEST(ScheduleFile, ThatIsNearlyOneIsToldWithWhatIsMissing) {
  Repository repository;
  const auto told = [&](const std::vector<std::string>& codes, const std::string& facts = "") {
    repository.folder.Write("scheduler/configs/training.json", Graph(facts, codes));
    const auto sentences = NearlySchedules(repository.folder.root());
    return sentences.empty() ? "" : sentences[0];
  };
  const std::string begin =
      "scheduler/configs/training.json is a graph of its own and not the schedule of the action "
      "training: ";
  EXPECT_EQ(told({"make training-start", "make training-wiat"}),
            begin +
                "its task \"t1\" does something else, \"make training-wiat\"; did you mean "
                "training-wait?");
  EXPECT_EQ(told({"make training-start && rm -rf data", "make training-wait"}),
            begin + "its task \"t0\" does something else, \"make training-start && rm -rf data\"");
  EXPECT_EQ(told({"make training-wait"}), begin + "no task of it starts training");
  EXPECT_EQ(told({"make training-start"}, ", \"schedule_interval\": \"@once\""),
            begin + "it runs once");
  EXPECT_EQ(told({"make training-start", "make training-wait"}), "");
  EXPECT_EQ(told({"make report"}), "") << "it has nothing to do with the action";
}

TEST(ScheduleFile, IsOneWhoseTasksDoWhatARunOfTheActionDoes) {
  const auto is = [](const std::vector<std::string>& codes, const std::string& facts = "") {
    TestFolder folder;
    folder.Write("scheduler/configs/training.json", Graph(facts, codes));
    const auto file = LoadGraphFile(folder.root() + "/scheduler/configs/training.json");
    EXPECT_TRUE(file) << file.error().message;
    return file && IsScheduleOf(*file, "training");
  };
  EXPECT_TRUE(is({"make -C '${ROOT}/..' training-start", "make training-wait"}));
  EXPECT_TRUE(is({"make V=1 -s training-start training-wait training-check"}));
  EXPECT_TRUE(is({"busker start training -C '${ROOT}/..'", "busker check training"}));
  EXPECT_FALSE(is({"make training-build", "make training-start"})) << "building is more";
  EXPECT_FALSE(is({"make training-wait"})) << "nothing starts it";
  EXPECT_FALSE(is({"make application-start"}));
  EXPECT_FALSE(is({"make training-start && rm -rf data"}));
  EXPECT_FALSE(is({"bash run.sh training-start"}));
  EXPECT_FALSE(is({"make training-start"}, ", \"schedule_interval\": \"@once\""));
}

TEST(ScheduleFile, AtFaultIsTheServicesFault) {
  Repository repository;
  repository.folder.Write("scheduler/configs/training.json",
                          MakeGraph(", \"schedule_interval\": \"0 0 1 *\""));
  EXPECT_TRUE(repository.folder.Fault().starts_with("scheduler/configs/training.json:1:"))
      << repository.folder.Fault();
  // One of another kind is none of its business.
  repository.folder.Write("scheduler/configs/training.json", "{\"graph\": {}, \"tasks\": []}");
  EXPECT_EQ(repository.folder.Fault(), "");
}

TEST(Submodule, ThatIsNotCheckedOutIsToldWithTheCommand) {
  Repository repository;
  repository.folder.Write(".gitmodules", "[submodule \"s\"]\n\tpath = service/source\n\turl = u\n");
  EXPECT_EQ(repository.folder.Fault(), "") << "there is something in it";
  std::filesystem::remove_all(repository.folder.root() + "/service/source");
  EXPECT_EQ(repository.folder.Fault(), "") << "it is not there at all";
  repository.folder.MakeFolder("service/source");
  EXPECT_EQ(repository.folder.Fault(),
            "service/source/: the submodule is not checked out, and the folder is empty; git "
            "submodule update --init service/source gets what belongs there");
  repository.folder.Write(".gitmodules", "[submodule \"s\"]\n\tpath = other\n");
  EXPECT_EQ(repository.folder.Fault(), "") << "an empty folder of one's own";
}

TEST(Submodule, MayBeTheProgramAsAWhole) {
  TestFolder folder;
  folder.MakeFolder("service")
      .MakeFolder("scheduler/configs")
      .Write(".gitmodules", "\tpath = service\n");
  EXPECT_TRUE(folder.Fault().starts_with("service/: the submodule is not checked out"))
      << folder.Fault();
}

TEST(ProgramFolder, IsWhereTheServiceFileSays) {
  TestFolder folder;
  folder.Write("app/configs/training.json", "{}")
      .MakeFolder("app/source")
      .File("[model]\nfolder = \"app\"\n");
  const Service service = folder.Load();
  EXPECT_EQ(service.ProgramRoot(), folder.root() + "/app");
  EXPECT_EQ(service.environment.at("PYTHONPATH"), "source");
  EXPECT_TRUE(service.actions.contains("training"));
  folder.File("[model]\nfolder = \"none\"\n");
  EXPECT_EQ(folder.Fault(), "busker.toml:2:10: \"folder\": no folder \"none\"");
  folder.File("[model]\nfolder = \"../app\"\n");
  EXPECT_TRUE(folder.Fault().starts_with("busker.toml:2:10: \"folder\": \"../app\" must be a path"))
      << folder.Fault();
}

}  // namespace
}  // namespace busker::service

#include "service/graph_file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "service/test_folder.h"

namespace busker::service {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kPath[] = "scheduler/configs/churn.json";

// {"graph": {"dag_id": "g", GRAPH}, "tasks": [TASKS], "dependencies": [DEPENDENCIES]}
std::string Json(const std::string& graph, const std::string& tasks,
                 const std::string& dependencies = "") {
  return "{\"graph\": {\"dag_id\": \"g\"" + (graph.empty() ? "" : ", " + graph) +
         "},\n\"tasks\": [" + tasks + "],\n\"dependencies\": [" + dependencies + "]}\n";
}

// Tasks of these names, each with the code "true".
std::string Tasks(const std::vector<std::string>& names) {
  std::string tasks;
  for (const auto& name : names) {
    tasks += (tasks.empty() ? "" : ", ") + ("{\"name\": \"" + name + "\", \"code\": \"true\"}");
  }
  return tasks;
}

Result<GraphFile> Load(const std::string& text) {
  TestFolder folder;
  folder.Write(kPath, text);
  return LoadGraphFile(folder.root() + "/" + kPath);
}

GraphFile Good(const std::string& text) {
  auto file = Load(text);
  EXPECT_TRUE(file) << text << file.error().message;
  return file ? *file : GraphFile{};
}

// The first fault, without the file's path; empty: there is none.
std::string FaultIn(const std::string& text) {
  const auto file = Load(text);
  if (file) return "";
  const auto begin = file.error().message.find("churn.json:");
  EXPECT_NE(begin, std::string::npos) << file.error().message;
  return file.error().message.substr(begin + 11);
}

std::string Order(const GraphFile& file) {
  std::string order;
  for (const auto& task : file.tasks) order += (order.empty() ? "" : " ") + task.name;
  return order;
}

Instant At(const std::string& text) { return ParseRfc3339(text).value(); }

TEST(GraphFile, NeedsNoMoreThanANameAndATask) {
  TestFolder folder;
  folder.Write(kPath, R"({"graph": {"dag_id": "g"}, "tasks": [{"name": "a", "code": "true"}]})");
  const auto loaded = LoadGraphFile(folder.root() + "/" + kPath);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->path, folder.root() + "/" + kPath);
  EXPECT_EQ(loaded->root, folder.root() + "/scheduler");
  EXPECT_EQ(loaded->id, "g");
  EXPECT_FALSE(loaded->schedule);
  EXPECT_FALSE(loaded->once);
  EXPECT_EQ(loaded->catch_up, plan::CatchUp::kLatest);
  EXPECT_EQ(loaded->overlap, plan::Overlap::kQueue);
  EXPECT_EQ(loaded->runs_at_once, 16);
  EXPECT_TRUE(loaded->notify.empty());
  ASSERT_EQ(loaded->tasks.size(), 1U);
  const GraphTask& task = loaded->tasks[0];
  EXPECT_EQ(task.retries, 0);
  EXPECT_EQ(task.retry_delay, minutes(5));
  EXPECT_FALSE(task.exponential);
  EXPECT_EQ(CommandOf(task), (std::vector<std::string>{"bash", "-c", "true"}));
}

TEST(GraphFile, HasAirflowsWords) {
  const GraphFile file = Good(R"({
  "graph": {
    "dag_id": "Churn.training-1",
    "description": "Trains.",
    "schedule_interval": "0 7 * * *",
    "start_date": "2026-01-01",
    "end_date": "2026-12-31T18:00:00+01:00",
    "timezone": "Europe/Stockholm",
    "catchup": true,
    "max_active_runs": 1,
    "dagrun_timeout": "6h",
    "tags": ["churn", "monthly"],
    "default_args": {
      "owner": "ana", "depends_on_past": true, "retries": 2, "retry_delay": 90,
      "retry_exponential_backoff": true, "max_retry_delay": "1h", "execution_timeout": 7200,
      "trigger_rule": "all_done", "pool": "warehouse", "pool_slots": 2, "priority_weight": 7,
      "email": "a@example.com; b@example.com", "email_on_failure": true, "email_on_retry": false,
      "cpus": 0.5, "memory": "1GiB"
    }
  },
  "tasks": [
    {"name": "a", "code": "true"},
    {"name": "b", "code": "true", "owner": "bo", "depends_on_past": false, "retries": 0,
     "retry_delay": "10s", "retry_exponential_backoff": false, "execution_timeout": 0.5,
     "trigger_rule": "all_success", "pool": "default_pool", "priority_weight": -3,
     "email": ["c@example.com"], "cpus": 2, "memory": "2GiB"}
  ]
})");
  EXPECT_EQ(file.id, "Churn.training-1");
  EXPECT_EQ(file.description, "Trains.");
  EXPECT_EQ(file.owner, "ana");
  EXPECT_EQ(file.schedule, "0 7 * * *");
  EXPECT_EQ(file.start, At("2025-12-31T23:00:00Z"));
  EXPECT_EQ(file.end, At("2026-12-31T17:00:00Z"));
  EXPECT_EQ(file.catch_up, plan::CatchUp::kAll);
  EXPECT_EQ(file.runs_at_once, 1);
  EXPECT_EQ(file.run_timeout, hours(6));
  EXPECT_EQ(file.tags.size(), 2U);
  EXPECT_EQ(file.notify.emails,
            (std::vector<std::string>{"a@example.com", "b@example.com", "c@example.com"}));
  EXPECT_EQ(file.notify.on, std::vector<std::string>{"failed"});
  const GraphTask& a = file.tasks[0];
  EXPECT_TRUE(a.depends_on_past && a.exponential);
  EXPECT_EQ(a.retries, 2);
  EXPECT_EQ(a.retry_delay, seconds(90));
  EXPECT_EQ(a.retry_delay_max, hours(1));
  EXPECT_EQ(a.timeout, hours(2));
  EXPECT_EQ(a.rule, plan::TriggerRule::kAllDone);
  EXPECT_EQ(a.pool, "warehouse");
  EXPECT_EQ(a.pool_slots, 2);
  EXPECT_EQ(a.priority, 7);
  EXPECT_EQ(a.cpus_milli, 500);
  EXPECT_EQ(a.memory_bytes, 1ULL << 30);
  const GraphTask& b = file.tasks[1];
  EXPECT_EQ(b.owner, "bo");
  EXPECT_FALSE(b.depends_on_past || b.exponential);
  EXPECT_EQ(b.retries, 0);
  EXPECT_EQ(b.retry_delay, seconds(10));
  EXPECT_EQ(b.timeout, Milliseconds(500));
  EXPECT_EQ(b.rule, plan::TriggerRule::kAllSuccess);
  EXPECT_EQ(b.pool, "");
  EXPECT_EQ(b.priority, -3);
}

TEST(GraphFile, ReadsAirflowsSchedules) {
  const auto of = [](const std::string& graph) { return Good(Json(graph, Tasks({"a"}))); };
  EXPECT_EQ(of("\"schedule\": \"@daily\"").schedule, "@daily");
  EXPECT_FALSE(of("\"schedule_interval\": null").schedule);
  EXPECT_FALSE(of("\"schedule\": \"None\"").schedule);
  EXPECT_TRUE(of("\"schedule\": \"@once\"").once);
  EXPECT_EQ(of("\"catchup\": false").catch_up, plan::CatchUp::kLatest);
  EXPECT_EQ(of("\"start_date\": \"2026-01-01T06:30:00\"").start, At("2026-01-01T06:30:00Z"));
  EXPECT_EQ(of("\"start_date\": \"2026-01-01 06:30\"").start, At("2026-01-01T06:30:00Z"));
  EXPECT_EQ(of("\"default_args\": {\"start_date\": \"2026-01-01\"}").start,
            At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(of("\"start_date\": \"2026-02-01\", \"default_args\": {\"start_date\": "
               "\"2026-01-01\"}")
                .start,
            At("2026-02-01T00:00:00Z"));
}

// What a task or the graph says itself stands in the place of default_args: somebody who had left
// went on being told, and a schedule went on after its end.
TEST(GraphFile, PutsWhatIsSaidNearerInPlaceOfTheDefaults) {
  const GraphFile file =
      Good(Json(R"("end_date": "2026-03-01", "default_args": {"end_date": "2026-12-31",
                   "email": "left@example.com", "email_on_failure": true, "pool": "gpu"})",
                R"({"name": "a", "code": "true", "email": "a@example.com"},
                   {"name": "b", "code": "true", "email": ["b@example.com", "a@example.com"]},
                   {"name": "c", "code": "true", "email": "c@example.com",
                    "email_on_failure": false})"));
  EXPECT_EQ(file.notify.emails, (std::vector<std::string>{"a@example.com", "b@example.com"}));
  EXPECT_EQ(file.end, At("2026-03-01T00:00:00Z"));
  EXPECT_EQ(file.tasks[2].pool, "gpu");
  EXPECT_EQ(Good(Json("\"default_args\": {\"end_date\": \"2026-12-31\"}", Tasks({"a"}))).end,
            At("2026-12-31T00:00:00Z"));
}

TEST(GraphFile, TakesNullForAKeyThatIsLeftOut) {
  const GraphFile file = Good(Json("\"end_date\": null, \"default_args\": {\"retries\": 3}",
                                   R"({"name": "a", "code": "true", "retries": null})"));
  EXPECT_EQ(file.tasks[0].retries, 3);
}

TEST(GraphFile, PutsTasksBehindTheirParents) {
  const std::string tasks = Tasks({"deliver", "train", "fetch", "report"});
  const GraphFile file = Good(Json("", tasks,
                                   R"(["deliver", "train"], ["train", "fetch"],
                                      ["report", "train"], ["report", "fetch"])"));
  EXPECT_EQ(Order(file), "fetch train deliver report");
  EXPECT_EQ(file.tasks[3].after, (std::vector<std::string>{"train", "fetch"}));
  EXPECT_EQ(Order(Good(Json("", tasks))), "deliver train fetch report");
}

TEST(GraphFile, TellsACircleTaskByTask) {
  EXPECT_EQ(FaultIn(Json("", Tasks({"a", "b", "c", "d"}),
                         R"(["b", "a"], ["c", "b"], ["a", "c"], ["d", "a"])")),
            "3:42: the dependencies go in a circle: \"a\" waits for \"c\", which waits for \"b\", "
            "which waits for \"a\"");
  EXPECT_EQ(FaultIn(Json("", Tasks({"x", "a", "b"}), R"(["x", "a"], ["b", "a"], ["a", "b"])")),
            "3:42: the dependencies go in a circle: \"a\" waits for \"b\", which waits for \"a\"");
}

TEST(GraphFile, RefusesDependenciesThatMeanNothing) {
  const auto fault = [](const std::string& dependencies) {
    return FaultIn(Json("", Tasks({"fetch", "train"}), dependencies));
  };
  EXPECT_EQ(fault(R"(["train", "train"])"), "3:18: task \"train\" cannot wait for itself");
  EXPECT_EQ(fault(R"(["train", "fecth"])"), "3:28: no task \"fecth\", did you mean \"fetch\"?");
  EXPECT_EQ(fault(R"(["zzz", "fetch"])"), "3:19: no task \"zzz\"; add it to \"tasks\"");
  EXPECT_EQ(fault(R"(["train", "fetch"], ["train", "fetch"])"),
            "3:38: this dependency, \"train\" on \"fetch\", is there already");
  const std::string pair =
      "3:18: a dependency must be two names of tasks, [\"child\", \"parent\"], not ";
  EXPECT_EQ(fault(R"(["train"])"), pair + "an array of 1");
  EXPECT_EQ(fault(R"(["train", "fetch", "x"])"), pair + "an array of 3");
  EXPECT_EQ(fault(R"(["train", 1])"), pair + "an array of other things");
  EXPECT_EQ(fault(R"({"train": "fetch"})"), pair + "an object");
  EXPECT_EQ(fault("\"train\""), pair + "the string \"train\"");
}

TEST(GraphFile, RefusesTasksThatMeanNothing) {
  EXPECT_EQ(FaultIn(Json("", "")), "2:10: \"tasks\" is empty; a graph needs at least one task");
  EXPECT_EQ(FaultIn(Json("", Tasks({"a", "b", "a"}))),
            "2:82: there is a task \"a\" already; give this one another name");
  EXPECT_EQ(FaultIn(Json("", R"({"code": "true"})")), "2:11: task 1 needs the key \"name\"");
  EXPECT_EQ(FaultIn(Json("", R"({"name": "a"})")), "2:11: task \"a\" needs the key \"code\"");
  EXPECT_EQ(FaultIn(Json("", "1")),
            "2:11: task 1 must be an object with \"name\" and \"code\", not the integer 1");
  EXPECT_EQ(FaultIn(Json("", R"({"name": "a", "code": " \n"})")),
            "2:33: \"code\" has nothing to run");
  for (const std::string name : {".", "..", "a/b", "-a", ".a", "a b", "ä", "a\\n", "a\\u0000"}) {
    EXPECT_EQ(FaultIn(Json("", Tasks({name}))).substr(0, 5), "2:20:") << name;
  }
  EXPECT_NE(FaultIn(Json("", Tasks({std::string(201, 'a')}))), "");
  EXPECT_EQ(FaultIn(Json("", Tasks({std::string(200, 'a'), "_", "A.b-c_9"}))), "");
  EXPECT_EQ(FaultIn("{\"tasks\": [" + Tasks({"a"}) + "]}"),
            "1:1: the file needs the key \"graph\"");
  EXPECT_EQ(FaultIn("{\"graph\": {\"dag_id\": \"g\"}}"), "1:1: the file needs the key \"tasks\"");
  EXPECT_EQ(FaultIn("{\"graph\": {}, \"tasks\": [" + Tasks({"a"}) + "]}"),
            "1:2: \"graph\" needs the key \"dag_id\", the name of the graph");
}

TEST(GraphFile, RefusesAirflowsOtherWordsByName) {
  const auto in_task = [](const std::string& keys) {
    return FaultIn(Json("", R"({"name": "a", "code": "true", )" + keys + "}"));
  };
  EXPECT_EQ(in_task("\"wait_for_downstream\": true"),
            "2:41: Airflow's \"wait_for_downstream\" is not known to Busker; leave it out");
  EXPECT_EQ(in_task("\"bash_command\": \"x\""),
            "2:41: Airflow's \"bash_command\" is not known to Busker; call it \"code\"");
  EXPECT_EQ(in_task("\"email_on_retry\": true"),
            "2:59: Airflow's \"email_on_retry\" is not known to Busker; leave it out, or write "
            "false");
  EXPECT_EQ(in_task("\"trigger_rule\": \"one_success\""),
            "2:57: Airflow's trigger rule \"one_success\" is not known to Busker; there are "
            "\"all_success\", \"all_done\", \"one_failed\", \"none_failed\"");
  EXPECT_EQ(in_task("\"retrys\": 1"),
            "2:41: unknown key \"retrys\" in task \"a\", did you mean \"retries\"?");
  EXPECT_EQ(in_task("\"catchup\": true"),
            "2:41: unknown key \"catchup\" in task \"a\"; it belongs in \"graph\"");
  EXPECT_EQ(FaultIn(Json("\"retries\": 1", Tasks({"a"}))),
            "1:27: unknown key \"retries\" in \"graph\"; it belongs in \"default_args\" of "
            "\"graph\", or in a task");
  EXPECT_EQ(FaultIn(Json("\"concurrency\": 4", Tasks({"a"}))),
            "1:27: Airflow's \"concurrency\" is not known to Busker; leave it out, or give the "
            "tasks a \"pool\"");
  EXPECT_EQ(
      FaultIn(Json("\"schedule\": \"@continuous\"", Tasks({"a"}))),
      "1:39: \"schedule\": Airflow's \"@continuous\" is not known to Busker; \"* * * * *\" is "
      "each minute");
  EXPECT_EQ(FaultIn(Json("\"schedule\": 3600", Tasks({"a"}))),
            "1:39: \"schedule\" must be a cron text such as \"0 7 * * *\"; Busker has no intervals "
            "of so many seconds");
  EXPECT_EQ(
      FaultIn(Json("\"schedule\": \"@daily\", \"schedule_interval\": \"@daily\"", Tasks({"a"}))),
      "1:49: \"schedule\" and \"schedule_interval\" are two names of one thing; leave one "
      "out");
}

TEST(GraphFile, RefusesAirflowsTemplatesButNotOtherBraces) {
  const auto fault = [](const std::string& code) {
    return FaultIn(Json("", "{\"name\": \"a\", \"code\": \"" + code + "\"}"));
  };
  EXPECT_EQ(fault("run --date {{ ds }}"),
            "2:33: \"code\": Airflow's template \"{{ ds }}\" is not known to Busker; the data date "
            "is $BUSKER_DATE, its instant $BUSKER_SCHEDULED_AT");
  EXPECT_NE(fault("run {{execution_date.strftime('%Y')}}"), "");
  EXPECT_NE(fault("run {{- macros.ds_add(ds, 1) }}"), "");
  for (const char* code : {"docker ps --format '{{.Names}}'", "docker inspect -f '{{json .}}' x",
                           "echo {{a,b},c}", "echo {{", "echo {{ds", "echo {{dsx}}"}) {
    EXPECT_EQ(fault(code), "") << code;
  }
}

TEST(GraphFile, PutsTheFolderAboveConfigsInForRoot) {
  TestFolder folder;
  folder.Write(kPath,
               Json("", R"({"name": "a", "code": "cd ${ROOT} && make -C \"${ROOT}/..\" ${X}"})"));
  const auto file = LoadGraphFile(folder.root() + "/" + kPath);
  ASSERT_TRUE(file) << file.error().message;
  const std::string root = folder.root() + "/scheduler";
  EXPECT_EQ(file->tasks[0].code, "cd " + root + " && make -C \"" + root + "/..\" ${X}");
}

TEST(GraphFile, KeepsAFolderThatTheShellWouldReadOutOfTheCode) {
  for (const char* name : {"a;b", "$(x)", "it's", "a\"b", "a`b", "a\\b", "a&b"}) {
    TestFolder folder(name);
    folder.Write("configs/g.json", Json("", R"({"name": "a", "code": "ls ${ROOT}"})"));
    const auto file = LoadGraphFile(folder.root() + "/configs/g.json");
    ASSERT_FALSE(file) << name;
    EXPECT_NE(file.error().message.find("which has a character that the shell takes for its own"),
              std::string::npos);
    folder.Write("configs/g.json", Json("", R"({"name": "a", "code": "ls"})"));
    EXPECT_TRUE(LoadGraphFile(folder.root() + "/configs/g.json"));
  }
  TestFolder folder("my service");
  folder.Write("configs/g.json", Json("", R"({"name": "a", "code": "ls '${ROOT}'"})"));
  EXPECT_TRUE(LoadGraphFile(folder.root() + "/configs/g.json"));
}

TEST(GraphFile, RefusesTimesThatCannotBeKept) {
  const auto fault = [](const std::string& graph) { return FaultIn(Json(graph, Tasks({"a"}))); };
  EXPECT_EQ(fault("\"start_date\": \"days_ago(1)\""),
            "1:41: \"start_date\": \"days_ago(1)\" is not a date; use YYYY-MM-DD, such as "
            "2026-01-01, or an instant, "
            "such as 2026-01-01T07:00:00Z");
  EXPECT_EQ(fault("\"start_date\": \"2026-01-01T07:00:00\", \"timezone\": \"Europe/Stockholm\""),
            "1:41: \"start_date\": \"2026-01-01T07:00:00\" needs an offset such as \"+02:00\", or "
            "the zone UTC");
  EXPECT_EQ(fault("\"start_date\": \"2026-02-01\", \"end_date\": \"2026-01-01\""),
            "1:67: \"end_date\" is before \"start_date\", 2026-02-01T00:00:00Z");
  EXPECT_EQ(fault("\"schedule\": \"0 0 7 * * *\"").substr(0, 5), "1:39:");
  EXPECT_EQ(fault("\"timezone\": \"Europe/Stokholm\""),
            "1:39: \"timezone\": unknown time zone \"Europe/Stokholm\", did you mean "
            "\"Europe/Stockholm\"?");
  EXPECT_EQ(
      fault("\"default_args\": {\"retry_delay\": \"2h\", \"retry_exponential_backoff\": true, "
            "\"max_retry_delay\": \"1h\"}")
          .substr(0, 5),
      "1:43:");
  EXPECT_EQ(
      FaultIn(Json("\"dagrun_timeout\": 60",
                   R"({"name": "a", "code": "true", "execution_timeout": 61})")),
      "2:62: \"execution_timeout\" in task \"a\" is longer than the \"dagrun_timeout\" of the "
      "whole run, 1m 00s");
}

TEST(GraphFile, HasALimitToEverything) {
  std::vector<std::string> names;
  for (int i = 0; i < 10'001; ++i) names.push_back("t" + std::to_string(i));
  EXPECT_NE(FaultIn(Json("", Tasks(names))).find("more than 10,000 tasks"), std::string::npos);
  names.pop_back();
  EXPECT_EQ(Good(Json("", Tasks(names))).tasks.size(), 10'000U);
  std::string pairs = "[\"a\", \"b\"]";
  for (int i = 0; i < 100'000; ++i) pairs += ",[\"a\",\"b\"]";
  EXPECT_NE(FaultIn(Json("", Tasks({"a", "b"}), pairs)).find("more than 100,000 dependencies"),
            std::string::npos);
  EXPECT_EQ(FaultIn(std::string(kGraphFileBytesMax + 1, ' ')), "1:1: larger than 8 MiB");
  EXPECT_NE(FaultIn(Json("", "{\"name\": \"a\", \"code\": \"" + std::string(140'000, 'x') + "\"}"))
                .find("longer than 128 KiB"),
            std::string::npos);
}

TEST(GraphFile, TellsEveryFaultInItsOrder) {
  TestFolder folder;
  folder.Write(
      kPath, Json("\"catchup\": 1, \"sla\": 2",
                  R"({"name": "a"}, {"name": "b", "code": "x", "retries": "2"})", R"(["a", "z"])"));
  const auto faults = ValidateGraphFile(folder.root() + "/" + kPath);
  ASSERT_EQ(faults.size(), 5U);
  EXPECT_NE(faults[0].find(":1:38: \"catchup\" in \"graph\" must be true or false"),
            std::string::npos);
  EXPECT_NE(faults[1].find(":1:41: Airflow's \"sla\""), std::string::npos) << faults[1];
  EXPECT_NE(faults[2].find(":2:11: task \"a\" needs the key \"code\""), std::string::npos);
  EXPECT_NE(faults[3].find("\"retries\" in task \"b\" must be an integer from 0 to 100, such as 2, "
                           "not the string \"2\""),
            std::string::npos);
  EXPECT_NE(faults[4].find(":3:24: no task \"z\""), std::string::npos);
}

TEST(GraphFile, ThatIsNotThereIsNotFound) {
  const auto file = LoadGraphFile("/nowhere/configs/x.json");
  EXPECT_EQ(file.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(file.error().message, "no file /nowhere/configs/x.json");
  EXPECT_FALSE(LoadGraphFile("/dev/null"));
  EXPECT_FALSE(LoadGraphFile("/tmp"));
}

TEST(GraphFile, IsToldFromAConfigByItsKeys) {
  EXPECT_TRUE(LooksLikeGraphFile(R"({"graph": {}, "tasks": []})"));
  EXPECT_TRUE(LooksLikeGraphFile(R"({"tasks" : [{"a": "}"}], "graph": {"x": )"));
  EXPECT_FALSE(LooksLikeGraphFile(R"({"model": {"graph": 1, "tasks": 2}})"));
  // Half written: the folder became a service with an action of that name.
  EXPECT_TRUE(LooksLikeGraphFile(R"({"graph": {"dag_id": "x)"));
  EXPECT_TRUE(LooksLikeGraphFile(R"({"graph": {"dag_id": "x"}, )"));
  EXPECT_FALSE(LooksLikeGraphFile(R"({"graph": {"layers": 3}})"));
  EXPECT_FALSE(LooksLikeGraphFile(R"({"graph": "tasks"})"));
  EXPECT_FALSE(LooksLikeGraphFile(R"(["graph", "tasks"])"));
  EXPECT_FALSE(LooksLikeGraphFile(R"({"\"graph": 1, "tasks": ")"));
  EXPECT_FALSE(LooksLikeGraphFile(""));
}

}  // namespace
}  // namespace busker::service

#include "service/combinations.h"

#include <gtest/gtest.h>

#include <chrono>

#include "service/test_folder.h"

namespace busker::service {
namespace {

using std::chrono::hours;

const std::string kTraining = "[actions.training]\n";

Action TrainingOf(const std::string& keys) {
  return ServiceOf(kTraining + keys).actions.at("training");
}

// The fault of [actions.training] with these keys; the position counts from the first of them.
std::string TrainingFault(const std::string& keys) {
  const std::string fault = FaultOf(kTraining + keys + "\n");
  const std::string file = "busker.toml:";
  return fault.starts_with(file) ? fault.substr(file.size()) : fault;
}

Instant At(const std::string& text) { return ParseRfc3339(text).value(); }

TEST(Action, HasDefaultsThatChangeNothing) {
  const Action action = TrainingOf("");
  EXPECT_FALSE(action.start || action.end || action.catch_up_window || action.run_timeout);
  EXPECT_EQ(action.catch_up, plan::CatchUp::kLatest);
  EXPECT_EQ(action.overlap, plan::Overlap::kQueue);
  EXPECT_EQ(action.runs_at_once, 1);
  EXPECT_TRUE(action.exponential);
  EXPECT_TRUE(action.after.empty() && action.when_file.empty() && action.pool.empty());
  EXPECT_EQ(action.cpus_milli, 0);
  EXPECT_EQ(action.memory_bytes, 0U);
}

TEST(Action, TakesAllThatAScheduleSays) {
  TestFolder folder;
  folder.Configs({"training", "application", "report"}).File(R"(
[actions.training]
time_zone = "Europe/Stockholm"
schedule = "@daily"
start = "2026-01-01"
end = 2027
)");
  EXPECT_NE(folder.Fault().find("6:7: \"end\" in [actions.training] must be a string"),
            std::string::npos);
  folder.File(R"(
[actions.report]
start = "2026-07-01"
schedule = "@daily"
time_zone = "Europe/Stockholm"
end = "2026-12-31T18:00:00+01:00"
catch_up = "all"
catch_up_window = "7d"
concurrency = "allow"
depends_on_past = true
after = ["training", "application"]
when_file = "inbox/*.csv"
retries = 3
retry_backoff = "exponential"
retry_delay_max = "2h"
timeout = "1h"
run_timeout = "6h"
pool = "warehouse"
pool_slots = 2
priority = -5
cpus = 1.5
memory = "2GiB"
)");
  const Action action = folder.Load().actions.at("report");
  EXPECT_EQ(action.start, At("2026-06-30T22:00:00Z"));
  EXPECT_EQ(action.end, At("2026-12-31T17:00:00Z"));
  EXPECT_EQ(action.catch_up, plan::CatchUp::kAll);
  EXPECT_EQ(action.catch_up_window, hours(7 * 24));
  EXPECT_EQ(action.overlap, plan::Overlap::kAllow);
  EXPECT_EQ(action.runs_at_once, 16);
  EXPECT_TRUE(action.depends_on_past);
  EXPECT_EQ(action.after, (std::vector<std::string>{"training", "application"}));
  EXPECT_EQ(action.when_file, folder.root() + "/inbox/*.csv");
  EXPECT_EQ(action.retry_delay_max, hours(2));
  EXPECT_EQ(action.run_timeout, hours(6));
  EXPECT_EQ(action.pool, "warehouse");
  EXPECT_EQ(action.pool_slots, 2);
  EXPECT_EQ(action.priority, -5);
  EXPECT_EQ(action.cpus_milli, 1500);
  EXPECT_EQ(action.memory_bytes, 2ULL << 30);
}

TEST(Action, TakesOneNameForSeveralAndAbsolutePaths) {
  const Service service = ServiceOf(
      "[actions.application]\nafter = \"training\"\nwhen_file = \"/srv/in/players.csv\"\n"
      "runs_at_once = 4\ncpus = 2\nmemory = \"512 MiB\"\nretry_backoff = \"constant\"\n");
  const Action& action = service.actions.at("application");
  EXPECT_EQ(action.after, std::vector<std::string>{"training"});
  EXPECT_EQ(action.when_file, "/srv/in/players.csv");
  EXPECT_EQ(action.runs_at_once, 4);
  EXPECT_EQ(action.cpus_milli, 2000);
  EXPECT_FALSE(action.exponential);
}

// 16 is for who says nothing: what was said was overridden.
TEST(Action, RunsAsManyAtOnceAsItSays) {
  for (const std::string keys : {"concurrency = \"allow\"\nruns_at_once = 4\n",
                                 "runs_at_once = 4\nconcurrency = \"allow\"\n",
                                 "concurrency = \"queue\"\nruns_at_once = 4\n"}) {
    EXPECT_EQ(TrainingOf(keys).runs_at_once, 4) << keys;
  }
  EXPECT_EQ(TrainingOf("concurrency = \"allow\"\n").runs_at_once, 16);
}

TEST(Action, RefusesWhatCannotWorkTogether) {
  EXPECT_EQ(TrainingFault("catch_up = \"all\""),
            "2:12: \"catch_up\" means nothing without a \"schedule\"");
  EXPECT_EQ(TrainingFault("start = \"2026-01-01\""),
            "2:9: \"start\" means nothing without a \"schedule\"");
  EXPECT_EQ(TrainingFault("end = \"2026-01-01\""),
            "2:7: \"end\" means nothing without a \"schedule\"");
  EXPECT_EQ(TrainingFault("catch_up_window = \"7d\""),
            "2:19: \"catch_up_window\" means nothing without a \"schedule\"");
  EXPECT_EQ(TrainingFault("depends_on_past = true"),
            "2:19: \"depends_on_past\" means nothing without a \"schedule\"");
  EXPECT_EQ(TrainingFault("schedule = \"@daily\"\ncatch_up = \"none\"\ncatch_up_window = \"7d\""),
            "4:19: \"catch_up_window\" means nothing with catch_up = \"none\"");
  EXPECT_EQ(TrainingFault("schedule = \"@daily\"\nstart = \"2026-02-01\"\nend = \"2026-01-01\""),
            "4:7: \"end\" is before \"start\", 2026-02-01T00:00:00Z");
  for (const std::string one : {"skip", "replace"}) {
    EXPECT_EQ(TrainingFault("concurrency = \"" + one + "\"\nruns_at_once = 2"),
              "3:16: \"runs_at_once\" means nothing with concurrency = \"" + one + "\"");
  }
  EXPECT_EQ(TrainingFault("pool_slots = 2"),
            "2:14: \"pool_slots\" means nothing without a \"pool\"");
  EXPECT_EQ(TrainingFault("retry_backoff = \"constant\"\nretry_delay_max = \"1h\""),
            "3:19: \"retry_delay_max\" means nothing with retry_backoff = \"constant\"");
  EXPECT_EQ(TrainingFault("retry_delay = \"2h\"\nretry_delay_max = \"1h\""),
            "3:19: \"retry_delay_max\" is shorter than \"retry_delay\", 2h 00m");
  EXPECT_EQ(TrainingFault("timeout = \"2h\"\nrun_timeout = \"1h\""),
            "3:15: \"run_timeout\" is shorter than the \"timeout\" of one try, 2h 00m");
  EXPECT_NE(
      TrainingFault("schedule = \"@daily\"\nconcurrency = \"replace\"\ndepends_on_past = true")
          .find("4:19: \"depends_on_past\" cannot work with concurrency = \"replace\""),
      std::string::npos);
}

TEST(Action, RefusesValuesThatMeanNothing) {
  EXPECT_EQ(TrainingFault("schedule = \"@daily\"\nstart = \"2026-02-30\""),
            "3:9: \"start\": \"2026-02-30\" is not a date; use YYYY-MM-DD, such as 2026-01-01, or "
            "an instant, such as "
            "2026-01-01T07:00:00Z");
  EXPECT_EQ(TrainingFault("schedule = \"@daily\"\nstart = 2026-01-01"),
            "3:9: \"start\" in [actions.training] must be a string, such as \"2026-01-01\", not a "
            "date or time");
  EXPECT_EQ(TrainingFault("concurrency = \"qeue\""),
            "2:15: \"concurrency\" in [actions.training]: unknown value \"qeue\", did you mean "
            "\"queue\"?");
  EXPECT_EQ(TrainingFault("runs_at_once = 0"),
            "2:16: \"runs_at_once\" in [actions.training] must be an integer from 1 to 1000, such "
            "as 4, not the integer 0");
  for (const char* cpus : {"0", "0.0", "-1", "1025", "inf", "nan", "\"2\"", "true"}) {
    EXPECT_NE(TrainingFault("cpus = " + std::string(cpus))
                  .find("2:8: \"cpus\" in [actions.training] must be a number of processors"),
              std::string::npos)
        << cpus;
  }
  EXPECT_EQ(
      TrainingFault("memory = \"2G\""),
      "2:10: \"memory\" in [actions.training]: \"2G\" is not an amount of memory such as 512MiB, "
      "2GiB or 1.5GB");
  EXPECT_EQ(TrainingFault("memory = \"0B\""),
            "2:10: \"memory\" in [actions.training]: more than nothing is needed");
  EXPECT_EQ(TrainingFault("priority = 1001"),
            "2:12: \"priority\" in [actions.training] must be an integer from -1000 to 1000, such "
            "as 10, not the integer 1001");
  EXPECT_EQ(TrainingFault("when_file = \"inbox/\""),
            "2:13: \"when_file\": \"inbox/\" names a folder; name a file in it, such as "
            "\"inbox/*.csv\"");
  EXPECT_EQ(TrainingFault("when_file = \"~/in.csv\""),
            "2:13: \"when_file\" in [actions.training]: \"~/in.csv\" is read as it stands, and "
            "\"~\" is nobody's home; write the path in full");
  for (const char* path : {"*/players.csv", "in/*.*", "/srv/*/x"}) {
    EXPECT_NE(TrainingFault("when_file = \"" + std::string(path) + "\"")
                  .find("may have one \"*\", in its last part, such as \"inbox/*.csv\""),
              std::string::npos)
        << path;
  }
}

TEST(After, NamesOtherActionsOfTheService) {
  EXPECT_EQ(TrainingFault("after = \"training\""),
            "2:9: \"after\": \"training\" cannot run after itself");
  EXPECT_EQ(TrainingFault("after = \"aplication\""),
            "2:9: \"after\": no action \"aplication\", did you mean \"application\"?");
  EXPECT_EQ(TrainingFault("after = [\"application\", \"application\"]"),
            "2:25: \"application\" is in \"after\" already");
  EXPECT_EQ(TrainingFault("after = [1]"),
            "2:10: an action in \"after\" must be a string, not the integer 1");
  EXPECT_EQ(FaultOf("[actions.training]\nafter = \"application\"\n[actions.application]\n"
                    "after = \"training\"\n"),
            "busker.toml:4:9: \"after\" goes in a circle: \"application\" waits for \"training\", "
            "which waits for \"application\"");
}

TEST(After, TellsALongCircleInShort) {
  std::vector<std::string> cycle;
  for (int i = 0; i < 30; ++i) cycle.push_back("a" + std::to_string(i));
  cycle.push_back("a0");
  const std::string sentence = CycleSentence(cycle);
  EXPECT_NE(sentence.find("\"a11\", ... (18 more), which waits for \"a0\""), std::string::npos)
      << sentence;
}

TEST(Notify, SaysWhoIsToldOfWhat) {
  TestFolder folder;
  folder.Configs({"training"}).File(R"([notify]
webhook = "https://example.com/hook"
webhook_secret_file = "secrets/webhook"
command = "notify-send 'a b'"
email = ["a@example.com", "b@example.com"]
on = ["failed", "late"]
)");
  const Notify notify = folder.Load().notify;
  EXPECT_EQ(notify.webhook, "https://example.com/hook");
  EXPECT_EQ(notify.webhook_secret_file, folder.root() + "/secrets/webhook");
  EXPECT_EQ(notify.command, (std::vector<std::string>{"notify-send", "a b"}));
  EXPECT_EQ(notify.emails.size(), 2U);
  EXPECT_EQ(notify.on, (std::vector<std::string>{"failed", "late"}));
  EXPECT_TRUE(ServiceOf("").notify.empty());
  EXPECT_EQ(ServiceOf("[notify]\ncommand = [\"a\", \"b c\"]\n").notify.on.size(), 7U);
}

TEST(Notify, RefusesWhatTellsNobody) {
  const auto fault = [](const std::string& keys) { return FaultOf("[notify]\n" + keys + "\n"); };
  EXPECT_EQ(fault("on = [\"failed\"]"),
            "busker.toml:1:2: [notify] tells nobody; it needs \"webhook\", \"command\" or "
            "\"email\"");
  EXPECT_EQ(fault("email = \"ops\""),
            "busker.toml:2:9: \"email\" in [notify]: \"ops\" is not an address, such as "
            "\"ops@example.com\" or \"Ann Ops <ann@example.com>\"");
  // The manual's own example was refused.
  EXPECT_EQ(fault("email = [\"ops@example.com\", \"Ann Ops <ann@example.com>\"]"), "");
  EXPECT_EQ(fault("webhook = \"example.com\""),
            "busker.toml:2:11: \"webhook\" in [notify]: \"example.com\" is not an address such as "
            "https://HOST");
  EXPECT_EQ(fault("email = \"a@b\"\non = \"faild\""),
            "busker.toml:3:6: \"on\" in [notify]: unknown value \"faild\", did you mean "
            "\"failed\"?");
  EXPECT_EQ(fault("email = \"a@b\"\nwebhook_secret_file = \"x\""),
            "busker.toml:3:1: \"webhook_secret_file\" means nothing without a \"webhook\"");
  EXPECT_EQ(fault("emial = \"a@b\""),
            "busker.toml:2:1: unknown key \"emial\" in [notify], did you mean \"email\"?");
  EXPECT_EQ(fault("command = []"), "busker.toml:2:11: \"command\" in [notify] names no program");
  for (const char* email :
       {"a@b@c", "@b", "a@", "a b@c", "a@b\\r\\nBcc: x", "-a@b", "<a@b>", "a\\r\\nBcc: x <a@b>",
        "Ann <a@b", "Ann <a@b> x", "Ann <a b@c>", "> <a@b>"}) {
    EXPECT_NE(fault("email = \"" + std::string(email) + "\"").find("is not an address"),
              std::string::npos)
        << email;
  }
}

}  // namespace
}  // namespace busker::service

// What the API does: runs, logs, versions, tokens. Who may ask is front_test's.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "record/raw_file.h"
#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

using ApiTest = FrontTest;

TEST_F(ApiTest, StartsARunForADateAndShowsIt) {
  const http::Response started =
      Post("/api/v1/graphs/nightly/runs", R"({"date": "2019-08-01", "key": "k"})");
  ASSERT_EQ(started.status, 201) << started.body;
  const std::string run = Body(started)["run"];
  EXPECT_EQ(Body(Post("/api/v1/graphs/nightly/runs", R"({"key": "k"})"))["run"], run)
      << "a key is one run";
  for (int i = 0; i < 1000 && Body(Get("/api/v1/runs/" + run))["state"] != "succeeded"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const json shown = Body(Get("/api/v1/runs/" + run));
  EXPECT_EQ(shown["state"], "succeeded");
  EXPECT_EQ(shown["data_date"], "2019-08-01");
  EXPECT_EQ(shown["requested_by"], "operator");
  EXPECT_EQ(shown["tasks"].size(), 2u);
  EXPECT_EQ(Body(Get("/api/v1/graphs/nightly"))["last_run"]["id"], run);
  EXPECT_EQ(Body(Get("/api/v1/runs/" + run + "/explain"))["explained"], "it succeeded");
  EXPECT_EQ(Body(Get("/api/v1/runs/" + run + "/tasks/a/explain"))["explained"], "a succeeded");
  EXPECT_EQ(Get("/api/v1/runs/" + run + "/tasks/x/explain").status, 404);
  EXPECT_GT(Body(Get("/api/v1/runs/" + run + "/events"))["events"].size(), 5u);
}

TEST_F(ApiTest, PagesThroughRunsByACursor) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) expected.insert(expected.begin(), RunToEnd("nightly"));
  RunToEnd("daily");
  std::vector<std::string> found;
  std::string cursor;
  for (int page = 0; page < 4; ++page) {
    const json body = Body(
        Get("/api/v1/runs?graph=nightly&limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor)));
    for (const json& run : body["runs"]) found.push_back(run["id"]);
    if (body["next"].is_null()) break;
    cursor = body["next"];
  }
  EXPECT_EQ(found, expected);
  EXPECT_TRUE(Body(Get("/api/v1/runs?graph=nightly&limit=5"))["next"].is_null())
      << "there is no page behind one that is just full";
  EXPECT_EQ(Body(Get("/api/v1/runs?state=failed"))["runs"].size(), 1u);
  for (const char* const query : {"limit=1", "limit=200"}) {
    EXPECT_EQ(Get(std::string("/api/v1/runs?") + query).status, 200) << query;
  }
  for (const char* const query :
       {"limit=0", "limit=201", "limit=x", "limit=-1", "cursor=x", "state=well"}) {
    EXPECT_EQ(Get(std::string("/api/v1/runs?") + query).status, 400) << query;
  }
}

// The page of a run that was at work said 0.00 s of CPU and 0 B of memory.
TEST_F(ApiTest, ShowsWhatAnAttemptUsesWhileItRuns) {
  folder_.Write(
      "graphs/configs/nightly.json",
      R"({"graph": {"dag_id": "nightly"}, "tasks": [{"name": "a", "code": "until test -e )" +
          (folder_ / "gate").string() + R"(; do sleep 0.05; done"}], "dependencies": []})");
  ASSERT_TRUE(daemon_->Reload());
  const std::string run = Body(Post("/api/v1/graphs/nightly/runs"))["run"];
  const std::string path = "/api/v1/runs/" + run + "/tasks/a/attempts/1/usage";
  json usage;
  for (int i = 0; i < 3000; ++i) {
    usage = Body(Get(path));
    if (usage.contains("processes") && !usage["processes"].is_null()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(usage["processes"], 1) << usage;
  EXPECT_GT(usage["memory_bytes"], 100'000) << usage;
  EXPECT_GE(usage["cpu_seconds"], 0.0) << usage;
  folder_.Write("gate", "");
  for (int i = 0; i < 3000 && Body(Get("/api/v1/runs/" + run))["state"] != "succeeded"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(Body(Get(path))["memory_bytes"].is_null()) << "it has ended";
  EXPECT_EQ(Get("/api/v1/runs/" + run + "/tasks/a/attempts/2/usage").status, 404);
}

TEST_F(ApiTest, ShowsALogFromItsEndAndFromAByte) {
  const std::string path = "/api/v1/runs/" + RunToEnd("nightly") + "/tasks/a/attempts/1/log";
  const http::Response whole = Get(path);
  EXPECT_EQ(whole.body, "Running the action...\nhello\nworld\nWell done.\n");
  EXPECT_EQ(whole.type, "text/plain; charset=utf-8");
  const auto header = [](const http::Response& response, const std::string& wanted) {
    for (const auto& [name, value] : response.headers) {
      if (name == wanted) return value;
    }
    return std::string();
  };
  EXPECT_EQ(header(whole, "X-Log-Next"), std::to_string(whole.body.size()));
  const http::Response rest = Get(path + "?from=28");
  EXPECT_EQ(rest.body, "world\nWell done.\n");
  EXPECT_EQ(header(rest, "X-Log-Next"), std::to_string(whole.body.size()));
  EXPECT_EQ(Get(path + "?from=100000").body, "");
  EXPECT_EQ(Get(path + "?from=x").status, 400);
}

// Where to go on after an answer that is full was taken from the end of the log.
TEST_F(ApiTest, ShowsALongLogPartByPart) {
  const std::string run = RunToEnd("nightly");
  std::string log;
  for (int i = 0; log.size() < 1'500'000; ++i) log += "line " + std::to_string(i) + "\n";
  folder_.Write("home/runs/" + run + "/a.1/log", log);
  std::string read;
  std::vector<std::size_t> parts;
  for (int i = 0; i < 3; ++i) {
    const http::Response part =
        Get("/api/v1/runs/" + run + "/tasks/a/attempts/1/log?from=" + std::to_string(read.size()));
    ASSERT_EQ(part.status, 200);
    EXPECT_EQ(HeaderOf(part, "X-Log-First"), std::to_string(read.size()));
    read += part.body;
    EXPECT_EQ(HeaderOf(part, "X-Log-Next"), std::to_string(read.size()));
    parts.push_back(part.body.size());
  }
  EXPECT_EQ(parts, (std::vector<std::size_t>{1u << 20, log.size() - (1u << 20), 0}));
  EXPECT_TRUE(read == log);
  const http::Response end = Get("/api/v1/runs/" + run + "/tasks/a/attempts/1/log");
  EXPECT_EQ(end.body.size(), 64u << 10);
  EXPECT_TRUE(log.ends_with(end.body));
  EXPECT_EQ(HeaderOf(end, "X-Log-Next"), std::to_string(log.size()));
}

TEST_F(ApiTest, TellsWhereTheLinesOfALogAre) {
  const std::string log = "/api/v1/runs/" + RunToEnd("nightly") + "/tasks/a/attempts/1/log";
  const json index = Body(Get(log + "/lines?q=WORLD"));
  EXPECT_EQ(index["lines"], 4);
  EXPECT_EQ(index["cut"], 0);
  EXPECT_EQ(index["matched"], 1);
  EXPECT_EQ(index["matches"], json::parse("[[2, 28]]"));
  EXPECT_EQ(Get(log + "?from=28&bytes=5").body, "world");
  EXPECT_EQ(HeaderOf(Get(log + "?from=28&bytes=5"), "X-Log-Next"), "33");
  for (const char* const wrong : {"?bytes=0", "?bytes=x", "?bytes=1048577"}) {
    EXPECT_EQ(Get(log + wrong).status, 400) << wrong;
  }
  EXPECT_EQ(Get(log + "/lines?q=" + std::string(1001, 'x')).status, 400);
  EXPECT_EQ(Get("/api/v1/runs/none/tasks/a/attempts/1/log/lines").status, 404);
}

TEST_F(ApiTest, ListsRunsOfADateAndOfATrigger) {
  const std::string run = RunToEnd("nightly");
  const std::string date = Body(Get("/api/v1/runs/" + run))["data_date"];
  const auto count = [&](const std::string& query) {
    return Body(Get("/api/v1/runs?" + query))["runs"].size();
  };
  EXPECT_EQ(count("date=" + date), 1U);
  EXPECT_EQ(count("date=2001-01-01"), 0U);
  EXPECT_EQ(count("trigger=manual"), 1U);
  EXPECT_EQ(count("trigger=man"), 1U) << "what it begins with";
  EXPECT_EQ(count("trigger=schedule&date=" + date), 0U);
  EXPECT_EQ(count("trigger=manual&date=" + date), 1U);
  EXPECT_EQ(count("graph=nightly&date=" + date), 1U);
  EXPECT_EQ(count("graph=daily&date=" + date), 0U);
  const json asked = Body(Post("/api/v1/graphs/daily/backfill",
                               R"({"from": "2019-08-01", "to": "2019-08-02"})"))["instants"];
  ASSERT_EQ(asked.size(), 2U);
  const std::string batch = Body(Get("/api/v1/runs?date=2019-08-01"))["runs"][0]["batch"];
  EXPECT_EQ(count("batch=" + batch), 2U);
  EXPECT_EQ(count("batch=" + batch + "&date=2019-08-02"), 1U);
  EXPECT_EQ(count("batch=none"), 0U);
  EXPECT_EQ(count("id=" + run.substr(run.size() - 6)), 1U);
  EXPECT_EQ(count("id=_"), 0U) << "as it is written";
}

TEST_F(ApiTest, ShowsTheRunsOfTheSameActionBeforeAndAfterOne) {
  const std::string first = RunToEnd("nightly");
  RunToEnd("shop/training");
  const std::string second = RunToEnd("nightly");
  const json of_first = Body(Get("/api/v1/runs/" + first + "/neighbours"));
  EXPECT_TRUE(of_first["previous"].is_null()) << of_first;
  EXPECT_EQ(of_first["next"]["id"], second);
  const json of_second = Body(Get("/api/v1/runs/" + second + "/neighbours"));
  EXPECT_EQ(of_second["previous"]["id"], first);
  EXPECT_TRUE(of_second["next"].is_null()) << of_second;
  EXPECT_EQ(Get("/api/v1/runs/none/neighbours").status, 404);
}

TEST_F(ApiTest, ShowsNothingThatIsNotOnRecord) {
  const std::string run = RunToEnd("nightly");
  folder_.Write("home/runs/" + run + "/secret.1/log", "secret");
  for (const std::string& path :
       {"/api/v1/runs/" + run + "/tasks/secret/attempts/1/log",
        "/api/v1/runs/" + run + "/tasks/a/attempts/2/log",
        "/api/v1/runs/" + run + "/tasks/a/attempts/0/log",
        "/api/v1/runs/" + run + "/tasks/a/attempts/01x/log",
        "/api/v1/runs/" + run + "/tasks/a.1/attempts/1/log", std::string("/api/v1/runs/none"),
        std::string("/api/v1/graphs/none"), std::string("/api/v1/runs/none/events")}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
}

TEST_F(ApiTest, ShowsVersionsAndMovesTheLivePointer) {
  EXPECT_TRUE(Body(Get("/api/v1/services"))["services"][0]["live"].is_null());
  EXPECT_EQ(Post("/api/v1/services/shop/rollback").status, 404);
  // They are saved; busker's own step, which lets the gate decide, is not there in a unit test.
  RunToEnd("shop/training");
  RunToEnd("shop/training");
  const json listed = Body(Get("/api/v1/services/shop/versions"));
  ASSERT_EQ(listed["versions"].size(), 2u) << listed;
  const std::string first = listed["versions"][0]["key"], second = listed["versions"][1]["key"];
  EXPECT_EQ(listed["versions"][0]["metrics"]["auc"], 0.5);
  const auto promote = [&](const std::string& version) {
    return Post("/api/v1/services/shop/promote",
                R"({"version": ")" + version + R"(", "why": "better"})");
  };
  EXPECT_EQ(Body(promote(first))["can_roll_back"], false) << "nothing was live before";
  const http::Response promoted = promote(second);
  EXPECT_EQ(promoted.status, 200) << promoted.body;
  EXPECT_EQ(Body(promoted)["by"], "operator");
  EXPECT_EQ(Body(promoted)["why"], "better");
  EXPECT_EQ(Body(promoted)["can_roll_back"], true);
  EXPECT_EQ(Body(Post("/api/v1/services/shop/rollback"))["key"], first);
  EXPECT_EQ(promote(second).status, 200);
  EXPECT_EQ(Body(Get("/api/v1/services"))["services"][0]["live"]["key"], second);
  EXPECT_EQ(Post("/api/v1/services/shop/promote", R"({"version": "20010101T000000Z"})").status,
            404);
  EXPECT_EQ(Post("/api/v1/services/other/promote", "{}").status, 404);
  EXPECT_EQ(Body(Get("/api/v1/services/shop/deliveries"))["deliveries"].size(), 0u);
  EXPECT_EQ(Post("/api/v1/services/shop/deliveries/none/undo").status, 404);
}

TEST_F(ApiTest, LetsAnAdministratorMakeAndRevokeTokens) {
  EXPECT_EQ(Get("/api/v1/tokens", "operator").status, 403);
  EXPECT_EQ(Post("/api/v1/tokens", "{}", "operator").status, 403);
  const http::Response made = Post("/api/v1/tokens", R"({"name": "grafana"})", "admin");
  ASSERT_EQ(made.status, 201) << made.body;
  tokens_["grafana"] = Body(made)["token"];
  EXPECT_EQ(Body(Get("/api/v1/me", "grafana"))["scope"], "viewer");
  const http::Response listed = Get("/api/v1/tokens", "admin");
  EXPECT_EQ(Body(listed)["tokens"].size(), 5u);
  EXPECT_EQ(listed.body.find(tokens_["grafana"]), std::string::npos);
  EXPECT_EQ(Post("/api/v1/tokens", R"({"name": "grafana"})", "admin").status, 400)
      << "there is one of that name";
  EXPECT_EQ(Post("/api/v1/tokens", R"({"name": "x", "scope": "god"})", "admin").status, 400);
  EXPECT_EQ(Post("/api/v1/tokens", R"({"name": "../x"})", "admin").status, 400);
  EXPECT_EQ(Post("/api/v1/tokens/grafana/revoke", "{}", "admin").status, 200);
  EXPECT_EQ(Get("/api/v1/me", "grafana").status, 401);
  EXPECT_EQ(Post("/api/v1/tokens/grafana/revoke", "{}", "admin").status, 404);
  std::vector<std::string> happened;
  const json log = Body(Get("/api/v1/events"));
  for (const json& event : log["events"]) {
    happened.push_back(event["what"].get<std::string>() + ": " +
                       event["detail"].get<std::string>());
  }
  EXPECT_EQ(happened,
            (std::vector<std::string>{
                "token revoke failed: grafana", "token revoke requested: grafana",
                "token refused: ", "token revoked: grafana", "token revoke requested: grafana",
                "token create failed: ../x, viewer", "token create requested: ../x, viewer",
                "token create failed: grafana, viewer", "token create requested: grafana, viewer",
                "token created: grafana, viewer", "token create requested: grafana, viewer"}));
}

// A link makes an administrator of whoever opens it, and nothing told of it but that somebody had
// opened it.
TEST_F(ApiTest, NotesWhoHadALinkMadeBeforeThereIsOne) {
  const auto events = [&] {
    std::vector<std::string> happened;
    const json log = Body(Get("/api/v1/events"));
    for (const json& event : log["events"]) {
      happened.push_back(event["actor"].get<std::string>() + ": " +
                         event["what"].get<std::string>() + " " +
                         event["detail"].get<std::string>());
    }
    return happened;
  };
  const auto link = front_->MakeLink(access::Scope::kAdmin, "ada", Now());
  ASSERT_TRUE(link) << link.error().message;
  const std::string secret = link->substr(link->find('=') + 1);
  EXPECT_EQ(events(), (std::vector<std::string>{"ada: token link made admin",
                                                "ada: token link requested admin"}));
  EXPECT_EQ(Get("/api/v1/events").body.find(secret), std::string::npos);
  EXPECT_EQ(front_->Answer(Make(http::Method::kGet, "/login?token=" + secret, ""), Now()).status,
            303);
  EXPECT_EQ(events().front(), "127.0.0.1: logged in by a link");

  // The end of the chain is gone, as in a record that was tampered with: it takes no more events.
  record::RawFile(home_.RecordFile().string()).Run("DELETE FROM chain");
  EXPECT_FALSE(front_->MakeLink(access::Scope::kAdmin, "ada", Now()));
}

// One token whose confines held a NUL was written to a file that its reader refuses, and nobody was
// let in any more.
TEST_F(ApiTest, KeepsNoTokenThatWouldLockOutTheOthers) {
  for (const char* const confine :
       {"a\\u0000b", "a b", "", "/", "a/", "/a", "a/b/c", "..", "\\u00e9", "a\\nb", "A/b"}) {
    const http::Response made =
        Post("/api/v1/tokens", R"({"name": "x", "confines": [")" + std::string(confine) + R"("]})",
             "admin");
    EXPECT_EQ(made.status, 400) << confine;
    EXPECT_EQ(Get("/api/v1/me").status, 200) << confine;
  }
  EXPECT_EQ(Post("/api/v1/tokens",
                 R"({"name": "x", "confines": ["shop", "shop/training", "Nightly_1"]})", "admin")
                .status,
            201);
}

}  // namespace
}  // namespace busker::serve

// What there is to run, page by page, and the figures about it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

class GraphsApiTest : public FrontTest {
 protected:
  json Body(const std::string& target) {
    const http::Response response = Get(target);
    EXPECT_EQ(response.status, 200) << target << " " << response.body;
    return json::parse(response.body);
  }
  std::string Names(const std::string& query) {
    std::string names;
    const json body = Body("/api/v1/graphs" + query);
    for (const json& graph : body["graphs"]) {
      names += graph["graph"].get<std::string>() + " ";
    }
    return names;
  }
};

TEST_F(GraphsApiTest, ListsThemByNamePageByPage) {
  EXPECT_EQ(Names(""), "daily nightly shop/training ");
  EXPECT_EQ(Body("/api/v1/graphs")["all"], 3);
  const json first = Body("/api/v1/graphs?limit=2");
  EXPECT_EQ(first["graphs"].size(), 2u);
  EXPECT_EQ(first["next"], "nightly");
  const json rest = Body("/api/v1/graphs?limit=2&cursor=nightly");
  EXPECT_EQ(rest["graphs"][0]["graph"], "shop/training");
  EXPECT_TRUE(rest["next"].is_null());
  EXPECT_EQ(Names("?q=ly"), "daily nightly ");
  EXPECT_EQ(Names("?q=ly&limit=1"), "daily ");
  EXPECT_EQ(Body("/api/v1/graphs?q=da&limit=1")["next"], nullptr);
  EXPECT_EQ(Names("?service=shop"), "shop/training ");
  EXPECT_EQ(Names("?q=%2F"), "shop/training ");
  EXPECT_EQ(Names("?cursor=zzz"), "");
  for (const char* const query : {"?limit=0", "?limit=201", "?limit=x", "?trouble=some"}) {
    EXPECT_EQ(Get(std::string("/api/v1/graphs") + query).status, 400) << query;
  }
}

TEST_F(GraphsApiTest, TellsTheNewestRunsOfEachAndItsOpenDates) {
  const auto start = [&](const std::string& date) {
    const std::string run = json::parse(
        Post("/api/v1/graphs/daily/runs", R"({"date": ")" + date + R"("})").body)["run"];
    for (int i = 0; i < 1000 && Body("/api/v1/runs/" + run)["state"] != "failed"; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return run;
  };
  start("2019-08-01");
  const std::string newest = start("2019-08-02");
  RunToEnd("nightly");
  const json daily = Body("/api/v1/graphs?q=daily&runs=1")["graphs"][0];
  ASSERT_EQ(daily["recent"].size(), 1U);
  EXPECT_EQ(daily["recent"][0]["id"], newest);
  EXPECT_TRUE(daily["last_delivery"].is_null());
  EXPECT_EQ(Body("/api/v1/graphs?q=daily&runs=14")["graphs"][0]["recent"].size(), 2U);
  EXPECT_FALSE(Body("/api/v1/graphs?q=daily")["graphs"][0].contains("recent"));
  EXPECT_EQ(Get("/api/v1/graphs?runs=31").status, 400);
  const json open = Body("/api/v1/dates/open")["graphs"];
  ASSERT_EQ(open.size(), 1U) << open;
  EXPECT_EQ(open[0]["graph"], "daily");
  EXPECT_EQ(open[0]["count"], 2);
  EXPECT_EQ(open[0]["failed"], 2);
  EXPECT_EQ(open[0]["missing"], 0);
  EXPECT_EQ(Body("/api/v1/dates/open?limit=1")["all"], 1);
  EXPECT_TRUE(Body("/api/v1/dates/open?limit=1")["next"].is_null());
  EXPECT_EQ(Body("/api/v1/dates/open?cursor=daily")["graphs"].size(), 0U);
  EXPECT_EQ(Get("/api/v1/dates/open?limit=201").status, 400);
  EXPECT_EQ(open[0]["dates"][0]["date"], "2019-08-02");
  EXPECT_EQ(open[0]["dates"][0]["run"], newest);
  // What is known is kept until the record tells of the graph, or its file has changed.
  EXPECT_EQ(Body("/api/v1/dates/open")["graphs"], open);
  EXPECT_EQ(Body("/api/v1/dates/open")["more"], false);
  EXPECT_EQ(Body("/api/v1/graphs?q=daily&runs=1")["graphs"][0]["recent"], daily["recent"]);
  const std::string later = start("2019-08-03");
  const json now = Body("/api/v1/graphs?q=daily&runs=1")["graphs"][0];
  EXPECT_EQ(now["recent"][0]["id"], later);
  EXPECT_EQ(now["last_run"]["id"], later);
  EXPECT_EQ(Body("/api/v1/dates/open")["graphs"][0]["count"], 3);
  folder_.Write("graphs/configs/daily.json", R"({"graph": {"dag_id": "daily", "schedule_interval":
                "@daily"}, "tasks": [{"name": "a", "code": "true"}], "dependencies": []})");
  ASSERT_TRUE(daemon_->Reload());
  RunToEnd("daily");
  const std::string mended =
      json::parse(Post("/api/v1/graphs/daily/runs", R"({"date": "2019-08-02"})").body)["run"];
  for (int i = 0; i < 3000 && Body("/api/v1/runs/" + mended)["state"] != "succeeded"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(Body("/api/v1/dates/open")["graphs"][0]["count"], 2);
  const json dates = Body("/api/v1/graphs/daily/dates");
  EXPECT_EQ(dates["dates"].size(), 4U);
  EXPECT_EQ(dates["more"], false);
  EXPECT_EQ(Get("/api/v1/graphs/none/dates").status, 404);
}

TEST_F(GraphsApiTest, SaysOfEachHowItLastWentAndWhatIsNext) {
  const std::string run = RunToEnd("nightly");
  ASSERT_EQ(Post("/api/v1/graphs/daily/pause").status, 200);
  const json graphs = Body("/api/v1/graphs")["graphs"];
  EXPECT_EQ(graphs[1]["last_run"]["id"], run);
  EXPECT_EQ(graphs[1]["last_run"]["state"], "succeeded");
  EXPECT_FALSE(graphs[1]["last_run"].contains("tasks"));
  EXPECT_FALSE(graphs[1]["last_success"].is_null());
  EXPECT_EQ(graphs[0]["paused_by"], "operator");
  EXPECT_TRUE(graphs[0]["next"].is_null());
  EXPECT_EQ(graphs[0]["schedule"], "@daily");
  EXPECT_TRUE(graphs[0]["last_run"].is_null());
  EXPECT_EQ(graphs[2]["service"], "shop");
  EXPECT_EQ(graphs[2]["action"], "training");
  const json one = Body("/api/v1/graphs/daily");
  EXPECT_EQ(one["explained"],
            "daily is paused by operator: nothing of it starts by itself until busker resume");
}

TEST_F(GraphsApiTest, FindsWhatIsInTrouble) {
  EXPECT_EQ(Names("?trouble=any"), "");
  RunToEnd("nightly");
  RunToEnd("daily");  // which fails
  EXPECT_EQ(Names("?trouble=any"), "daily ");
  EXPECT_EQ(Body("/api/v1/graphs/daily")["trouble"], "failed");
  EXPECT_TRUE(Body("/api/v1/graphs/nightly")["trouble"].is_null());
}

// The last graph of a page of those in trouble was the first of the next page, too, or was left
// out.
TEST_F(GraphsApiTest, PagesThroughWhatIsInTrouble) {
  std::vector<std::string> expected = {"daily"};
  RunToEnd("daily");
  for (const char* const name : {"e1", "e2", "e3"}) {
    folder_.Write("graphs/configs/" + std::string(name) + ".json",
                  R"({"graph": {"dag_id": ")" + std::string(name) +
                      R"("}, "tasks": [{"name": "a", "code": "exit 3"}], "dependencies": []})");
    (void)daemon_->Reload();
    for (int i = 0; i < 500 && !daemon_->catalogue()->Find(name); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    RunToEnd(name);
    expected.push_back(name);
  }
  for (const int limit : {1, 2, 3, 4, 5}) {
    std::vector<std::string> found;
    std::size_t pages = 0;
    std::string cursor;
    do {
      const json page = Body("/api/v1/graphs?trouble=any&limit=" + std::to_string(limit) + cursor);
      for (const json& graph : page["graphs"]) found.push_back(graph["graph"]);
      cursor = page["next"].is_null() ? "" : "&cursor=" + page["next"].get<std::string>();
      ++pages;
    } while (!cursor.empty() && pages < 10);
    EXPECT_EQ(found, expected) << limit;
    EXPECT_EQ(pages, (4 + static_cast<std::size_t>(limit) - 1) / static_cast<std::size_t>(limit))
        << "no page is empty";
  }
}

// The API took any number of runs at once, where the command line has a limit.
TEST_F(GraphsApiTest, BoundsABackfillAsTheCommandLineDoes) {
  const auto ask = [&](const std::string& count) {
    return Post("/api/v1/graphs/daily/backfill", R"({"from": "2019-08-01", "to": "2019-08-02",
      "dry_run": true, "runs_at_once": )" + count + "}")
        .status;
  };
  for (const char* const good : {"1", "1000"}) EXPECT_EQ(ask(good), 200) << good;
  for (const char* const bad : {"0", "-1", "1001", "99999", "1.5", "\"1\""}) {
    EXPECT_EQ(ask(bad), 400) << bad;
  }
}

TEST_F(GraphsApiTest, KeepsALogOfWhoDidWhat) {
  EXPECT_EQ(Body("/api/v1/events")["events"].size(), 0u);
  RunToEnd("nightly");
  ASSERT_EQ(Post("/api/v1/graphs/daily/pause").status, 200);
  const json people = Body("/api/v1/events");
  ASSERT_EQ(people["events"].size(), 2u) << people;
  EXPECT_EQ(people["events"][0]["what"], "paused");
  EXPECT_EQ(people["events"][0]["actor"], "operator");
  EXPECT_EQ(people["events"][0]["detail"], "daily");
  EXPECT_EQ(people["events"][1]["what"], "run queued");
  EXPECT_EQ(people["events"][1]["actor"], "a test");
  EXPECT_EQ(people["events"][1]["graph"], "nightly");
  EXPECT_TRUE(people["events"][0]["graph"].is_null());
  const json all = Body("/api/v1/events?all=true&limit=5");
  ASSERT_EQ(all["events"].size(), 5u);
  const std::string next = all["next"];
  EXPECT_EQ(next, std::to_string(all["events"][4]["number"].get<int>()));
  const json older = Body("/api/v1/events?all=true&limit=5&cursor=" + next);
  EXPECT_EQ(older["events"][0]["number"].get<int>(), all["events"][4]["number"].get<int>() - 1);
  EXPECT_EQ(Get("/api/v1/events?cursor=x").status, 400);
}

TEST_F(GraphsApiTest, NotesWhoseTokenWasRefusedButNotWithoutEnd) {
  const auto refused = [&](const std::string& peer, Instant now) {
    http::Request request = Make(http::Method::kGet, "/api/v1/me", std::string(64, '0'));
    request.peer = peer;
    EXPECT_NE(front_->Answer(request, now).status, 200);
  };
  const Instant now = Now();
  for (int i = 0; i < 30; ++i) refused("10.0.0." + std::to_string(i), now);
  for (int i = 0; i < 30; ++i) refused("10.0.0.1", now);
  json events = Body("/api/v1/events")["events"];
  ASSERT_EQ(events.size(), 10u);
  EXPECT_EQ(events[0]["what"], "token refused");
  EXPECT_EQ(events[0]["actor"], "10.0.0.9");
  refused("10.0.0.1", now + std::chrono::minutes(1));
  events = Body("/api/v1/events")["events"];
  EXPECT_EQ(events.size(), 11u);
  EXPECT_EQ(events[0]["detail"], "and 50 more times since the last of these");
}

TEST_F(GraphsApiTest, HasFiguresForPrometheus) {
  RunToEnd("nightly");
  RunToEnd("daily");
  const http::Response response = Get("/metrics");
  EXPECT_EQ(response.type, "text/plain; version=0.0.4; charset=utf-8");
  const auto has = [&](const std::string& line) {
    EXPECT_NE(("\n" + response.body).find("\n" + line + "\n"), std::string::npos) << line << "\n"
                                                                                  << response.body;
  };
  has("busker_runs_ended_total{state=\"succeeded\"} 1");
  has("busker_runs_ended_total{state=\"failed\"} 1");
  has("busker_attempts_ended_total{state=\"succeeded\"} 2");
  has("busker_attempts_ended_total{state=\"failed\"} 1");
  has("busker_attempt_overhead_seconds_count 3");
  has("busker_attempt_overhead_seconds_bucket{le=\"+Inf\"} 3");
  has("busker_graphs 3");
  has("busker_graphs_troubled{trouble=\"failed\"} 1");
  has("busker_runs_unfinished 0");
  has("busker_attempts_running 0");
  // Every line is a comment or a figure, each figure's name is announced.
  std::istringstream lines(response.body);
  std::string line, announced;
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) announced = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(line.starts_with(announced)) << line << " after " << announced;
    EXPECT_NE(line.rfind(' '), std::string::npos);
    EXPECT_NO_THROW(std::stod(line.substr(line.rfind(' ')))) << line;
  }
}

// What is served no more went on being counted among what is in trouble, with nobody to mend it.
TEST_F(GraphsApiTest, CountsWhatIsServedAlone) {
  RunToEnd("daily");  // which fails
  ASSERT_EQ(Post("/api/v1/graphs/daily/pause").status, 200);
  const auto figure = [&](const std::string& line) {
    return ("\n" + Get("/metrics").body).find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(figure("busker_graphs 3"));
  EXPECT_TRUE(figure("busker_graphs_paused 1"));
  EXPECT_TRUE(figure("busker_graphs_troubled{trouble=\"failed\"} 1"));
  io::fs::remove(folder_ / "graphs/configs/daily.json");
  ASSERT_TRUE(daemon_->Reload());
  EXPECT_TRUE(figure("busker_graphs 2"));
  EXPECT_TRUE(figure("busker_graphs_paused 0"));
  EXPECT_TRUE(figure("busker_graphs_troubled{trouble=\"failed\"} 0"));
}

// Neither page nor API said which version a backfill would apply.
TEST_F(GraphsApiTest, ABackfillTellsTheVersionOfEachDate) {
  folder_.Write("shop/busker.toml",
                "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"sh model.sh\"\n"
                "[actions.training]\n[actions.application]\ninput = \"as-of\"\n"
                "schedule = \"@daily\"\n");
  ASSERT_TRUE(daemon_->Reload());
  const std::string backfill = "/api/v1/graphs/shop:application/backfill";
  const std::string body =
      R"({"from": "2019-08-01", "to": "2019-08-02", "dry_run": true, "force": true})";
  EXPECT_EQ(Post(backfill, body).status, 404) << "there is no version yet";
  daemon::StartRequest training;
  training.graph = "shop/training";
  training.date = "2019-08-01";
  std::shared_ptr<daemon::Subscription> heard;
  ASSERT_TRUE(daemon_->requests().Start(training, &heard));
  while (!heard->Ended()) (void)heard->Next(std::chrono::seconds(20));
  const http::Response response = Post(backfill, body);
  ASSERT_EQ(response.status, 200) << response.body;
  const json instants = json::parse(response.body)["instants"];
  ASSERT_EQ(instants.size(), 2u);
  EXPECT_EQ(instants[0]["what"], "cannot run");
  EXPECT_NE(instants[0]["warning"].get<std::string>().find("the oldest is for 2019-08-01"),
            std::string::npos);
  EXPECT_EQ(instants[1]["what"], "run");
  EXPECT_EQ(instants[1]["version_data_date"], "2019-08-01");
  EXPECT_EQ(instants[1]["version"].get<std::string>().size(), 16u);
  EXPECT_EQ(instants[1]["warning"], "");
}

}  // namespace
}  // namespace busker::serve

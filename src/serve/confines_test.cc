// Tokens that are confined to some services and graphs: the rest is not there for them, on any
// route.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serve/describe.h"
#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

class ConfinesTest : public FrontTest {
 protected:
  ConfinesTest() {
    access::TokenFile file(home_.folder / "tokens.json");
    for (const access::Scope scope : {access::Scope::kViewer, access::Scope::kOperator}) {
      const std::string name = "shop-" + std::string(NameOf(scope));
      tokens_[name] = file.Add(name, scope, "a test", Now(), {"shop"}).value();
    }
    tokens_["nightly"] =
        file.Add("nightly", access::Scope::kOperator, "a test", Now(), {"nightly"}).value();
  }
  static std::string Replaced(std::string text, const std::string& what, const std::string& by) {
    const std::size_t at = text.find(what);
    return at == std::string::npos ? text : text.replace(at, what.size(), by);
  }
  // The pattern's path, about things of the graph file "nightly" and of no service.
  static std::string Foreign(const Route& route, const std::string& run) {
    std::string path = Replaced(route.pattern, "{graph}", "nightly");
    path = Replaced(path, "{run}", run);
    path = Replaced(path, "{task}", "a");
    path = Replaced(path, "{service}", "other");
    path = Replaced(path, "{delivery}", "1");
    path = Replaced(path, "{token}", "viewer");
    return Replaced(path, "{attempt}", "1");
  }
};

// Every route, also one that is new: a route that names nothing has to say that it is for them.
TEST_F(ConfinesTest, NoRouteShowsOrChangesWhatIsBeyond) {
  const std::string foreign = RunToEnd("nightly"), own = RunToEnd("shop/training");
  for (const Route& route : front_->routes().all()) {
    const std::string path = Foreign(route, foreign);
    const std::string who = route.method == http::Method::kGet ? "shop-viewer" : "shop-operator";
    const http::Response response =
        route.method == http::Method::kGet ? Get(path, who) : Post(path, "{}", who);
    const bool names_something = path != route.pattern;
    if (route.scope == access::Scope::kAdmin) {
      EXPECT_EQ(response.status, 403) << path;
    } else if (names_something) {
      EXPECT_EQ(response.status, 404) << path << " " << response.body;
    } else if (route.reach == Reach::kAll) {
      EXPECT_EQ(response.status, 403) << path;
    } else {
      EXPECT_EQ(response.status, 200) << path;
      EXPECT_EQ(response.body.find("nightly"), std::string::npos) << path;
      EXPECT_EQ(response.body.find("daily"), std::string::npos) << path;
      EXPECT_EQ(response.body.find(foreign), std::string::npos) << path;
    }
    // What is not there at all is told in the same words.
    if (names_something && route.method == http::Method::kGet &&
        path.find(foreign) != std::string::npos) {
      const std::string nowhere = "20010101-000000-aaaaaa";
      EXPECT_EQ(Replaced(response.body, foreign, nowhere),
                Get(Replaced(path, foreign, nowhere), who).body);
    }
  }
  EXPECT_EQ(json::parse(Get("/api/v1/runs/" + foreign, "viewer").body)["state"], "succeeded");
}

TEST_F(ConfinesTest, WhatIsWithinIsThere) {
  RunToEnd("nightly");
  const std::string own = RunToEnd("shop/training");
  const auto body = [&](const std::string& path) {
    return json::parse(Get(path, "shop-viewer").body);
  };
  EXPECT_EQ(body("/api/v1/runs")["runs"].size(), 1u);
  EXPECT_EQ(body("/api/v1/runs?graph=nightly")["runs"].size(), 0u);
  EXPECT_EQ(body("/api/v1/runs/" + own)["id"], own);
  EXPECT_EQ(body("/api/v1/runs/" + own + "/events")["events"].size() > 3, true);
  EXPECT_EQ(body("/api/v1/graphs")["graphs"].size(), 1u);
  EXPECT_EQ(body("/api/v1/graphs")["all"], 1);
  EXPECT_EQ(body("/api/v1/graphs/shop:training")["last_run"]["id"], own);
  EXPECT_EQ(body("/api/v1/services")["services"].size(), 1u);
  EXPECT_EQ(body("/api/v1/services/shop/versions")["versions"].size(), 1u);
  EXPECT_EQ(body("/api/v1/me")["confines"], json({"shop"}));
  EXPECT_EQ(Post("/api/v1/graphs/shop:training/runs", "{}", "shop-operator").status, 201);
  EXPECT_EQ(json::parse(Get("/api/v1/runs", "nightly").body)["runs"].size(), 1u);
  EXPECT_EQ(json::parse(Get("/api/v1/services", "nightly").body)["services"].size(), 0u);
}

TEST(TextFor, LeavesOutWhichRunCameBefore) {
  const access::Caller confined{"a", access::Scope::kViewer, {"shop"}},
      all{"b", access::Scope::kViewer, {}};
  for (const auto& [text, told] : std::initializer_list<std::pair<const char*, const char*>>{
           {"after nightly (run 1)", "after"},
           {"run 2 runs a (trigger: after a/b (run 1)); 1 of 2",
            "run 2 runs a (trigger: after); 1 of 2"},
           {"after nightly (run 1", "after"},
           {"after a while (run 1)", "after a while (run 1)"},
           {"after", "after"},
           {"manual", "manual"}}) {
    EXPECT_EQ(TextFor(confined, text), told);
    EXPECT_EQ(TextFor(all, text), text);
  }
}

// What it runs after was left out of one field and told in the sentence beside it.
TEST(ExplainedTo, LeavesOutWhatItRunsAfterBeyondTheConfines) {
  const access::Caller confined{"a", access::Scope::kViewer, {"shop"}},
      all{"b", access::Scope::kViewer, {}};
  plan::Graph graph;
  graph.key = "shop/training";
  graph.after = {"nightly"};
  const std::string sentence =
      "shop/training runs after a success of nightly; runs of a backfill do not count";
  EXPECT_EQ(ExplainedTo(all, graph, sentence), sentence);
  EXPECT_EQ(ExplainedTo(confined, graph, sentence),
            "shop/training runs after a success of others; runs of a backfill do not count");
  graph.after = {"shop/load"};
  EXPECT_EQ(ExplainedTo(confined, graph, "shop/training runs after a success of shop/load"),
            "shop/training runs after a success of shop/load");
}

// What made a run start may be the run of a graph that who asks knows nothing of.
TEST_F(ConfinesTest, ThatARunFollowedAnotherIsToldWithoutItsName) {
  daemon::StartRequest request;
  request.graph = "shop/training";
  request.trigger = "after nightly (run 20190801-070000-k3f9x2)";
  const std::string run = daemon_->requests().Start(request).value();
  const auto trigger = [&](const json& shown) { return shown["trigger"].get<std::string>(); };
  const auto shown = [&](const std::string& target, const std::string& who) {
    return json::parse(Get(target, who).body);
  };
  EXPECT_EQ(trigger(shown("/api/v1/runs/" + run, "shop-viewer")), "after");
  EXPECT_EQ(trigger(shown("/api/v1/runs", "shop-viewer")["runs"][0]), "after");
  EXPECT_EQ(trigger(shown("/api/v1/graphs/shop:training", "shop-viewer")["last_run"]), "after");
  for (const std::string& target :
       {"/api/v1/runs/" + run + "/events", "/api/v1/runs/" + run + "/explain",
        std::string("/api/v1/graphs/shop:training"), std::string("/api/v1/graphs")}) {
    EXPECT_EQ(Get(target, "shop-viewer").body.find("nightly"), std::string::npos) << target;
  }
  EXPECT_EQ(trigger(shown("/api/v1/runs/" + run, "viewer")), request.trigger);
  EXPECT_EQ(trigger(shown("/api/v1/runs", "viewer")["runs"][0]), request.trigger);
}

TEST_F(ConfinesTest, OfInstantsToComeThereAreOnlyTheirs) {
  EXPECT_EQ(json::parse(Get("/api/v1/instants", "viewer").body)["graphs"][0]["graph"], "daily");
  const json own = json::parse(Get("/api/v1/instants", "shop-viewer").body);
  EXPECT_EQ(own["graphs"].size(), 0u);
  EXPECT_EQ(own["days"][0]["count"], 0);
  EXPECT_EQ(Replaced(Get("/api/v1/instants?graph=daily", "shop-viewer").body, "daily", "x"),
            Get("/api/v1/instants?graph=x", "shop-viewer").body);
}

// What is counted of all schedules is kept for the next who asks, who may be somebody else.
TEST_F(ConfinesTest, OfInstantsThatWereCountedForOthersThereAreOnlyTheirs) {
  const std::string week = "/api/v1/instants?from=2026-12-01T00:00:00Z&to=2026-12-08T00:00:00Z";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(json::parse(Get(week, "viewer").body)["days"][0]["count"], 1);
    EXPECT_EQ(json::parse(Get(week, "shop-viewer").body)["days"][0]["count"], 0);
  }
}

// A file at fault may be anybody's, and what is said of it names what is in it.
TEST_F(ConfinesTest, OfFilesThatAreAtFaultNothingIsTold) {
  folder_.Write("graphs/configs/other.json", R"({"graph": {"dag_id": "other"}, "tasks": 1})");
  (void)daemon_->Reload();
  const auto faults = [&](const std::string& who) {
    return json::parse(Get("/api/v1/status", who).body)["faults"];
  };
  ASSERT_EQ(faults("viewer").size(), 1u);
  EXPECT_EQ(faults("viewer")[0]["file"], "configs/other.json");
  EXPECT_EQ(faults("shop-viewer").size(), 0u);
  EXPECT_EQ(Get("/api/v1/status", "shop-viewer").body.find("other"), std::string::npos);
}

TEST_F(ConfinesTest, NewsOfOthersIsOnlyThatThereIsSome) {
  const auto queue = Get("/api/v1/live", "shop-viewer").events;
  RunToEnd("nightly");
  int heard = 0;
  for (int i = 0; i < 500 && heard < 5; ++i) {
    while (const auto event = queue->Pop()) {
      EXPECT_TRUE(event->ends_with("\ndata: {\"run\":\"\"}\n\n")) << *event;
      ++heard;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(heard, 5);
}

// The key of another's run gave its id, and kept one's own run from starting.
TEST_F(ConfinesTest, AKeyOfAnotherGraphsRunTellsNothingOfIt) {
  const json first =
      json::parse(Post("/api/v1/graphs/nightly/runs", R"({"key": "train-1"})", "nightly").body);
  const http::Response other =
      Post("/api/v1/graphs/shop:training/runs", R"({"key": "train-1"})", "shop-operator");
  EXPECT_EQ(other.status, 400) << other.body;
  EXPECT_EQ(other.body.find(first["run"].get<std::string>()), std::string::npos);
  EXPECT_EQ(other.body.find("nightly"), std::string::npos);
}

// What an action runs after is another's, whose name is not known to who sees that action alone.
TEST_F(ConfinesTest, ToAnActionLeaveOutWhatItRunsAfter) {
  folder_.Write("shop/busker.toml",
                "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"sh model.sh\"\n"
                "[actions.training]\n[actions.report]\nafter = \"training\"\n");
  ASSERT_TRUE(daemon_->Reload());
  access::TokenFile file(home_.folder / "tokens.json");
  tokens_["x"] = file.Add("x", access::Scope::kViewer, "a test", Now(), {"shop/report"}).value();
  const auto after = [&](const std::string& who) {
    return json::parse(Get("/api/v1/graphs/shop:report", who).body)["after"];
  };
  EXPECT_EQ(after("shop-viewer"), json({"shop/training"}));
  EXPECT_EQ(after("x"), json::array());
  EXPECT_EQ(Get("/api/v1/graphs", "x").body.find("training"), std::string::npos);
}

// Who saw one action alone saw what the others of its service had made, whole.
TEST_F(ConfinesTest, ToAnActionLeaveOutWhatTheRestOfItsServiceMade) {
  access::TokenFile file(home_.folder / "tokens.json");
  tokens_["x"] = file.Add("x", access::Scope::kViewer, "a test", Now(), {"shop/training"}).value();
  const std::string run = RunToEnd("shop/training");
  const json lineage = json::parse(Get("/api/v1/runs/" + run + "/lineage", "x").body);
  EXPECT_EQ(lineage["output"]["run"], run);
  EXPECT_TRUE(lineage["input"].is_null());
  EXPECT_EQ(lineage["used_by"].size(), 0u);
  EXPECT_EQ(json::parse(Get("/api/v1/graphs/shop:training", "x").body)["after"].size(), 0u);
}

TEST_F(ConfinesTest, AreNoneOfAnAdministrator) {
  access::TokenFile file(home_.folder / "tokens.json");
  EXPECT_EQ(file.Add("x", access::Scope::kAdmin, "a test", Now(), {"shop"}).error().kind,
            ErrorKind::kInvalid);
  for (const char* const odd : {"", "/", "a/", "/a", "a/b/c"}) {
    EXPECT_EQ(file.Add("x", access::Scope::kViewer, "a test", Now(), {odd}).error().kind,
              ErrorKind::kInvalid)
        << odd;
  }
  const http::Response made =
      Post("/api/v1/tokens", R"({"name": "x", "scope": "viewer", "confines": ["shop/training"]})",
           "admin");
  ASSERT_EQ(made.status, 201) << made.body;
  tokens_["x"] = json::parse(made.body)["token"];
  EXPECT_EQ(Get("/api/v1/graphs/shop:training", "x").status, 200);
  EXPECT_EQ(Get("/api/v1/graphs/daily", "x").status, 404);
  EXPECT_EQ(Get("/api/v1/services/shop/versions", "x").status, 404);
}

}  // namespace
}  // namespace busker::serve

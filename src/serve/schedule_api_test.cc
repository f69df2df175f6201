// When what is scheduled runs, as the API tells it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

using nlohmann::json;

class ScheduleApiTest : public FrontTest {
 protected:
  void AddGraph(const std::string& id, const std::string& schedule, const std::string& zone = "UTC",
                const std::string& more = "") {
    folder_.Write("graphs/configs/" + id + ".json",
                  R"({"graph": {"dag_id": ")" + id + R"(", "schedule_interval": ")" + schedule +
                      R"(", "timezone": ")" + zone + R"(")" + more +
                      R"(}, "tasks": [{"name": "a", "code": "true"}], "dependencies": []})");
  }
  json Ask(const std::string& query) {
    const http::Response response = Get("/api/v1/instants?" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  std::string Refusal(const std::string& query, int status = 400) {
    const http::Response response = Get("/api/v1/instants?" + query);
    EXPECT_EQ(response.status, status) << query;
    return json::parse(response.body)["detail"];
  }
  static const json& Of(const json& answer, const std::string& graph) {
    for (const json& each : answer["graphs"]) {
      if (each["graph"] == graph) return each;
    }
    static const json none;
    return none;
  }
};

TEST_F(ScheduleApiTest, TellsTheInstantsOfASpanWithWhatTheClocksDo) {
  AddGraph("moved", "30 2 * * *", "Europe/Stockholm");
  AddGraph("skipped", "*/20 2 * * *", "Europe/Stockholm");
  ASSERT_TRUE(daemon_->Reload());
  const json answer = Ask("from=2026-03-28T00:00:00Z&to=2026-03-31T00:00:00Z");
  const json& moved = Of(answer, "moved");
  EXPECT_EQ(moved["time_zone"], "Europe/Stockholm");
  EXPECT_EQ(moved["count"], 3);
  ASSERT_EQ(moved["instants"].size(), 3u) << moved;
  EXPECT_EQ(moved["instants"][0], json({{"utc", "2026-03-28T01:30:00Z"},
                                        {"local", "2026-03-28T02:30:00+01:00"},
                                        {"data_date", "2026-03-27"},
                                        {"note", ""}}));
  EXPECT_EQ(moved["instants"][1]["utc"], "2026-03-29T01:00:00Z");
  EXPECT_EQ(moved["instants"][1]["note"], "clocks go forward: 02:30 does not exist");
  EXPECT_EQ(moved["lost"], json::array());
  const json& skipped = Of(answer, "skipped");
  EXPECT_EQ(skipped["count"], 6);
  EXPECT_EQ(skipped["lost"],
            json::array({{{"at", "2026-03-29T01:00:00Z"},
                          {"note", "clocks go forward: 02:00, 02:20, 02:40 do not exist"}}}));
  EXPECT_EQ(answer["changes"],
            json::array({{{"at", "2026-03-29T01:00:00Z"},
                          {"time_zone", "Europe/Stockholm"},
                          {"date", "2026-03-29"},
                          {"what", "clocks go forward 1h, from 02:00 to 03:00"}}}));
  // A day on which the clocks take all that a graph has there is no day without that graph.
  const json day = Ask("from=2026-03-29T00:00:00Z&to=2026-03-29T23:00:00Z&graph=skipped");
  ASSERT_EQ(day["graphs"].size(), 1u);
  EXPECT_EQ(day["graphs"][0]["count"], 0);
  EXPECT_EQ(day["graphs"][0]["lost"].size(), 1u);
}

TEST_F(ScheduleApiTest, CountsWhatRunsTooOftenToBeListed) {
  AddGraph("each-minute", "* * * * *", "Europe/Stockholm");
  ASSERT_TRUE(daemon_->Reload());
  const json answer = Ask(
      "from=2026-10-23T22:00:00Z&to=2026-10-26T23:00:00Z&zone=Europe/Stockholm&graph=each-minute");
  const json& graph = answer["graphs"][0];
  EXPECT_EQ(graph["every_minutes"], 1);
  EXPECT_EQ(graph["count"], 73 * 60);
  EXPECT_TRUE(graph["instants"].empty());
  EXPECT_EQ(graph["days"], json::array({{{"date", "2026-10-24"},
                                         {"count", 1440},
                                         {"first", "2026-10-23T22:00:00Z"},
                                         {"last", "2026-10-24T21:59:00Z"}},
                                        {{"date", "2026-10-25"},
                                         {"count", 1500},
                                         {"first", "2026-10-24T22:00:00Z"},
                                         {"last", "2026-10-25T22:59:00Z"}},
                                        {{"date", "2026-10-26"},
                                         {"count", 1440},
                                         {"first", "2026-10-25T23:00:00Z"},
                                         {"last", "2026-10-26T22:59:00Z"}}}));
  EXPECT_EQ(answer["days"][1], json({{"date", "2026-10-25"},
                                     {"begins", "2026-10-24T22:00:00Z"},
                                     {"count", 1500},
                                     {"graphs", 1},
                                     {"failed", 0}}));
}

TEST_F(ScheduleApiTest, TellsHowManyOfADaysRunsFailed) {
  folder_.Write("graphs/configs/bad.json",
                R"({"graph": {"dag_id": "bad", "schedule_interval": "0 7 * * *"},
                    "tasks": [{"name": "a", "code": "false"}], "dependencies": []})");
  AddGraph("good", "0 7 * * *");
  ASSERT_TRUE(daemon_->Reload());
  for (const char* const graph : {"bad", "good"}) {
    const auto asked = Post("/api/v1/graphs/" + std::string(graph) + "/backfill",
                            R"({"from": "2019-08-01", "to": "2019-08-01"})");
    ASSERT_EQ(asked.status / 100, 2) << asked.body;
  }
  const auto ended = [&] {
    const json runs = json::parse(Get("/api/v1/runs").body)["runs"];
    return std::count_if(runs.begin(), runs.end(), [](const json& run) {
      return run["state"] == "failed" || run["state"] == "succeeded";
    });
  };
  const Instant deadline = Now() + std::chrono::minutes(1);
  while (ended() < 2 && Now() < deadline) std::this_thread::sleep_for(Milliseconds(20));
  const json days = Ask("from=2019-08-01T00:00:00Z&to=2019-08-04T00:00:00Z")["days"];
  EXPECT_EQ(days[0]["failed"].get<int>() + days[1]["failed"].get<int>(), 1) << days;
  EXPECT_EQ(days[2]["failed"], 0);
  EXPECT_EQ(
      Ask("from=2019-08-01T00:00:00Z&to=2019-08-04T00:00:00Z&graph=good")["days"][1]["failed"], 0);
}

TEST_F(ScheduleApiTest, KeepsToWhatAGraphSaysOfItsBeginning) {
  AddGraph("later", "@daily", "UTC", R"(, "start_date": "2026-05-10", "end_date": "2026-05-11")");
  ASSERT_TRUE(daemon_->Reload());
  const json answer = Ask("from=2026-05-01T00:00:00Z&to=2026-05-31T00:00:00Z&graph=later");
  ASSERT_EQ(answer["graphs"].size(), 1u);
  const json& instants = answer["graphs"][0]["instants"];
  ASSERT_EQ(instants.size(), 2u) << instants;
  EXPECT_EQ(instants[0]["utc"], "2026-05-11T00:00:00Z");
  EXPECT_EQ(instants[0]["data_date"], "2026-05-10");
  EXPECT_EQ(instants[1]["data_date"], "2026-05-11");
  EXPECT_TRUE(
      Ask("from=2026-06-01T00:00:00Z&to=2026-06-08T00:00:00Z&graph=later")["graphs"].empty());
  EXPECT_TRUE(Ask("graph=nightly")["graphs"].empty()) << "it has no schedule";
}

TEST_F(ScheduleApiTest, ShowsWhatRunsOnce) {
  AddGraph("once", "@once", "Europe/Stockholm", R"(, "start_date": "2026-05-10")");
  ASSERT_TRUE(daemon_->Reload());
  const json answer = Ask("from=2026-05-01T00:00:00Z&to=2026-05-31T00:00:00Z&graph=once");
  ASSERT_EQ(answer["graphs"].size(), 1u);
  EXPECT_EQ(answer["graphs"][0]["schedule"], "@once");
  EXPECT_EQ(answer["graphs"][0]["instants"], json::array({{{"utc", "2026-05-09T22:00:00Z"},
                                                           {"local", "2026-05-10T00:00:00+02:00"},
                                                           {"data_date", "2026-05-10"},
                                                           {"note", ""}}}));
  EXPECT_EQ(answer["days"][8]["count"], 1);
  EXPECT_TRUE(
      Ask("from=2026-05-10T00:00:00Z&to=2026-05-31T00:00:00Z&graph=once")["graphs"].empty());
}

TEST_F(ScheduleApiTest, SaysWhatIsPaused) {
  ASSERT_EQ(Post("/api/v1/graphs/daily/pause").status, 200);
  EXPECT_EQ(Of(Ask(""), "daily")["paused"], true);
  ASSERT_EQ(Post("/api/v1/graphs/daily/resume").status, 200);
  EXPECT_EQ(Of(Ask(""), "daily")["paused"], false);
}

TEST_F(ScheduleApiTest, GivesPagesAndOnEachTheTotalsOfAll) {
  for (int i = 10; i < 35; ++i) AddGraph("g" + std::to_string(i), std::to_string(i) + " 5 * * *");
  ASSERT_TRUE(daemon_->Reload());
  const std::string span = "from=2026-05-01T00:00:00Z&to=2026-05-03T00:00:00Z&limit=10";
  std::vector<std::string> found;
  std::string cursor;
  for (int page = 0; page < 5; ++page) {
    const json answer = Ask(span + (cursor.empty() ? "" : "&cursor=" + cursor));
    EXPECT_EQ(answer["days"].size(), 2u);
    EXPECT_EQ(answer["days"][0]["count"], 26);
    EXPECT_EQ(answer["days"][0]["graphs"], 26);
    EXPECT_LE(answer["graphs"].size(), 10u);
    for (const json& graph : answer["graphs"]) found.push_back(graph["graph"]);
    if (answer["next"].is_null()) break;
    cursor = answer["next"];
  }
  ASSERT_EQ(found.size(), 26u);
  EXPECT_EQ(found.front(), "daily");
  EXPECT_EQ(found.back(), "g34");
}

TEST_F(ScheduleApiTest, AnswersAtTheEndsOfTheCalendar) {
  AddGraph("each-minute", "* * * * *", "Pacific/Kiritimati");
  AddGraph("fixed", "0-59 0-23 * * *", "America/Adak");
  ASSERT_TRUE(daemon_->Reload());
  for (const char* const zone : {"UTC", "Pacific/Kiritimati", "America/Adak"}) {
    for (const char* const span : {"from=0000-01-01T00:00:00Z&to=0000-02-20T00:00:00Z",
                                   "from=9999-12-01T00:00:00Z&to=9999-12-31T23:59:59Z"}) {
      const json answer = Ask(std::string(span) + "&zone=" + zone);
      EXPECT_EQ(Of(answer, "each-minute")["instants"], json::array()) << span << " " << zone;
      EXPECT_GE(answer["days"].size(), 31u) << span << " " << zone;
    }
  }
}

// What is counted of all schedules is kept, and is not to outlive the definitions.
TEST_F(ScheduleApiTest, CountsAnewWhenADefinitionHasChanged) {
  const std::string query = "from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";
  const int before = Ask(query)["days"][0]["count"];
  EXPECT_EQ(Ask(query)["days"][0]["count"], before);
  AddGraph("six-hourly", "0 */6 * * *", "UTC");
  ASSERT_TRUE(daemon_->Reload());
  EXPECT_EQ(Ask(query)["days"][0]["count"], before + 4);
  EXPECT_EQ(Ask(query + "&graph=six-hourly")["days"][0]["count"], 4);
  EXPECT_EQ(Ask(query + "&graph=six-hourly&cursor=six-hourly")["graphs"].size(), 0u);
}

TEST_F(ScheduleApiTest, SaysWhatCannotBeAsked) {
  EXPECT_EQ(Refusal("from=9999-12-31T00:00:00Z"), "\"to\" is beyond the year 9999");
  EXPECT_EQ(Refusal("from=2026-01-01T00:00:00Z&to=2026-03-04T00:00:01Z"),
            "ask for at most 62 days at once");
  EXPECT_EQ(Refusal("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"),
            "\"from\" is not before \"to\"");
  EXPECT_EQ(Refusal("from=2026-01-02"),
            "\"from\" is not an RFC 3339 instant, such as 2026-03-29T01:00:00Z");
  EXPECT_EQ(Refusal("to=2026-01-02T00:00:00+01:00"),
            "\"to\" is not an RFC 3339 instant, such as 2026-03-29T01:00:00Z; write + as %2B");
  EXPECT_EQ(Refusal("limit=501"), "\"limit\" is a number from 1 to 500");
  EXPECT_EQ(Refusal("limit=0"), "\"limit\" is a number from 1 to 500");
  EXPECT_NE(Refusal("zone=Europe/Stokholm").find("Europe/Stockholm"), std::string::npos);
  Refusal("zone=../../../../etc/passwd");
  EXPECT_NE(Refusal("graph=dayly", 404).find("daily"), std::string::npos);
}

}  // namespace
}  // namespace busker::serve

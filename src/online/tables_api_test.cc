// Rows by key over HTTP, without the network: what is asked, and what is answered.
#include "online/tables_api.h"

#include "deliver/warehouse_fixture.h"

namespace busker::online {
namespace {

using deliver::Request;

class TablesApi : public testing::Test, public deliver::WarehouseTest {
 protected:
  TablesApi()
      : warehouse_(
            *deliver::OpenWarehouse("embedded://" + place().string(), deliver::DuckdbPath())),
        reader_(place()) {
    Request request = Asking("one", "customer_id,day,p\nX,1,0.5\n\xc3\xa9 \",2,0.25\n");
    request.key = {"customer_id", "day"};
    request.max_age = std::chrono::hours(36);
    Deliver(request);
  }

  void Deliver(const Request& request) {
    const auto delivery = warehouse_->Deliver(request);
    ASSERT_TRUE(delivery) << delivery.error().message;
  }
  // "200 {...}"
  std::string Ask(const std::string& target, const std::string& body = "") {
    Routes routes;
    AddTableRoutes(routes, {reader_, service_});
    http::Request request;
    request.method = body.empty() ? http::Method::kGet : http::Method::kPost;
    request.target = target;
    request.body = body;
    const auto parsed = http::ParseTarget(target);
    if (!parsed) return "no target";
    http::Parameters parameters;
    const Route* const route = routes.Find(request.method, parsed->path, &parameters);
    if (route == nullptr) return "no route";
    const http::Response response =
        route->handler(Call{request, request.body, *parsed, caller_, parameters, now_});
    return std::to_string(response.status) + " " + std::string(Trim(response.body));
  }

  std::unique_ptr<deliver::Warehouse> warehouse_;
  deliver::TableReader reader_;
  std::string service_;  // whose tables alone are served; empty: all
  access::Caller caller_{"site", access::Scope::kPredict, {}};
  Instant now_ = *ParseRfc3339("2019-08-01T08:00:00.900Z");
};

constexpr char kRows[] = "/v1/tables/game.predictions/rows";
constexpr char kFacts[] =
    "\"delivery\":\"one\",\"model_version\":\"churn/2019-07-01/training/20190801T000000Z\","
    "\"data_date\":\"2019-08-01\",\"age_seconds\":3600}";

TEST_F(TablesApi, AnswersTheRowOfAKeyWithWhereItIsFrom) {
  EXPECT_EQ(Ask(std::string(kRows) + "?customer_id=X&day=1"),
            std::string("200 {\"rows\":[{\"customer_id\":\"X\",\"day\":1,\"p\":0.5}],") + kFacts);
  EXPECT_EQ(
      Ask(std::string(kRows) + "?day=02&customer_id=%C3%A9+%22&as_of=2019-08-01"),
      std::string("200 {\"rows\":[{\"customer_id\":\"\xc3\xa9 \\\"\",\"day\":2,\"p\":0.25}],") +
          kFacts);
  EXPECT_EQ(
      Ask(kRows, R"({"keys": [{"customer_id": "X", "day": 1}, {"customer_id": "", "day": "7"}]})"),
      std::string("200 {\"results\":[{\"rows\":[{\"customer_id\":\"X\",\"day\":1,\"p\":0.5}],") +
          kFacts + ",{\"rows\":[]}]}");
  EXPECT_EQ(Ask(kRows, R"({"keys": []})"), "200 {\"results\":[]}");
}

TEST_F(TablesApi, SaysWhatIsNotThere) {
  EXPECT_EQ(Ask(std::string(kRows) + "?customer_id=X&day=2"),
            "404 {\"error\": \"table game.predictions has no row with the key \\\"X\\\",2\"}");
  EXPECT_EQ(Ask(std::string(kRows) + "?customer_id=X&day=1&as_of=2019-07-31"),
            "404 {\"error\": \"table game.predictions has no row with the key \\\"X\\\",1 as of "
            "2019-07-31\"}");
  for (const char* table : {"game.others", "game", "..", "a.b.c", "GAME.PREDICTIONS"}) {
    const std::string answer = Ask("/v1/tables/" + std::string(table) + "/rows?customer_id=X");
    EXPECT_TRUE(answer.starts_with("404 ") || answer == "no target") << answer;
  }
}

TEST_F(TablesApi, NamesTheColumnsOfTheKeyToWhoAsksByOthers) {
  const auto told = [&](const std::string& answer, const std::string& what) {
    EXPECT_TRUE(answer.starts_with("400 ")) << answer;
    EXPECT_NE(answer.find(what), std::string::npos) << answer;
  };
  const std::string key =
      "; the key of table game.predictions is customer_id (STRING), day (INT64)";
  const std::string rows = kRows;
  told(Ask(rows), "\\\"customer_id\\\" is missing" + key);
  told(Ask(rows + "?customer_id=X"), "\\\"day\\\" is missing" + key);
  told(Ask(rows + "?customer_id=X&day=1&p=0.5"), "\\\"p\\\" is not of the key" + key);
  told(Ask(rows + "?customer_id=X&day=x"), "\\\"x\\\" is not a valid INT64 for \\\"day\\\"");
  told(Ask(rows + "?customer_id=X&customer_id=Y&day=1"), "twice");
  told(Ask(rows + "?customer_id=X&day=1&as_of=yesterday"), "as_of is a date");
  told(Ask(rows + "?customer_id=X&day=1&as_of="), "as_of is a date");
  told(Ask(rows, "{}"), "the body must be {\\\"keys\\\"");
  told(Ask(rows, "[1]"), "the body must be {\\\"keys\\\"");
  told(Ask(rows, "{"), "the body:1:2");
  told(Ask(rows, R"({"keys": [7]})"), "key 1: a key is an object");
  told(Ask(rows, R"({"keys": [{"customer_id": 7, "day": 1}]})"),
       "key 1: \\\"customer_id\\\" must be text, in quotes");
  told(Ask(rows, R"({"keys": [{"customer_id": "X", "day": 1.0}]})"),
       "\\\"day\\\" must be a whole number");
  told(Ask(rows, R"({"keys": [{"customer_id": "X", "day": null}]})"), "must be a whole number");
  told(Ask(rows, R"({"keys": [{"customer_id": "X", "day": 1}, {"day": 1}]})"), "key 2: ");
  told(Ask(rows, R"({"keys": [], "as_off": "2019-08-01"})"), "not this \\\"as_off\\\"");
  std::string many = R"({"keys": [)";
  for (std::size_t i = 0; i <= kKeysMax; ++i) many += i == 0 ? "{}" : ",{}";
  told(Ask(rows, many + "]}"), "at most 1000 keys");
  told(Ask(rows, std::string(kKeysBytesMax + 1, '[')), "at most 1024 KiB");
}

TEST_F(TablesApi, AnswersNothingThatIsTooOld) {
  now_ = *ParseRfc3339("2019-08-03T07:00:00Z");
  const std::string old = Ask(std::string(kRows) + "?customer_id=X&day=1");
  EXPECT_TRUE(
      old.starts_with("503 {\"error\": \"the newest rows of table game.predictions are 2d "
                      "00h old"))
      << old;
  EXPECT_TRUE(Ask(kRows, R"({"keys": [{"customer_id": "X", "day": 1}]})").starts_with("503 "));
  EXPECT_TRUE(
      Ask(std::string(kRows) + "?customer_id=X&day=1&as_of=2019-08-02").starts_with("200 "));
}

TEST_F(TablesApi, ShowsWhoIsConfinedTheTablesOfTheirServicesAlone) {
  caller_.confines = {"other"};
  EXPECT_EQ(Ask(std::string(kRows) + "?customer_id=X&day=1"),
            "404 {\"error\": \"there is no table game.predictions\"}");
  caller_.confines = {"churn"};
  EXPECT_TRUE(Ask(std::string(kRows) + "?customer_id=X&day=1").starts_with("200 "));
  Request request = Asking("two", "customer_id,day,p\nX,1,0.5\n", 2);
  request.key = {"customer_id", "day"};
  request.write = deliver::Write::kAppend;
  request.service = "secret";
  Deliver(request);
  EXPECT_TRUE(Ask(std::string(kRows) + "?customer_id=X&day=1").starts_with("404 "));
}

TEST_F(TablesApi, AnswersFromTheTablesOfTheServiceThatIsServed) {
  service_ = "other";
  EXPECT_TRUE(Ask(std::string(kRows) + "?customer_id=X&day=1").starts_with("404 "));
  service_ = "churn";
  EXPECT_TRUE(Ask(std::string(kRows) + "?customer_id=X&day=1").starts_with("200 "));
}

// Where files are is not for who asks over the network.
TEST_F(TablesApi, SaysThatATableIsDamagedAndNotWhere) {
  io::fs::remove(place() / "game/predictions/parts/one.rows");
  const std::string answer = Ask(std::string(kRows) + "?customer_id=X&day=1");
  EXPECT_EQ(
      answer,
      "503 {\"error\": \"table game.predictions is damaged; busker fsck says where, and mends "
      "what it can\"}");
}

}  // namespace
}  // namespace busker::online

// What BigQuery, the network and other people may do meanwhile.
#include <array>
#include <regex>
#include <thread>

#include "deliver/bigquery_fixture.h"
#include "deliver/bigquery_ledger.h"
#include "deliver/bigquery_sql.h"
#include "deliver/declared_value.h"
#include "deliver/random_values.h"

namespace busker::deliver {
namespace {

using BigQueryFaults = BigQueryFixture;

// ---- the data's way

TEST_F(BigQueryFaults, AFileOfDeclaredColumnsDoesNotComeHere) {
  std::string csv = "\xEF\xBB\xBFs,id\n";
  for (int i = 0; i < 40'000; ++i) csv += "\"a, \"\"b\"\"\nc\"," + std::to_string(i) + "\n";
  const auto delivered = Deliver(Declared("one", csv));
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(delivered->rows, 40'000U);
  EXPECT_EQ(TextOf(warehouse().Query("SELECT count(*), sum(id), min(s) FROM game.predictions", 1)),
            "40000,799980000,a, \"b\"\nc");
  EXPECT_EQ(Requests("alt=media"), 1U) << "its beginning alone";
  // One value that is written in an unusual way, and it has to be looked at.
  const auto unusual = Deliver(Declared("two", "id,s\n1,x\n1e3,y\n", 2));
  ASSERT_TRUE(unusual) << unusual.error().message;
  EXPECT_EQ(Rows(), "1,x; 1000,y");
  EXPECT_EQ(Requests("alt=media"), 3U);
}

// What is called plain is a value for certain: else the table would get another than the text says.
TEST(BigQuerySql, CallsPlainOnlyWhatTheJudgeTakes) {
  const auto number = [](Random& random) {
    std::string text = random() % 3 == 0 ? "-" : "";
    text += Digits(random, 1 + random() % 32);
    if (random() % 2 == 0) text += "." + Digits(random, random() % 22);
    if (random() % 4 == 0)
      text += std::string("e") + (random() % 2 == 0 ? "-" : "") + Digits(random, 1 + random() % 3);
    return text;
  };
  const auto time = [](Random& random) {
    std::string text;
    if (random() % 4 != 0)
      text += Print("%04d", 1 + static_cast<int>(random() % 9999)) + Day(random).substr(4);
    if (random() % 3 != 0)
      text += (text.empty() ? "" : random() % 2 == 0 ? " " : "T") + Clock(random);
    if (random() % 3 == 0) text += "." + Digits(random, random() % 8);
    if (random() % 3 == 0)
      text += Print("%+03d:%02d", static_cast<int>(random() % 33) - 16,
                    static_cast<int>(random() % 70));
    if (random() % 5 == 0) text += "Z";
    return text;
  };
  Random random(7);
  for (const std::string type : {"BOOL", "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "DATE",
                                 "TIME", "DATETIME", "TIMESTAMP"}) {
    const std::regex pattern(PlainPattern(type));
    int plain = 0;
    for (int i = 0; i < 4000; ++i) {
      std::string text =
          type.starts_with("DATE") || type.starts_with("TIME") ? time(random) : number(random);
      if (type == "BOOL") text = std::array{"true", "FALSE", "1", "tRUE", "yes"}[random() % 5];
      if (!std::regex_search(text, pattern)) continue;
      ++plain;
      ASSERT_EQ(DeclaredTypeOf(type).judge(text), Misfit::kNone) << type << " " << text;
    }
    EXPECT_GT(plain, 20) << type;
  }
  for (const std::string type : {"BYTES", "JSON"}) EXPECT_TRUE(PlainPattern(type).empty()) << type;
}

TEST_F(BigQueryFaults, AStoreElsewhereIsRefused) {
  const auto here = artifact::OpenStore("file://" + (folder() / "here").string());
  ASSERT_TRUE((*here)->PutText("x.csv", "id\n1\n", artifact::ForFiles()));
  Request request = Asking("one", "id\n1\n");
  request.source = {here->get(), "x.csv", ""};
  EXPECT_ERROR(Deliver(request), ErrorKind::kInvalid, "artifacts = \"gs://BUCKET\"");
  EXPECT_EQ(Requests("POST /bigquery"), 0U);
}

TEST_F(BigQueryFaults, ABucketInAnotherPlaceIsToldBeforeAnythingBegins) {
  cloud().Control("buckets", {{"name", "far"}, {"location", "us-central1"}});
  const auto far = artifact::OpenStore("gs://far");
  ASSERT_TRUE((*far)->PutText("a/x.csv", "id\n1\n", artifact::ForFiles()));
  Request request = Asking("one", "id\n1\n");
  request.source = {far->get(), "a/x.csv", ""};
  EXPECT_ERROR(Deliver(request), ErrorKind::kInvalid, "bq --location=US-CENTRAL1 mk --dataset");
  EXPECT_EQ(Requests("POST /bigquery"), 0U);
}

// Cloud Storage says EUROPE-WEST1 and BigQuery europe-west1, and that was refused.
TEST_F(BigQueryFaults, ABucketAndADatasetOfOneRegionFit) {
  cloud().Control("buckets", {{"name", "near"}, {"location", "europe-west1"}});
  cloud().Control("datasets", {{"name", "near"}, {"location", "EUROPE-WEST1"}});
  EXPECT_EQ(cloud().Api("GET", "/datasets/near").second.at("location"), "europe-west1");
  const auto near = artifact::OpenStore("gs://near");
  ASSERT_TRUE((*near)->PutText("a/x.csv", "id\n1\n", artifact::ForFiles()));
  Request request = Asking("one", "id\n1\n");
  request.source = {near->get(), "a/x.csv", ""};
  for (const char* table : {"near.predictions", "game.predictions"}) {  // the EU has the region
    request.table = table;
    request.id += "x";
    const auto delivered = Deliver(request);
    ASSERT_TRUE(delivered) << table << ": " << delivered.error().message;
  }
  EXPECT_FALSE(CanLoad("EUROPE-WEST1", "europe-west4"));
  EXPECT_FALSE(CanLoad("US", "EU"));
  EXPECT_TRUE(CanLoad("ASIA-EAST1", "US"));
}

TEST_F(BigQueryFaults, ADatasetThatIsNotThereIsToldWithTheCommandThatMakesIt) {
  Request request = Asking("one", "id\n1\n");
  request.table = "shop.predictions";
  EXPECT_ERROR(Deliver(request), ErrorKind::kNotFound, "mk --dataset example-project:shop");
  const auto only = cloud().Open("/game");
  request.table = "game.predictions";
  ASSERT_TRUE((*only)->Deliver(request));
  request.table = "shop.predictions";
  EXPECT_ERROR((*only)->Deliver(request), ErrorKind::kInvalid, "named game.TABLE");
}

TEST_F(BigQueryFaults, AQueryIsCarriedOutUpToALimitOfBytes) {
  ASSERT_TRUE(Deliver(Asking("one", "id\n1\n")));
  const auto small = cloud().Open("/game?query_bytes_max=1MB");
  EXPECT_ERROR((*small)->Query("SELECT * FROM game.predictions", 1), ErrorKind::kInvalid,
               "query_bytes_max");
  const auto enough = cloud().Open("/game?query_bytes_max=20MB");
  EXPECT_EQ(TextOf((*enough)->Query("SELECT * FROM predictions", 1)), "1");
  for (const char* url : {"bigquery://", "bigquery://P", "bigquery://p/a-b", "bigquery://p?x=1",
                          "bigquery://p?query_bytes_max=many", "bigquery://p/d/e"}) {
    EXPECT_FALSE(ParseBigQueryUrl(url)) << url;
  }
}

// ---- jobs

// An answer that does not come, at each call: a job that began is asked for again, and never twice.
TEST_F(BigQueryFaults, LostAnswersChangeNothing) {
  int places = 0;
  for (const char* kind : {"lost", "answer"}) {
    for (int skip = 0;; ++skip) {
      cloud().Misbehave(kind, "/bigquery/", {{"skip", skip}, {"after", true}, {"status", 503}});
      const std::string id = std::string(kind) + std::to_string(skip);
      Request request = Declared(id, "id,s\n1,x\n");
      request.write = Write::kAppend;
      const auto delivered = Deliver(request);
      ASSERT_TRUE(delivered) << id << ": " << delivered.error().message;
      const json left = cloud().Call("GET", "/_control/misbehave", nullptr).second;
      cloud().Call("DELETE", "/_control/misbehave", nullptr);
      ++places;
      if (!left.at("rules").empty()) break;  // there are not so many calls
    }
  }
  EXPECT_GT(places, 20);
  EXPECT_EQ(TextOf(warehouse().Query("SELECT count(*) FROM game.predictions", 1)),
            std::to_string(places));
  EXPECT_EQ(Deliveries(), static_cast<std::size_t>(places));
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_F(BigQueryFaults, AJobThatIsLateIsWaitedFor) {
  cloud().Misbehave("late_job", "game.predictions", {{"seconds", 1}});
  ASSERT_TRUE(Deliver(Asking("one", "id\n1\n")));
  EXPECT_EQ(Rows(), "1");
}

TEST_F(BigQueryFaults, AJobThatFailsForNowIsFollowedByTheNext) {
  ASSERT_TRUE(Deliver(Asking("one", "id\n1\n")));
  cloud().Misbehave("fail_job", "game.predictions", {{"reason", "backendError"}}, 2);
  cloud().Misbehave("fail_job", "_busker_staging", {{"reason", "internalError"}});
  cloud().Misbehave("fail_job", "_busker_deliveries", {{"reason", "rateLimitExceeded"}});
  const auto delivered = Deliver(Asking("two", "id\n2\n", 2));
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(Rows(), "2");
  EXPECT_EQ(Deliveries(), 2U);
  const auto job = [&](const std::string& n) {
    return cloud().Api(
        "GET", "/jobs/busker_gameDpredictions_T_two_P" + n + "_" + LedgersBirth() + "?location=EU");
  };
  EXPECT_EQ(job("2").second.at("status").at("state"), "DONE");
  EXPECT_EQ(job("3").first, 404);
}

// The table is as it was, the sentence says what to do, and the same delivery may be made later.
TEST_F(BigQueryFaults, AJobThatFailsLeavesTheTableAsItWas) {
  ASSERT_TRUE(Deliver(Asking("one", "id\n1\n")));
  int n = 1;
  for (const char* reason :
       {"quotaExceeded", "accessDenied", "resourcesExceeded", "invalid", "invalidQuery",
        "duplicate", "billingNotEnabled", "stopped", "notFound", "somethingNew"}) {
    for (const char* where : {"game.predictions", "_busker_staging"}) {
      cloud().Misbehave("fail_job", where, {{"reason", reason}, {"message", "It says no."}});
      const std::string id = "d" + std::to_string(++n);
      const std::string before = Rows();
      const auto refused = Deliver(Asking(id, "id\n" + std::to_string(n) + "\n"));
      ASSERT_FALSE(refused) << reason;
      EXPECT_NE(refused.error().message.find("It says no"), std::string::npos)
          << refused.error().message;
      EXPECT_EQ(Rows(), before);
      const auto again = Deliver(Asking(id, "id\n" + std::to_string(n) + "\n"));
      ASSERT_TRUE(again) << reason << ": " << again.error().message;
      EXPECT_EQ(Rows(), std::to_string(n));
    }
  }
}

// Jobs of one name that are not ours: a copy of a home in the same project, or a person's.
TEST_F(BigQueryFaults, AnIdThatSomebodyElseHasUsedIsNotTakenForOurs) {
  ASSERT_TRUE(Deliver(Asking("zero", "id\n0\n")));
  const std::string id = "busker_gameDpredictions_T_one_P0_" + LedgersBirth();
  const json body = {
      {"jobReference", {{"projectId", cloud().project()}, {"jobId", id}, {"location", "EU"}}},
      {"configuration", {{"query", {{"query", "SELECT 1"}, {"useLegacySql", false}}}}}};
  EXPECT_EQ(cloud().Api("POST", "/jobs", body).first, 200);
  const auto delivered = Deliver(Asking("one", "id\n1\n"));
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(Rows(), "1");
  EXPECT_EQ(Deliveries(), 2U);
}

TEST_F(BigQueryFaults, ATurnThatWasLeftBehindIsOverForWhoComesBackToIt) {
  // The row is there, and the process that wrote it is not.
  ASSERT_TRUE(Deliver(Asking("one", "id\n1\n")));
  auto client = BigQueryClient::Open(cloud().project());
  BigQueryLedger ledger(*client, "game", "EU");
  Turn turn;
  turn.table = "game.predictions";
  turn.change.number = 2;
  turn.change.at = Now();
  turn.change.delivery.id = "two";
  turn.change.delivery.table = turn.table;
  turn.change.added = {{"two", 1, "", Now(), 0, "", Now()}};
  turn.job = {JobIdOf(turn.table, "two", 'P', "0"), "EU", "{}"};
  ASSERT_TRUE(ledger.Begin(turn, artifact::ForAnswer()).value());
  EXPECT_FALSE(ledger
                   .Begin(
                       [&] {
                         Turn other = turn;
                         other.change.delivery.id = "three";
                         return other;
                       }(),
                       artifact::ForAnswer())
                   .value())
      << "a turn is given once";
  EXPECT_EQ(Deliveries(), 1U);
  EXPECT_FALSE(warehouse().Check()->empty());
  ASSERT_TRUE(Deliver(Asking("four", "id\n4\n", 2)));
  EXPECT_EQ(Rows(), "4");
  // Who was slow, and asks for its job now, is told that it is another's.
  const auto late = client->Do({turn.job.id, "EU", "{\"query\": {\"query\": \"SELECT 2\"}}"},
                               artifact::ForAnswer());
  EXPECT_FALSE(late->is_ours);
  ASSERT_TRUE(Deliver(Asking("two", "id\n2\n", 2)));
  EXPECT_EQ(Rows(), "2");
  EXPECT_TRUE(warehouse().Check()->empty());
}

// The ledger was gone and BigQuery remembered the jobs: turn 1 was refused again and again, for a
// day and without a pause; and a delivery's own job of before passed for the one that it needs.
TEST_F(BigQueryFaults, ALedgerThatIsGoneBeginsAnew) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  ASSERT_TRUE(Deliver(Declared("two", "id,s\n2,x\n", 2)));
  EXPECT_EQ(cloud().Api("DELETE", "/datasets/game?deleteContents=true").first, 204);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  const json made_anew = {
      {"datasetReference", {{"projectId", cloud().project()}, {"datasetId", "game"}}},
      {"location", "EU"},
      {"defaultTableExpirationMs", "3600000"}};
  EXPECT_EQ(cloud().Api("POST", "/datasets", made_anew).first, 200);
  for (const char* id : {"one", "two"}) {
    const auto delivered = Deliver(Declared(id, std::string("id,s\n3,") + id + "\n", 3));
    ASSERT_TRUE(delivered) << delivered.error().message;
    EXPECT_EQ(Rows(), std::string("3,") + id);
  }
  ASSERT_TRUE(warehouse().Undo("two"));
  EXPECT_EQ(Rows(), "3,one");
  EXPECT_TRUE(cloud().TableResource("predictions").contains("expirationTime"));
  EXPECT_FALSE(cloud().TableResource(kLedgerTable).contains("expirationTime"))
      << "it is kept for good";
}

TEST_F(BigQueryFaults, ALedgerThatHasLostRowsIsTold) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  const auto keep = [&](const std::string& where) {
    const std::string id = "lose_" + std::to_string(where.size());
    const json job = {
        {"jobReference", {{"projectId", cloud().project()}, {"jobId", id}, {"location", "EU"}}},
        {"configuration",
         {{"query",
           {{"query", "SELECT * FROM game._busker_deliveries WHERE " + where},
            {"useLegacySql", false},
            {"writeDisposition", "WRITE_TRUNCATE"},
            {"destinationTable",
             {{"projectId", cloud().project()},
              {"datasetId", "game"},
              {"tableId", kLedgerTable}}}}}}}};
    EXPECT_EQ(cloud().Api("POST", "/jobs", job).first, 200);
    for (int i = 0; i < 6000; ++i) {
      const json state = cloud().Api("GET", "/jobs/" + id + "?location=EU").second;
      if (state.at("status").at("state") == "DONE") break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  const auto request = [&](const std::string& id) {
    Request asked = Declared(id, "id,s\n2,x\n", 2);
    asked.force = true;
    return asked;
  };
  keep("kind = 'begun'");
  EXPECT_ERROR(Deliver(request("two")), ErrorKind::kUnusable, "has lost rows");
  EXPECT_ERROR(warehouse().Undo("one"), ErrorKind::kUnusable, "has lost rows");
  keep("FALSE");
  EXPECT_ERROR(Deliver(request("three")), ErrorKind::kUnusable,
               "bq rm -t example-project:game._busker_deliveries");
  EXPECT_EQ(Rows(), "1,x");
}

}  // namespace
}  // namespace busker::deliver

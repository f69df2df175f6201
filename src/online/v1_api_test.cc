#include "online/v1_api.h"

#include "online/answer.h"
#include "online/online_fixture.h"

namespace busker::online {
namespace {

using nlohmann::json;

TEST_F(OnlineTest, RowsAreAnsweredWithPredictionsAndColumnsWithOutputs) {
  // The same two customers, by name, by place and by column.
  const json wanted = {41.5, 2.5};
  const auto by_name = Post("/v1/models/shop:predict",
                            R"({"signature_name": "x", "instances": [
    {"age": 40, "visits": 0.5, "plan": "free", "active": true},
    {"active": false, "plan": "paid", "visits": null, "age": 1.5}]})");
  EXPECT_EQ(Json(by_name)["predictions"], wanted);
  EXPECT_EQ(Json(by_name)["model_version"], "20260101T000000Z");
  EXPECT_EQ(HeaderOf(by_name, "Busker-Version"), "20260101T000000Z");
  EXPECT_EQ(Json(Post("/v1/models/shop:predict",
                      R"({"instances": [[40, 0.5, "free", true], [1.5, null, "paid", false]]})"))
                ["predictions"],
            wanted);
  EXPECT_EQ(Json(Post("/v1/models/shop:predict",
                      R"({"inputs": {"age": [40, 1.5], "visits": [0.5, NaN],
                          "plan": ["free", "paid"], "active": [true, false]}})"))["outputs"],
            wanted);
  EXPECT_EQ(
      Json(Post(
          "/v1/models/shop/versions/20260101T000000Z:predict",
          R"({"inputs": {"age": 40, "visits": 0.5, "plan": "free", "active": true}})"))["outputs"],
      json({41.5}));
  EXPECT_EQ(Json(Post("/v1/models/shop:predict", R"({"instances": []})"))["predictions"],
            json::array());
}

TEST_F(OnlineTest, CsvMeansWhatJsonMeans) {
  const std::string csv =
      "plan,age,visits,active\r\nfree,40,0.5,true\r\n\"\"\"best\"\", of all\",1.5,,False\r\n";
  EXPECT_EQ(
      Json(Post("/invocations", csv, {{"content-type", "text/csv; charset=utf-8"}}))["predictions"],
      json({41.5, 3.5}));
  EXPECT_EQ(Json(Post("/invocations", "40,0.5,free,true\n1.5,,paid,false",
                      {{"content-type", "text/csv; header=absent"}}))["predictions"],
            json({41.5, 2.5}));
  const auto as_csv =
      Post("/invocations", csv, {{"content-type", "text/csv"}, {"accept", "text/csv"}});
  EXPECT_EQ(as_csv.body, "probability\n41.5\n3.5\n");
  EXPECT_EQ(as_csv.type, "text/csv; charset=utf-8");
  EXPECT_EQ(
      ErrorOf(
          Post("/invocations", "age,plan,active\n1,free,true\n", {{"content-type", "text/csv"}})),
      "the first line of the CSV: field \"visits\": it is not among the columns; without names: "
      "Content-Type: text/csv; header=absent");
  EXPECT_EQ(ErrorOf(Post("/invocations", "age,visits,plan,active\n1,2,free,true\n1,2,free\n",
                         {{"content-type", "text/csv"}})),
            "instance 2: 4 cells are expected, got 3");
  EXPECT_EQ(ErrorOf(Post("/invocations", "age,visits,plan,active\n1,2,\"fr",
                         {{"content-type", "text/csv"}})),
            "instance 1: the CSV cannot be read: a quote does not end");
}

TEST_F(OnlineTest, MlflowsFormsAreRead) {
  EXPECT_EQ(Json(Post("/invocations", R"({"dataframe_split": {"index": [0], "data":
      [["paid", true, 1, 2]], "columns": ["plan", "active", "age", "visits"]}})"))["predictions"],
            json({5}));
  EXPECT_EQ(Json(Post("/invocations", R"({"params": {}, "dataframe_records":
      [{"plan": "paid", "active": true, "age": 1, "visits": 2}]})"))["predictions"],
            json({5}));
  EXPECT_EQ(ErrorOf(Post("/invocations", R"({"instances": [], "inputs": []})")),
            "\"instances\" and \"inputs\" are both there; one is expected");
  EXPECT_EQ(Get("/ping").status, 200);
  EXPECT_EQ(Get("/version").body, "0.1.0\n");
}

TEST_F(OnlineTest, StatusIsInTheFieldsOfBothServers) {
  const json status = Json(Get("/v1/models/shop"));
  EXPECT_EQ(status["name"], "shop");
  EXPECT_EQ(status["ready"], true);
  EXPECT_EQ(status["model_version_status"][0]["state"], "AVAILABLE");
  EXPECT_EQ(status["model_version_status"][0]["version"], "20260101T000000Z");
  EXPECT_EQ(Json(Get("/v1/models"))["models"], json({"shop"}));
  EXPECT_EQ(Json(Get("/")), json({{"status", "alive"}}));
  const json metadata = Json(Get("/v1/models/shop/metadata"));
  EXPECT_EQ(metadata["model_spec"]["name"], "shop");
  EXPECT_TRUE(
      metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"].contains(
          "plan"));
  EXPECT_EQ(metadata["signature"]["inputs"][0]["name"], "age");
}

TEST_F(OnlineTest, WhatIsWrongIsToldInOneSentence) {
  EXPECT_EQ(ErrorOf(Post("/v1/models/shop:predict",
                         R"({"instances": [[1, 2, "free", true], [1, 2, "free", 1]]})")),
            "instance 2: field \"active\": true or false is expected, got 1");
  EXPECT_EQ(Post("/v1/models/other:predict", "{}").status, 404);
  EXPECT_EQ(ErrorOf(Post("/v1/models/shop/versions/20200101T000000Z:predict", "{}")),
            "version 20200101T000000Z of shop is not live here; 20260101T000000Z is");
  EXPECT_EQ(Post("/v1/models/shop", "{}").status, 404);
  EXPECT_EQ(Post("/v1/models/shop:classify", "{}").status, 404);
  EXPECT_EQ(Get("/v1/models/shop:predict").status, 404);
  EXPECT_EQ(Get("/invocations").status, 405);
  EXPECT_EQ(Post("/v1/models/shop:predict", "<xml/>", {{"content-type", "text/xml"}}).status, 400);
  EXPECT_EQ(ErrorOf(Post("/v1/models/shop:predict", "{\"instances\": [")),
            "the JSON cannot be read: byte 16: the JSON ends too early");
}

// A file saved on Windows begins with a mark, and was taken for CSV, or for a column of another
// name.
TEST_F(OnlineTest, AByteOrderMarkSaysNothing) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string asked = R"({"instances": [[1, 2, "free", true]]})";
  const auto plain = Post("/v1/models/shop:predict", asked);
  ASSERT_EQ(plain.status, 200) << plain.body;
  EXPECT_EQ(Post("/v1/models/shop:predict", mark + asked).body, plain.body);
  const auto csv = Post("/v1/models/shop:predict", mark + "1,2,free,true\n",
                        {{"content-type", "text/csv; header=absent"}});
  EXPECT_EQ(csv.status, 200) << csv.body;
}

TEST_F(OnlineTest, AnAnswerThatIsNoNumberIsAnErrorThatNamesTheInstance) {
  const auto answer = Post("/v1/models/shop:predict",
                           R"({"instances": [[1, 2, "free", true], [1e32, 2, "free", true]]})");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(ErrorOf(answer), "instance 2: the model's answer is not a finite number");
}

TEST_F(OnlineTest, WhatIsAskedIsCounted) {
  Post("/v1/models/shop:predict", R"({"instances": [[1, 2, "free", true], [1, 2, "free", true]]})");
  Post("/v1/models/shop:predict", "{}");
  const auto served = models_.Find("shop");
  EXPECT_EQ(served->figures.answered, 1U);
  EXPECT_EQ(served->figures.instances, 2U);
  EXPECT_EQ(served->figures.refused, 1U);
  const std::string page = FiguresPage(models_);
  EXPECT_NE(page.find("busker_predictions_total{service=\"shop\"} 1\n"), std::string::npos) << page;
  EXPECT_NE(page.find("busker_prediction_seconds_count{service=\"shop\"} 2\n"), std::string::npos);
  EXPECT_NE(page.find("version=\"20260101T000000Z\"} 1\n"), std::string::npos);
}

class SeveralOutputsTest : public OnlineTest {
 protected:
  static predict::Signature Two() {
    predict::Signature signature;
    signature.inputs.resize(1);
    signature.inputs[0].name = "x";
    signature.outputs = {"low", "high"};
    return signature;
  }
  SeveralOutputsTest() : OnlineTest(Two()) {}
};

TEST_F(SeveralOutputsTest, TheyAreNamed) {
  EXPECT_EQ(Json(Post("/v1/models/shop:predict", R"({"instances": [1, [2]]})"))["predictions"],
            json::parse(R"([{"low": 1, "high": 2}, {"low": 2, "high": 4}])"));
  EXPECT_EQ(Json(Post("/v1/models/shop:predict", R"({"inputs": {"x": [1, 2]}})"))["outputs"],
            json::parse(R"({"low": [1, 2], "high": [2, 4]})"));
  EXPECT_EQ(
      Post("/invocations", "x\n1\n", {{"content-type", "text/csv"}, {"accept", "text/csv"}}).body,
      "low,high\n1,2\n");
}

TEST(NumbersTest, AFloatIsItsShortestText) {
  std::string text;
  AppendNumber(text, 0.1F);
  text += ' ';
  AppendNumber(text, 16777216.0F);
  text += ' ';
  AppendNumber(text, 1e-10F);
  EXPECT_EQ(text, "0.1 16777216 1e-10");
}

}  // namespace
}  // namespace busker::online

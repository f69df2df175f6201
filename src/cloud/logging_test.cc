#include "cloud/logging.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/test_server.h"

namespace busker::cloud {
namespace {

using Json = nlohmann::json;

std::string Answer(int status, const Json& body) {
  const std::string text = body.dump();
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
         text;
}

Json Refusal(int status, const Json& errors = nullptr) {
  Json error = {{"code", status}, {"message", "it says no"}};
  if (!errors.is_null()) {
    error["details"] = {
        {{"@type", "type.googleapis.com/google.rpc.Help"}},
        {{"@type", "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors"},
         {"logEntryErrors", errors}}};
  }
  return {{"error", error}};
}

LogEntries Two() {
  return {"shop-project",
          "shop-1-training",
          {{"run", "r"}},
          {{"one", Instant(Milliseconds(1)), "r.1", Severity::kError},
           {"two\xff", Instant(Milliseconds(2)), "r.2", Severity::kDefault}}};
}

Result<LogAnswer> Write(const io::TestHttpServer& server, bool dry = false) {
  const GoogleAccess access{"http://" + server.Place(), std::make_shared<Credentials>(),
                            std::make_shared<io::HttpSession>()};
  return WriteEntries(access, Two(), io::Within(Milliseconds(20'000)), dry);
}

Result<LogAnswer> WriteTo(const std::string& answer) { return Write(io::TestHttpServer(answer)); }

TEST(Logging, WritesEntriesWithTheirInstantsAndIds) {
  io::TestHttpServer server(Answer(200, Json::object()));
  const auto answer = Write(server);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->refused, 0U);
  const auto request = server.requests().All().at(0);
  EXPECT_EQ(request.method + " " + request.target, "POST /v2/entries:write");
  const Json body = Json::parse(request.body);
  EXPECT_EQ(body["logName"], "projects/shop-project/logs/shop-1-training");
  EXPECT_EQ(body["labels"], Json({{"run", "r"}}));
  EXPECT_EQ(body["partialSuccess"], true);
  EXPECT_FALSE(body.contains("dryRun"));
  EXPECT_EQ(body["entries"][0], Json({{"textPayload", "one"},
                                      {"timestamp", "1970-01-01T00:00:00.001Z"},
                                      {"insertId", "r.1"},
                                      {"severity", "ERROR"}}));
  EXPECT_EQ(body["entries"][1]["textPayload"], "two\xEF\xBF\xBD") << "what is no UTF-8";
}

TEST(Logging, LooksWhetherItWouldWrite) {
  io::TestHttpServer server(Answer(200, Json::object()));
  ASSERT_TRUE(Write(server, true));
  EXPECT_EQ(Json::parse(server.requests().All().at(0).body)["dryRun"], true);
}

TEST(Logging, CountsWhatIsRefusedForGood) {
  const auto one = WriteTo(Answer(400, Refusal(400, {{"1", {{"code", 3}, {"message", "big"}}}})));
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->refused, 1U);
  EXPECT_NE(one->why.find("it says no"), std::string::npos);
  const auto all = WriteTo(Answer(400, Refusal(400)));
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->refused, 2U) << "none was written";
}

TEST(Logging, SaysWhatMaySucceedLater) {
  EXPECT_EQ(WriteTo(Answer(429, Refusal(429))).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(WriteTo(Answer(503, Refusal(503))).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(WriteTo(Answer(503, Refusal(503, {{"0", {{"code", 14}}}, {"1", {{"code", 3}}}})))
                .error()
                .kind,
            ErrorKind::kTemporary)
      << "some of them may pass";
  EXPECT_EQ(WriteTo("").error().kind, ErrorKind::kTemporary);
  // Once somebody has given the permission, or turned the API on.
  EXPECT_EQ(WriteTo(Answer(403, Refusal(403))).error().kind, ErrorKind::kFailed);
  EXPECT_EQ(WriteTo(Answer(404, Refusal(404))).error().kind, ErrorKind::kNotFound);
}

TEST(Logging, TakesAnswersOfAnyShape) {
  for (const char* details : {"null", "[]", "[1]", "[{}]", "[{\"logEntryErrors\": []}]",
                              "[{\"logEntryErrors\": {\"0\": 1}}]"}) {
    Json body = Refusal(400);
    body["error"]["details"] = Json::parse(details);
    EXPECT_TRUE(WriteTo(Answer(400, body))) << details;
  }
  EXPECT_FALSE(WriteTo("HTTP/1.1 403 x\r\nContent-Length: 4\r\n\r\n[[[["));
}

TEST(Logging, IsOfAProject) {
  EXPECT_EQ(ProjectOfLog("cloud-logging://shop-project").value(), "shop-project");
  EXPECT_EQ(ProjectOfLog("cloud-logging://example.com:shop").value(), "example.com:shop");
  for (const char* url : {"cloud-logging://", "cloud-logging://a/b", "cloud-logging://p?x=1",
                          "cloud-logging://Shop", "file:///var/log"}) {
    const auto project = ProjectOfLog(url);
    ASSERT_FALSE(project) << url;
    EXPECT_NE(project.error().message.find("cloud-logging://PROJECT"), std::string::npos);
  }
}

}  // namespace
}  // namespace busker::cloud

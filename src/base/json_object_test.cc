#include "base/json_object.h"

#include <gtest/gtest.h>

namespace busker {
namespace {

std::string FaultOf(std::string_view text) {
  const auto checked = CheckJson(text, "f.json");
  return checked ? "none" : checked.error().message;
}

bool FaultIsAt(std::string_view text, const std::string& place) {
  return FaultOf(text).starts_with("f.json:" + place + ": ");
}

TEST(Json, AFaultHasTheLineAndColumnWhereItsTokenBegins) {
  EXPECT_EQ(FaultOf("{\"a\": [1, {}, null, true, \"x\"]}"), "none");
  EXPECT_TRUE(FaultIsAt("{\n  \"a\": 1,\n  }", "3:3")) << FaultOf("{\n  \"a\": 1,\n  }");
  EXPECT_TRUE(FaultIsAt("{\n  \"a\": 1\n  \"bc\": 2\n}", "3:3"));
  EXPECT_TRUE(FaultIsAt("[1 234]", "1:4"));
  EXPECT_TRUE(FaultIsAt("{\"a\": nul}", "1:10"));
  EXPECT_TRUE(FaultIsAt("{'a': 1}", "1:2"));
  EXPECT_TRUE(FaultIsAt("[1, 2", "1:6"));
  EXPECT_TRUE(FaultIsAt("", "1:1"));
  EXPECT_TRUE(FaultIsAt("{}\nx", "2:1"));
}

TEST(Json, NoDepthIsTooMuchForTheCheck) {
  EXPECT_EQ(FaultOf(std::string(1'000'000, '[') + std::string(1'000'000, ']')), "none");
  EXPECT_NE(FaultOf(std::string(1'000'000, '[')), "none");
}

TEST(Json, AFaultTellsWhatWasThere) {
  EXPECT_EQ(FaultOf("{\"a\": }"), "f.json:1:7: unexpected '}'; expected '[', '{', or a literal");
}

TEST(Json, TextThatIsNotUtf8IsRefused) {
  EXPECT_NE(FaultOf("{\"a\": \"\xE4\"}"), "none");
  EXPECT_NE(FaultOf("\xFF"), "none");
}

TEST(JsonObject, TellsTheFirstFaultOnly) {
  const auto value = ParseJson(R"({"a": "x", "b": -1})", "f.json").value();
  JsonObject in(value, "f.json");
  std::uint64_t b = 7;
  std::string none;
  in.Get("b", b);
  in.Get("none", none);
  EXPECT_EQ(in.Done().error().message, "f.json: \"b\" is no whole number of at least 0");
  EXPECT_EQ(b, 7U);
}

TEST(JsonObject, RefusesWhatNobodyAskedForWhenTold) {
  const auto value = ParseJson(R"({"a": "x", "b": 1})", "f.json").value();
  JsonObject in(value, "f.json");
  std::string a;
  in.Get("a", a);
  EXPECT_TRUE(in.Done());
  in.RefuseOthers();
  EXPECT_EQ(in.Done().error().message, "f.json: unknown key \"b\"");
}

TEST(JsonObject, BytesOfAnyKindAreReadBackTheSame) {
  const std::vector<std::string> all = {"", "plain", "\xE4\xFF", "\xC3\xA4", "\"\\\n"};
  const auto value = ParseJson(JsonText({{"all", JsonBytes(all)}}), "f.json").value();
  JsonObject in(value, "f.json");
  std::vector<std::string> read;
  in.GetBytes("all", read);
  EXPECT_TRUE(in.Done());
  EXPECT_EQ(read, all);
}

TEST(JsonObject, BytesWithANulAreRefused) {
  const auto value = ParseJson(R"({"a": ["x\u0000y"], "b": [{"hex": "00"}]})", "f.json").value();
  for (const char* name : {"a", "b"}) {
    JsonObject in(value, "f.json");
    std::vector<std::string> read;
    in.GetBytes(name, read);
    EXPECT_FALSE(in.Done()) << name;
  }
}

}  // namespace
}  // namespace busker

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

TEST(Json, IsReadAsTheLibraryReadsIt) {
  for (const char* text :
       {"7", "-7", "18446744073709551615", "1.5e3", "null", "true", "\"\\u00e9\\n\"", "[]", "{}",
        R"({"z": {"b": [1, {"c": []}, {}], "a": ""}, "y": [[], [2], {"z": null}], "": false})"}) {
    EXPECT_EQ(ParseJson(text, "f.json").value(), nlohmann::ordered_json::parse(text)) << text;
    EXPECT_EQ(ParseJson(text, "f.json")->dump(), nlohmann::ordered_json::parse(text).dump());
  }
}

TEST(Json, ANameThatIsThereTwiceInOneObjectIsAFault) {
  EXPECT_TRUE(ParseJson(R"({"a": {"b": 1}, "b": [{"a": 1}, {"a": 2}]})", "f.json"));
  EXPECT_EQ(ParseJson(R"([{"a": 1, "b": {}, "a": 2}])", "f.json").error().message,
            "f.json: \"a\" is there twice");
}

TEST(Json, ANumberThatIsTooLargeIsAFault) {
  EXPECT_NE(ParseJson("[1e999]", "f.json").error().message.find("number overflow"),
            std::string::npos)
      << ParseJson("[1e999]", "f.json").error().message;
}

TEST(JsonObject, TellsTheFirstFaultOnly) {
  const auto value = ParseJson(R"({"a": "x", "b": -1})", "f.json").value();
  JsonObject in(value, "f.json");
  std::uint64_t b = 7;
  std::string none;
  in.Get("b", b);
  in.Get("none", none);
  EXPECT_EQ(in.Done().error().message, "f.json: \"b\" is not a whole number of at least 0");
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

TEST(JsonObject, ReadsEachEntryOfAListAndTellsTheFirstThatIsRefused) {
  const auto value = ParseJson(R"({"a": [1, 2, -3, -4], "b": {}, "c": []})", "f.json").value();
  const auto positive = [](const nlohmann::ordered_json& entry) -> Result<int> {
    const int number = entry.get<int>();
    if (number < 0) return Invalid("no: " + std::to_string(number));
    return number;
  };
  std::vector<int> all;
  JsonObject in(value, "f.json");
  in.GetEach("c", all, positive);
  EXPECT_TRUE(in.Done());
  in.GetEach("a", all, positive);
  EXPECT_EQ(in.Done().error().message, "no: -3");
  EXPECT_EQ(all, (std::vector<int>{1, 2}));
  for (const auto& [name, fault] : {std::pair("b", "f.json: \"b\" is not a list"),
                                    std::pair("d", "f.json: \"d\" is missing")}) {
    JsonObject other(value, "f.json");
    other.GetEach(name, all, positive);
    EXPECT_EQ(other.Done().error().message, fault);
  }
}

TEST(JsonObject, CanRequireWhatMightBeAbsent) {
  const auto value = ParseJson(R"({"a": null})", "f.json").value();
  for (const char* name : {"a", "b"}) {
    JsonObject in(value, "f.json");
    Instant instant{};
    in.Get(name, instant);
    EXPECT_TRUE(in.Done());
    in.Require(name);
    EXPECT_EQ(in.Done().error().message, std::string("f.json: \"") + name + "\" is missing");
  }
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

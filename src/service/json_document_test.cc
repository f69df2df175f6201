#include "service/json_document.h"

#include <gtest/gtest.h>

namespace busker::service {
namespace {

std::string FaultOf(const std::string& text) {
  Faults faults("x.json");
  const auto node = ParseJsonDocument(text, 1 << 20, faults);
  EXPECT_TRUE(node.has_value() || !faults.empty());
  return faults.empty() ? "" : faults.Sentences().front();
}

Node Parsed(const std::string& text) {
  Faults faults("x.json");
  auto node = ParseJsonDocument(text, 1 << 20, faults);
  EXPECT_TRUE(faults.empty()) << faults.Sentences().front();
  return node.value_or(Node{});
}

TEST(JsonDocument, KeepsValuesAndTheirPlaces) {
  const Node top = Parsed("{\"a\": [1, -2.5,\n  true, null],\r\n \"ä\": {\"b\":\"x\"}}");
  ASSERT_EQ(top.members.size(), 2U);
  const Node& a = top.members[0].value;
  ASSERT_EQ(a.items.size(), 4U);
  EXPECT_EQ(a.items[0].integer, 1);
  EXPECT_EQ(a.items[1].number, -2.5);
  EXPECT_EQ(a.items[2].at.line, 2);
  EXPECT_EQ(a.items[2].at.column, 3);
  EXPECT_TRUE(a.items[2].boolean);
  EXPECT_EQ(a.items[3].kind, Node::Kind::kNull);
  const Member& b = top.members[1].value.members[0];
  EXPECT_EQ(b.at.line, 3);
  EXPECT_EQ(b.at.column, 8);  // characters, not bytes
  EXPECT_EQ(b.value.at.column, 12);
}

TEST(JsonDocument, ReadsEscapes) {
  EXPECT_EQ(
      Parsed(R"({"a": "\"\\\/\b\f\n\r\t\u0041\u00e4\u20ac\ud83d\ude00"})").members[0].value.text,
      "\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(JsonDocument, ReadsNumbersToTheirLimits) {
  const Node top = Parsed(
      R"({"a": 9223372036854775807, "b": -9223372036854775808, "c": 9223372036854775808, "d": 1E2})");
  EXPECT_EQ(top.members[0].value.integer, INT64_MAX);
  EXPECT_EQ(top.members[1].value.integer, INT64_MIN);
  EXPECT_EQ(top.members[2].value.kind, Node::Kind::kFloat);
  EXPECT_EQ(top.members[3].value.number, 100.0);
}

TEST(JsonDocument, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(FaultOf(""), "x.json:1:1: not JSON: the file is empty");
  EXPECT_EQ(FaultOf("[]"), "x.json:1:1: the file must hold an object, {...}, not an array");
  EXPECT_EQ(FaultOf("{\"a\": 1,\n}"), "x.json:1:8: not JSON: a comma before \"}\"; take it away");
  EXPECT_EQ(FaultOf("{\"a\": True}"), "x.json:1:7: not JSON: True is Python's; write true");
  EXPECT_EQ(FaultOf("{\"a\": x}"),
            "x.json:1:7: not JSON: \"x\" is not a value; text needs double quotes");
  EXPECT_EQ(FaultOf("{\"a\": 'x'}"),
            "x.json:1:7: not JSON: a text needs double quotes, not single ones");
  EXPECT_EQ(FaultOf("{\"a\": 1 \"b\": 2}"),
            "x.json:1:9: not JSON: a string stands where \",\" or \"}\" should be");
  EXPECT_EQ(FaultOf("{\"a\": [1"), "x.json:1:9: not JSON: the file ends within an array");
  EXPECT_EQ(FaultOf("{\"a\": \"x\n\"}"),
            "x.json:1:7: not JSON: this string does not end on its line; a line end is written "
            "\"\\n\"");
  EXPECT_EQ(FaultOf("{\n // x\n}"), "x.json:2:2: not JSON: JSON has no comments");
  EXPECT_EQ(FaultOf("{\"a\": \"\xC3\xA4\xFF\"}"),
            "x.json:1:9: not JSON: a byte that is not UTF-8; save the file as UTF-8");
  EXPECT_EQ(FaultOf("{\"a\": 1, \"a\": 2}"),
            "x.json:1:10: the key \"a\" is there already, in line 1");
  EXPECT_EQ(FaultOf("{} x"), "x.json:1:4: not JSON: \"x\" stands behind the end of the document");
}

}  // namespace
}  // namespace busker::service

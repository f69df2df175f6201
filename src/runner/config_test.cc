#include "runner/config.h"

#include <gtest/gtest.h>

namespace busker::runner {
namespace {

using Placeholders = std::map<std::string, std::string>;

std::string FaultOf(std::string_view text, const Placeholders& placeholders = {}) {
  const auto expanded = ExpandConfig(text, "configs/training.json", placeholders);
  return expanded ? "none" : expanded.error().message;
}

TEST(Config, PlaceholdersAreReplacedAndAllElseIsAsItWas) {
  const auto expanded = ExpandConfig(
      "{\r\n\t\"name\" : \"${NAME}\", \"n\": 1.50,\n \"path\":\"gs://${NAME}/${ACTION}\"}", "c",
      {{"NAME", "churn"}, {"ACTION", "training"}});
  ASSERT_TRUE(expanded) << expanded.error().message;
  EXPECT_EQ(*expanded,
            "{\r\n\t\"name\" : \"churn\", \"n\": 1.50,\n \"path\":\"gs://churn/training\"}");
}

TEST(Config, AValueIsEscapedAndNeverReadAgain) {
  const auto expanded = ExpandConfig(R"({"a": "${A}", "b": "${B}"})", "c",
                                     {{"A", "say \"hi\"\\\n\x01"}, {"B", "${A}\", \"c\": \"x"}});
  ASSERT_TRUE(expanded) << expanded.error().message;
  EXPECT_EQ(*expanded, R"({"a": "say \"hi\"\\\n\u0001", "b": "${A}\", \"c\": \"x"})");
}

TEST(Config, AnUnknownPlaceholderIsNamedWithItsPlace) {
  EXPECT_EQ(FaultOf("{\n  \"a\": \"x${NOPE}\"\n}", {{"NAME", "churn"}, {"DATE", "d"}}),
            "configs/training.json:2:10: unknown placeholder ${NOPE}; there are ${DATE} ${NAME}");
  EXPECT_EQ(FaultOf("[\"${A}\"]"),
            "configs/training.json:1:3: unknown placeholder ${A}; there are none");
}

TEST(Config, WhatIsNoPlaceholderStays) {
  const std::string text = R"({"a": "$ ${ ${} ${a b} ${a-b} $NAME {NAME} $${"})";
  EXPECT_EQ(ExpandConfig(text, "c", {{"NAME", "x"}}).value(), text);
}

TEST(Config, TextThatIsNoJsonIsRefusedWithItsPlace) {
  EXPECT_EQ(FaultOf("{\n  \"rows\": 1,\n     } "),
            "configs/training.json:3:6: unexpected '}'; expected string literal");
  EXPECT_EQ(FaultOf("").substr(0, 26), "configs/training.json:1:1:");
  EXPECT_EQ(FaultOf("{\"a\": ${A}}", {{"A", "1"}}).substr(0, 26), "configs/training.json:1:7:");
}

TEST(Config, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(FaultOf("{\"a\": \"\xE4\"}"), "configs/training.json: it is not UTF-8");
  EXPECT_EQ(FaultOf("{\"a\": \"${A}\"}", {{"A", "\xE4"}}),
            "configs/training.json:1:8: the value of ${A} is not UTF-8");
}

TEST(Config, AResultThatGrowsPastTheLimitIsRefused) {
  std::string text = "[\"\"";
  for (int i = 0; i < 300; ++i) text += ",\"${A}\"";
  EXPECT_NE(FaultOf(text + "]", {{"A", std::string(1 << 20, 'x')}}).find("limit"),
            std::string::npos);
}

TEST(Config, AnyDepthIsAConfig) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(ExpandConfig(deep, "c", {}).value(), deep);
}

}  // namespace
}  // namespace busker::runner

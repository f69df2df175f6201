#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "service/test_folder.h"

namespace busker::service {
namespace {

using nlohmann::json;

// The words behind "there are" in the fault for an unknown key: what the parser knows.
std::set<std::string> KeysOfParser(const std::string& table) {
  const std::string fault = FaultOf(table + "\nzzzzzzzzzzzzzzzz = 1\n");
  const std::string marker = "; there are ";
  const auto begin = fault.find(marker);
  EXPECT_NE(begin, std::string::npos) << fault;
  std::set<std::string> keys;
  std::string key;
  for (char c : fault.substr(begin + marker.size()) + ",") {
    if (c == ',') {
      keys.insert(key);
      key.clear();
    } else if (c != ' ') {
      key += c;
    }
  }
  return keys;
}

std::set<std::string> KeysOfSchema(const json& table) {
  std::set<std::string> keys;
  for (const auto& [key, value] : table.at("properties").items()) keys.insert(key);
  return keys;
}

TEST(JsonSchema, HasTheKeysThatTheParserKnows) {
  const json schema = json::parse(JsonSchema());
  EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(KeysOfSchema(schema), KeysOfParser(""));
  const json& defs = schema.at("$defs");
  EXPECT_EQ(KeysOfSchema(defs.at("model")), KeysOfParser("[model]"));
  EXPECT_EQ(KeysOfSchema(defs.at("action")), KeysOfParser("[actions.training]"));
  EXPECT_EQ(KeysOfSchema(defs.at("delivery")),
            KeysOfParser("[actions.application.deliver.\"predictions.csv\"]"));
  EXPECT_EQ(KeysOfSchema(defs.at("notify")), KeysOfParser("[notify]"));
  EXPECT_EQ(KeysOfSchema(defs.at("secret")), KeysOfParser("[model.secrets.KEY]\nname = \"x\""));
  EXPECT_EQ(KeysOfSchema(defs.at("target")), KeysOfParser("[targets.cloud]"));
  EXPECT_EQ(KeysOfSchema(defs.at("image")), KeysOfParser("[image]"));
}

TEST(JsonSchema, DescribesEveryKeyAndAllowsNoOther) {
  const json schema = json::parse(JsonSchema());
  std::vector<json> tables = {schema};
  for (const auto& [name, table] : schema.at("$defs").items()) tables.push_back(table);
  ASSERT_EQ(tables.size(), 8U);
  for (const json& table : tables) {
    EXPECT_EQ(table.at("additionalProperties"), false);
    for (const auto& [key, property] : table.at("properties").items()) {
      EXPECT_GT(property.at("description").get<std::string>().size(), 10U) << key;
      if (property.contains("$ref")) {
        const auto path = property.at("$ref").get<std::string>().substr(1);
        EXPECT_TRUE(schema.contains(json::json_pointer(path))) << path;
      }
    }
  }
}

// The examples are what messages and editors show, so they must be right.
TEST(JsonSchema, HasExamplesThatTheParserTakes) {
  const json action = json::parse(JsonSchema()).at("$defs").at("action").at("properties");
  int tried = 0;
  for (const auto& [key, property] : action.items()) {
    if (!property.contains("examples")) continue;
    const std::string value = property.at("examples").at(0).dump();
    std::string text = "[actions.application]\n" + key + " = " + value + "\n";
    if (key != "schedule") text += "schedule = \"@daily\"\n";
    if (key == "require_approval") text += "promote = true\n";
    if (key == "pool_slots") text += "pool = \"warehouse\"\n";
    EXPECT_EQ(FaultOf(text), "");
    ++tried;
  }
  EXPECT_GE(tried, 25);
}

}  // namespace
}  // namespace busker::service

#include "base/json_writer.h"

#include <gtest/gtest.h>

#include "base/json_object.h"

namespace busker {
namespace {

using nlohmann::ordered_json;

// The writer's text of a value, whatever is in it. Texts are written as Bytes.
void Write(const ordered_json& value, JsonWriter& json) {
  if (value.is_object()) {
    json.BeginObject();
    for (const auto& [name, member] : value.items()) Write(member, json.Key(name));
    json.EndObject();
  } else if (value.is_array()) {
    json.BeginArray();
    for (const ordered_json& member : value) Write(member, json);
    json.EndArray();
  } else if (value.is_string()) {
    json.Text(value.get<std::string>());
  } else if (value.is_boolean()) {
    json.Flag(value.get<bool>());
  } else if (value.is_number_unsigned()) {
    json.Number(value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    json.Number(value.get<std::int64_t>());
  } else {
    json.Null();
  }
}

std::string Written(const ordered_json& value) {
  JsonWriter json;
  Write(value, json);
  return std::move(json).Take();
}

// Orders and exit records were written by way of a tree; what reads them sees no difference.
TEST(JsonWriter, WritesWhatJsonTextDoes) {
  const ordered_json values[] = {
      ordered_json::object(),
      ordered_json::array(),
      {{"a", 1}, {"b", ordered_json::object()}, {"c", ordered_json::array()}},
      {{"a", {1, -2, {{"b", nullptr}, {"c", {"x", true, false}}}, ordered_json::array()}}},
      {{"largest", std::numeric_limits<std::uint64_t>::max()},
       {"least", std::numeric_limits<std::int64_t>::min()}},
      {{"empty", ""}, {"quote\"", "a\\b\"c"}, {"line", "a\nb\tc\r\x01\x7F"}},
      {{"beyond ASCII", "Grüße, 世界, \xF0\x9F\x8E\xB8"}, {"no UTF-8", "a\xFF\xE4z"}},
  };
  for (const ordered_json& value : values) EXPECT_EQ(Written(value), JsonText(value));
}

TEST(JsonWriter, WritesBytesAsJsonBytesDoes) {
  for (const std::string bytes : {"", "plain", "Grüße", "a\"b\\c\n", "a\xFF\xE4z"}) {
    JsonWriter json;
    json.BeginObject();
    json.Key("bytes").Bytes(bytes);
    json.Key("next").BeginArray();
    json.Bytes(bytes).Bytes("z").EndArray().EndObject();
    const ordered_json tree = {{"bytes", JsonBytes(bytes)},
                               {"next", JsonBytes(std::vector<std::string>{bytes, "z"})}};
    EXPECT_EQ(std::move(json).Take(), JsonText(tree));
  }
}

}  // namespace
}  // namespace busker

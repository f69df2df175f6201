#include "predict/instances.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

namespace busker::predict {
namespace {

Input Field(const std::string& name, Type type, bool missing = false) {
  Input input;
  input.name = name;
  input.type = type;
  input.missing = missing;
  return input;
}

Signature SixFields() {
  Signature signature;
  signature.inputs = {Field("age", Type::kNumber),   Field("visits", Type::kInteger, true),
                      Field("paid", Type::kBoolean), Field("plan", Type::kCategory),
                      Field("since", Type::kDate),   Field("score", Type::kNumber, true)};
  signature.inputs[3].categories = {"free", "paid", "käse"};
  signature.outputs = {"probability"};
  return signature;
}

std::vector<float> Read(const std::string& json, const Signature& signature = SixFields()) {
  const auto rows = ReadInstances(json, signature, 100);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? rows->values : std::vector<float>();
}

std::string Fault(const std::string& json, const Signature& signature = SixFields()) {
  const auto rows = ReadInstances(json, signature, 100);
  EXPECT_FALSE(rows) << json;
  return rows ? "" : rows.error().message;
}

const std::string kRow =
    R"({"age": 41.5, "visits": 3, "paid": true, "plan": "paid", "since": "1970-02-01", "score": 1})";

TEST(InstancesTest, ARowIsTheSameByNameAndByPlace) {
  // Names in any order, values in the signature's: each lands in the column that it names.
  const std::vector<float> wanted = {41.5F, 3, 1, 1, 31, 1};
  EXPECT_EQ(Read("[" + kRow + "]"), wanted);
  EXPECT_EQ(Read(R"([[41.5, 3, true, "paid", "1970-02-01", 1]])"), wanted);
  EXPECT_EQ(Read(R"([{"score": 1.0, "plan": "p\u0061id", "since": "1970-02-01", "paid": true,
                      "visits": 3.0, "age": 4.15e1}])"),
            wanted);
}

TEST(InstancesTest, DecimalsAreRoundedToDoubleAndThenToFloat) {
  // 1.00000017881393432617187499 is just below the middle of two floats: read straight as a float
  // it is the lower one, by way of the double, which is the middle, the even one.
  Signature signature;
  signature.inputs = {Field("x", Type::kNumber)};
  const char* const text = "1.00000017881393432617187499";
  EXPECT_EQ(Read(std::string("[") + text + "]", signature),
            std::vector<float>{static_cast<float>(std::strtod(text, nullptr))});
  EXPECT_EQ(Read("[1e-400, -0.0, 16777217]", signature), (std::vector<float>{0, -0.0F, 16777216}));
}

TEST(InstancesTest, WhatIsMissingIsTakenOnlyWhereItMayBe) {
  const auto row = Read(R"([[1, null, false, "free", "2026-11-30", NaN]])");
  ASSERT_EQ(row.size(), 6U);
  EXPECT_TRUE(std::isnan(row[1]) && std::isnan(row[5]));
  EXPECT_EQ(Fault(R"([[null, 1, false, "free", "2026-11-30", 1]])"),
            "instance 1: field \"age\": a number is expected, got null");
  EXPECT_EQ(Fault(R"([[NaN, 1, false, "free", "2026-11-30", 1]])"),
            "instance 1: field \"age\": a number is expected, got NaN");
  EXPECT_EQ(Fault("[" + kRow + R"(, {"age": 1}])"),
            "instance 2: field \"visits\": it is not there");
}

TEST(InstancesTest, AFaultNamesInstanceFieldExpectedAndGot) {
  const auto with = [](const std::string& name, const std::string& value) {
    auto row = nlohmann::ordered_json::parse(kRow);
    std::string text = "[" + kRow + ", {";
    for (const auto& [key, old] : row.items()) {
      text += "\"" + key + "\": " + (key == name ? value : old.dump()) + ",";
    }
    text.back() = '}';
    return Fault(text + "]");
  };
  EXPECT_EQ(with("age", "\"abc\""), "instance 2: field \"age\": a number is expected, got \"abc\"");
  EXPECT_EQ(with("age", "true"), "instance 2: field \"age\": a number is expected, got true");
  EXPECT_EQ(with("age", "1e39"), "instance 2: field \"age\": a number is expected, got 1e39");
  EXPECT_EQ(with("age", "-Infinity"),
            "instance 2: field \"age\": a number is expected, got -Infinity");
  EXPECT_EQ(with("age", "[1]"), "instance 2: field \"age\": a number is expected, got a list");
  EXPECT_EQ(with("visits", "2.5"),
            "instance 2: field \"visits\": a whole number is expected, got 2.5");
  EXPECT_EQ(with("paid", "1"), "instance 2: field \"paid\": true or false is expected, got 1");
  EXPECT_EQ(with("plan", "1"),
            "instance 2: field \"plan\": the text of a category is expected, got 1");
  EXPECT_EQ(with("plan", "\"payd\""),
            "instance 2: field \"plan\": \"payd\" is none of its 3 categories; did you mean "
            "\"paid\"?");
  EXPECT_EQ(with("since", "\"2026-02-30\""),
            "instance 2: field \"since\": a date is expected, as \"2026-11-30\", got "
            "\"2026-02-30\"");
  // Of what is long, 40 characters are told, and no half of one.
  const std::string told =
      with("age", "\"" + std::string(39, 'x') + "ää" + std::string(900, 'y') + "\"");
  EXPECT_EQ(told, "instance 2: field \"age\": a number is expected, got \"" + std::string(39, 'x') +
                      "...\"");
}

TEST(InstancesTest, ExtraFieldsAreRefusedOrIgnoredAsTheSignatureSays) {
  Signature signature;
  signature.inputs = {Field("age", Type::kNumber)};
  EXPECT_EQ(Fault(R"([{"aeg": 1}])", signature),
            "instance 1: the model has no input \"aeg\"; did you mean \"age\"?");
  EXPECT_EQ(Fault(R"([{"age": 1, "age": 2}])", signature),
            "instance 1: field \"age\": it is there twice");
  signature.refuses_extra = false;
  EXPECT_EQ(Read(R"([{"x": [{"y": {}}, []], "age": 7, "z": "\n"}])", signature),
            std::vector<float>{7});
}

TEST(InstancesTest, UnseenCategoriesAreMissingWhereTheSignatureSaysSo) {
  Signature signature = SixFields();
  signature.inputs[3].unseen = Unseen::kMissing;
  EXPECT_TRUE(std::isnan(Read(R"([[1, 1, true, "gold", "2026-11-30", 1]])", signature)[3]));
  EXPECT_EQ(Read(R"([[1, 1, true, "k\u00e4se", "2026-11-30", 1]])", signature)[3], 2);
}

TEST(InstancesTest, ACellOfCsvMeansWhatTheValueMeans) {
  const Signature signature = SixFields();
  FieldReader fields(signature);
  EXPECT_EQ(fields.ReadCell(0, "41.5", false).value(), 41.5F);
  EXPECT_EQ(fields.ReadCell(2, "True", false).value(), 1);
  EXPECT_EQ(fields.ReadCell(3, "free", false).value(), 0);
  EXPECT_EQ(fields.ReadCell(4, "1970-02-01", true).value(), 31);
  EXPECT_TRUE(std::isnan(fields.ReadCell(5, "", false).value()));
  EXPECT_TRUE(std::isnan(fields.ReadCell(5, "nan", false).value()));
  for (const char* wrong : {"", "nan", "0x10", "1 2", "abc", "1,5", "Infinity", "+1"}) {
    EXPECT_FALSE(fields.ReadCell(0, wrong, false)) << wrong;
  }
  EXPECT_FALSE(fields.ReadCell(2, "1", false));
}

TEST(InstancesTest, MoreRowsThanAreTakenAreRefused) {
  Signature signature;
  signature.inputs = {Field("x", Type::kNumber)};
  EXPECT_TRUE(ReadInstances("[1, 2, 3]", signature, 3));
  EXPECT_FALSE(ReadInstances("[1, 2, 3, 4]", signature, 3));
}

TEST(InstancesTest, JsonThatIsNoneIsToldWithItsPlace) {
  Signature signature;
  signature.inputs = {Field("x", Type::kNumber)};
  for (const char* wrong :
       {"",      "[",         "[1",          "[1,",      "[1,]",          "[,1]",          "[1 2]",
        "[1]]",  "[01]",      "[1.]",        "[.5]",     "[+1]",          "[1e]",          "[tru]",
        "[nul]", "[\"\\x\"]", "[{\"x\" 1}]", "[{x: 1}]", "[{\"x\": 1,}]", "[\"\\ud800\"]", "[-]",
        "[--1]", "[-NaN]",    "[1] x"}) {
    EXPECT_NE(Fault(wrong, signature).find("the JSON cannot be read: byte "), std::string::npos)
        << wrong << ": " << Fault(wrong, signature);
  }
  std::string deep(100'000, '[');
  EXPECT_NE(Fault(deep, signature).find("64 deep"), std::string::npos);
}

TEST(JsonPullTest, ItUnderstandsWhatAnotherReaderUnderstands) {
  // Texts made by chance from pieces of JSON: where nlohmann's reader reads one, this skips all of
  // it, and where it does not, this does not either.
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {
      "{",       "}",    "[",    "]", ",",     ":",    "\"a\"", "\"\\u00e4\"", "1",
      "-0.5e3 ", "true", "null", " ", "false", "\"\"", "0",     "\"\\\"\""};
  int good = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += pieces[random() % pieces.size()];
    JsonPull json(text);
    json.Skip();
    const bool read = json.AtEnd();
    ASSERT_EQ(read, nlohmann::json::accept(text)) << text;
    good += read ? 1 : 0;
  }
  EXPECT_GT(good, 500);
}

}  // namespace
}  // namespace busker::predict

// The readers of models' files believe nothing: no length beyond the bytes, no depth without end;
// and read what XGBoost writes in either format as the same.
#include "predict/value_reader.h"

#include <gtest/gtest.h>

#include <cmath>

namespace busker::predict {
namespace {

using namespace std::string_literals;

std::string Big(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

TEST(UbjsonReader, ReadsTypedListsOfEveryWidth) {
  std::vector<std::int64_t> whole;
  const auto integers = [&](const std::string& bytes) -> std::vector<std::int64_t> {
    const auto reader = MakeUbjsonReader(bytes);
    EXPECT_TRUE(reader->Integers(whole)) << bytes;
    EXPECT_TRUE(reader->End());
    return whole;
  };
  using List = std::vector<std::int64_t>;
  EXPECT_EQ(integers("[$U#L" + Big(2, 8) + "\x01\xFF"), (List{1, 255}));
  EXPECT_EQ(integers("[$i#U\x01\xFF"), (List{-1}));
  EXPECT_EQ(integers("[$I#U\x01" + Big(0xFFFE, 2)), (List{-2}));
  EXPECT_EQ(integers("[$l#U\x01" + Big(0xFFFFFFFD, 4)), (List{-3}));
  EXPECT_EQ(integers("[$L#U\x01" + Big(static_cast<std::uint64_t>(-4), 8)), (List{-4}));
  EXPECT_EQ(integers("[#U\x02TU\x07"), (List{1, 7}));
}

TEST(UbjsonReader, BelievesNoLengthBeyondTheBytes) {
  std::vector<float> floats;
  std::vector<std::int64_t> whole;
  for (const std::string& bytes :
       {"[$d#L" + Big(1, 8), "[$d#L" + Big(std::uint64_t{1} << 60, 8) + "abcd",
        "[$d#L" + Big(static_cast<std::uint64_t>(-1), 8) + "abcd", "[$Z#L" + Big(1u << 30, 8),
        "[$d#"s, "[$d"s, "[$"s, "["s, ""s, "[#L" + Big(std::uint64_t{1} << 40, 8)}) {
    EXPECT_FALSE(MakeUbjsonReader(bytes)->Floats(floats)) << bytes;
    EXPECT_FALSE(MakeUbjsonReader(bytes)->Integers(whole)) << bytes;
    EXPECT_FALSE(MakeUbjsonReader(bytes)->Skip()) << bytes;
  }
  EXPECT_FALSE(MakeUbjsonReader("SL" + Big(100, 8) + "abc")->Text());
  EXPECT_FALSE(MakeUbjsonReader("SU\x01\xFF")->Text());  // no UTF-8
}

TEST(Readers, NestOnlySoDeep) {
  EXPECT_FALSE(MakeUbjsonReader(std::string(100000, '['))->Skip());
  EXPECT_FALSE(MakeJsonReader(std::string(100000, '['))->Skip());
  EXPECT_TRUE(MakeJsonReader(std::string(20, '[') + std::string(20, ']'))->Skip());
}

TEST(JsonReader, ReadsNumbersAsXgboostWritesThem) {
  std::vector<float> floats;
  ASSERT_TRUE(MakeJsonReader("[1.5E-1, -0.0, 3, NaN, Infinity, -Infinity, 1E-45, 16777217]")
                  ->Floats(floats));
  ASSERT_EQ(floats.size(), 8u);
  EXPECT_EQ(floats[0], 0.15f);
  EXPECT_TRUE(std::signbit(floats[1]));
  EXPECT_EQ(floats[2], 3.0f);
  EXPECT_TRUE(std::isnan(floats[3]));
  EXPECT_TRUE(std::isinf(floats[4]) && std::isinf(floats[5]) && floats[5] < 0);
  EXPECT_EQ(floats[6], 1e-45f);
  EXPECT_EQ(floats[7], 16777216.0f);
  for (const char* text :
       {"[1e60]", "[1,]", "[,1]", "[--1]", "[0x10]", "[1 2]", "[\"1\"]", "[null]"}) {
    EXPECT_FALSE(MakeJsonReader(text)->Floats(floats)) << text;
  }
}

TEST(JsonReader, ReadsTextsWithEscapes) {
  const auto text = [](const char* json) { return MakeJsonReader(json)->Text().value_or("no"); };
  EXPECT_EQ(text(R"("a\"\\\/\n\u00e9\ud83d\ude00")"), "a\"\\/\n\xC3\xA9\xF0\x9F\x98\x80");
  for (const char* json : {R"("\ud83d")", R"("\ude00")", R"("\ud83d\u0041")", R"("\x")",
                           R"("\u12")", "\"\xFF\"", "\"a", "a"}) {
    EXPECT_EQ(text(json), "no") << json;
  }
}

TEST(Readers, AreToldApartByHowTheFileBegins) {
  const auto first_name = [](const std::string& bytes) {
    std::string first;
    const auto reader = MakeReader(bytes);
    EXPECT_TRUE(reader->Object([&](std::string_view name) {
      first = name;
      return reader->Skip();
    })) << bytes;
    return first;
  };
  EXPECT_EQ(first_name("{L" + Big(1, 8) + "aT}"), "a");
  EXPECT_EQ(first_name(R"({"a":true})"), "a");
  EXPECT_EQ(first_name("{\n \"a\": {\"b\": [1, \"}]\"]}}"), "a");
}

}  // namespace
}  // namespace busker::predict

// Numbers of JSON are the nearest doubles, whichever way they are read.
#include "predict/json_pull.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace busker::predict {
namespace {

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

void ExpectNearest(const std::string& text) {
  for (const std::string& around : {text, " " + text + " "}) {
    JsonPull json(around);
    std::string_view as_came;
    const double value = json.Number(&as_came);
    EXPECT_TRUE(json.AtEnd()) << text << ": " << json.fault();
    EXPECT_EQ(as_came, text);
    EXPECT_EQ(Bits(value), Bits(std::strtod(text.c_str(), nullptr))) << text;
  }
}

TEST(JsonPull, ReadsNumbersAsTheNearestDoubles) {
  for (const char* text : {"0",
                           "-0",
                           "-0.0",
                           "1",
                           "-1",
                           "0.1",
                           "0.3",
                           "123456789012345",
                           "1234567890123456",
                           "0.00000000000001",
                           "0.000000000000001",
                           "9.99999999999999",
                           "9.9999999999999999",
                           "9007199254740993",
                           "1e0",
                           "1E-5",
                           "12.5e+10",
                           "4.9e-324",
                           "1.7976931348623157e308",
                           "2.2250738585072011e-308",
                           "100000000000000000000000"}) {
    ExpectNearest(text);
  }
  std::mt19937_64 random(20261201);
  for (int i = 0; i < 20000; ++i) {
    std::string text = std::to_string(random() % 1'000'000'000'000'000'000 >> random() % 60);
    const auto point = random() % (text.size() + 3);
    if (point < text.size() && point > 0) text.insert(point, ".");
    if (point == 0) text = "0." + text;
    ExpectNearest(random() % 2 == 0 ? text : "-" + text);
  }
}

TEST(JsonPull, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "+1", "1.5.5",
                           "1 2", "1x", "--1", "-NaN", "0x10", "1_000"}) {
    JsonPull json(text);
    json.Number(nullptr);
    EXPECT_FALSE(json.AtEnd()) << text;
  }
}

}  // namespace
}  // namespace busker::predict

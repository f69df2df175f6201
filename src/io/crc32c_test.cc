#include "io/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace busker::io {
namespace {

// RFC 3720, appendix B.4, and the check value of the catalogues of such sums.
TEST(Crc32c, AgreesWithTheStandard) {
  EXPECT_EQ(Crc32cOf(""), 0u);
  EXPECT_EQ(Crc32cOf("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32cOf(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32cOf(std::string(32, '\xFF')), 0x62A8AB43u);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(Crc32cOf(rising), 0x46DD794Eu);
}

// The slow obvious way is the judge, for lengths around all that the quick way does in steps, at
// every place in a word.
TEST(Crc32c, IsTheSameWithAndWithoutTheProcessorsHelp) {
  std::mt19937 random(1);
  std::string bytes(40'000, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (const std::size_t length :
       {1u, 7u, 8u, 9u, 63u, 4096u, 12'287u, 12'288u, 12'289u, 24'576u, 39'990u}) {
    for (std::size_t from = 0; from < 9; ++from) {
      const std::string_view part = std::string_view(bytes).substr(from, length);
      ASSERT_EQ(Crc32cOf(part), PlainCrc32cOf(part)) << from << " " << length;
    }
  }
}

TEST(Crc32c, IsTheSameHoweverTheBytesComeIn) {
  std::mt19937 random(2);
  std::string bytes(100'000, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (int round = 0; round < 50; ++round) {
    Crc32c sum;
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto count = std::min<std::size_t>(rest.size(), 1 + random() % 30'000);
      sum.Add(rest.substr(0, count));
      rest.remove_prefix(count);
    }
    ASSERT_EQ(sum.value(), PlainCrc32cOf(bytes));
  }
}

}  // namespace
}  // namespace busker::io

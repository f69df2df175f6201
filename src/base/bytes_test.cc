#include "base/bytes.h"

#include <gtest/gtest.h>

namespace busker {
namespace {

TEST(Bytes, AreReadWithTheirUnit) {
  EXPECT_EQ(ParseBytes("0B").value(), 0U);
  EXPECT_EQ(ParseBytes("4096B").value(), 4096U);
  EXPECT_EQ(ParseBytes("1KB").value(), 1000U);
  EXPECT_EQ(ParseBytes("1KiB").value(), 1024U);
  EXPECT_EQ(ParseBytes("2GiB").value(), 2ULL << 30);
  EXPECT_EQ(ParseBytes("512 MiB").value(), 512ULL << 20);
  EXPECT_EQ(ParseBytes("1.5GB").value(), 1'500'000'000U);
  EXPECT_EQ(ParseBytes("1024TiB").value(), 1ULL << 50);
}

TEST(Bytes, RefuseWhatIsNoAmount) {
  for (const char* text : {"", "2", "GiB", "-1B", "2gib", "2 G", "2G", "1e3B", "1..5GB", "2GiB ",
                           "2  GiB", ".", ".B", "nanB", "infB", "0x10B"}) {
    EXPECT_FALSE(ParseBytes(text)) << text;
  }
  EXPECT_EQ(ParseBytes("2").error().message,
            "\"2\" is not an amount of memory such as 512MiB, 2GiB or 1.5GB");
  EXPECT_EQ(ParseBytes("1025TiB").error().message, "\"1025TiB\" is more than 1,024 TiB");
  EXPECT_FALSE(ParseBytes(std::string(400, '9') + "TiB"));
}

TEST(Bytes, AreWrittenWithTheLargestUnitThatFits) {
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(100), "100B");
  EXPECT_EQ(FormatBytes(2ULL << 30), "2GiB");
  EXPECT_EQ(FormatBytes(1'500'000), "1.4MiB");
  EXPECT_EQ(ParseBytes(FormatBytes(3ULL << 40)).value(), 3ULL << 40);
}

}  // namespace
}  // namespace busker

#include "base/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace busker {
namespace {

using Strings = std::vector<std::string>;

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(Split("a/b/c", '/'), (Strings{"a", "b", "c"}));
  EXPECT_EQ(Split("/a//", '/'), (Strings{"", "a", "", ""}));
  EXPECT_EQ(Split("", '/'), (Strings{""}));
}

TEST(Text, JoinIsTheOppositeOfSplit) {
  EXPECT_EQ(Join(Split("a,,b", ','), ","), "a,,b");
  EXPECT_EQ(Join(Strings{}, ", "), "");
}

TEST(Text, TrimTakesBlanksAndLineEndsOffBothSides) {
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim(" \n "), "");
  EXPECT_EQ(Trim(""), "");
}

TEST(Text, NearestForgivesASlipOfTheHand) {
  const Strings keys = {"schedule", "time_zone", "retries"};
  EXPECT_EQ(Nearest("shedule", keys), "schedule");
  EXPECT_EQ(Nearest("scheduel", keys), "schedule");  // two neighbours swapped
  EXPECT_EQ(Nearest("timezone", keys), "time_zone");
  EXPECT_EQ(Nearest("retires", keys), "retries");
  EXPECT_EQ(Nearest("schedule", keys), "schedule");
}

TEST(Text, NearestSuggestsNothingThatIsFarOff) {
  const Strings keys = {"schedule", "ab"};
  EXPECT_EQ(Nearest("command", keys), std::nullopt);
  EXPECT_EQ(Nearest("xy", keys), std::nullopt);
  EXPECT_EQ(Nearest("ax", keys), "ab");
  EXPECT_EQ(Nearest("anything", Strings{}), std::nullopt);
  EXPECT_EQ(Nearest(std::string(100'000, 's'), keys), std::nullopt);
}

TEST(Text, Utf8IsOnlyTheShortestFormOfARealCharacter) {
  for (const std::string_view good : {"", "plain", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8E\xBB",
                                      "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const std::string_view bad :
       {"\x80", "\xC3", "\xC3(", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ok\xE4"}) {
    EXPECT_FALSE(IsUtf8(bad)) << Printable(bad);
  }
  EXPECT_TRUE(IsUtf8(std::string_view("\0", 1)));
}

TEST(Text, PrintableLeavesTextLineEndsAndTabsAlone) {
  EXPECT_EQ(Printable("Gr\xC3\xBC\xC3\x9F Gott\n\t\xE2\x82\xAC\xF0\x9F\x8E\xBB"),
            "Gr\xC3\xBC\xC3\x9F Gott\n\t\xE2\x82\xAC\xF0\x9F\x8E\xBB");
}

TEST(Text, PrintableWritesControlCharactersAsTheirBytes) {
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("a\rb\x7f"), "a\\x0db\\x7f");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\x00");
}

// Of the two bytes of U+009B only the first was escaped, and the second alone is the beginning of a
// control sequence to a terminal that does not take UTF-8; so was a stray byte.
// Only control characters were written as bytes; a name with an override of direction read as
// another.
TEST(Text, PrintableLeavesNothingThatTurnsTheDirectionOfText) {
  EXPECT_EQ(Printable("safe\xE2\x80\xAEgpj.exe"), "safe\\xe2\\x80\\xaegpj.exe");
  for (const char* const turning : {"\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA", "\xE2\x80\xAE",
                                    "\xE2\x81\xA6", "\xE2\x81\xA9"}) {
    EXPECT_TRUE(Printable(turning).starts_with("\\xe2")) << Printable(turning);
  }
  for (const char* const harmless :
       {"\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\xA5", "\xE2\x82\xAC", "\xD7\xA9"}) {
    EXPECT_EQ(Printable(harmless), harmless);
  }
}

TEST(Text, PrintableLeavesNoByteThatATerminalTakesForAControlCharacter) {
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(Printable("\x9B"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(Printable("\xE2\x82"), "\\xe2\\x82");
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string safe = Printable(text);
      ASSERT_TRUE(IsUtf8(safe));
      for (const char c : safe) {
        ASSERT_TRUE(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) << first;
      }
    }
  }
}

TEST(Text, ThousandsAreSetApart) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
  EXPECT_EQ(WithThousands(-999), "-999");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
  EXPECT_EQ(WithThousands(std::numeric_limits<long long>::min()), "-9,223,372,036,854,775,808");
}

}  // namespace
}  // namespace busker

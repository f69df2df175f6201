#include "base/terminal.h"

#include <gtest/gtest.h>

namespace busker {
namespace {

std::string Plain(std::string_view line) { return ShownLine(line, Colours::kDropped); }
std::string Coloured(std::string_view line) { return ShownLine(line, Colours::kKept); }

// A progress bar was shown with all its states, one behind the other.
TEST(ShownLine, BeginsAnewAtACarriageReturnThatHasTextBehindIt) {
  EXPECT_EQ(Plain("1/3\r2/3\r3/3"), "3/3");
  EXPECT_EQ(Plain("1/3\r2/3\r"), "2/3");
  EXPECT_EQ(Plain("done\r"), "done");
  EXPECT_EQ(Plain("2/3\r     \r"), "2/3");
  EXPECT_EQ(Plain("2/3\r  3/3"), "  3/3");
  EXPECT_EQ(Plain("2/3\r\x1b[K\r"), "2/3");
  EXPECT_EQ(Plain("\r\r"), "");
  EXPECT_EQ(Plain(""), "");
}

TEST(ShownLine, CarriesBackspacesOut) {
  EXPECT_EQ(Plain("|\b/\b-"), "-");
  EXPECT_EQ(Plain("wait \xe2\x82\xac\b$"), "wait $");
  EXPECT_EQ(Plain("\b\bx"), "x");
}

TEST(ShownLine, KeepsColoursWhereTheyAreWanted) {
  EXPECT_EQ(Coloured("\x1b[32mgreen\x1b[0m plain"), "\x1b[32mgreen\x1b[0m plain\x1b[0m");
  EXPECT_EQ(Coloured("\x1b[38;5;208morange"), "\x1b[38;5;208morange\x1b[0m");
  EXPECT_EQ(Coloured("no colour"), "no colour");
  EXPECT_EQ(Plain("\x1b[32mgreen\x1b[0m plain"), "green plain");
}

// A log could set the title of who looks at it, or turn what it says around.
TEST(ShownLine, LetsNothingElseThrough) {
  for (const auto show : {Plain, Coloured}) {
    EXPECT_EQ(show("a\x1b]0;title\ab"), "ab");
    EXPECT_EQ(show("a\x1b]8;;http://x\x1b\\b"), "ab");
    EXPECT_EQ(show("a\x1bPq\x1b\\b"), "ab");
    EXPECT_EQ(show("a\x1b[2Jb\x1b[10;10Hc\x1b[?25ld"), "abcd");
    EXPECT_EQ(show("a\x1b(Bb\x1b"
                   "c"),
              "ab");
    EXPECT_EQ(show("a\xc2\x9b"
                   "31mb\xc2\x9d"
                   "0;t\xc2\x9c"
                   "c\xc2\x85"),
              "abc");
    EXPECT_EQ(show("a\x1b[>4;2mb"), "ab");
    EXPECT_EQ(show("\xe2\x80\xae"
                   "a\x07"
                   "b\xff"),
              "\\xe2\\x80\\xaea\\x07b\\xff");
    EXPECT_EQ(show("\xc3\xa9\xc2\xa9\xc2"), "\xc3\xa9\xc2\xa9\\xc2");
    // One that does not end hides nothing.
    EXPECT_EQ(show("a\x1b]0;title"), "a0;title");
    EXPECT_EQ(show("a\x1b["), "a");
    EXPECT_EQ(show("a\x1b"), "a");
  }
  const std::string many = Coloured(std::string(100'000, '\x1b') + "[31m");
  EXPECT_LT(many.size(), 100U);
}

// Whoever named a file with a line end in it could add lines to the log of the daemon.
TEST(LogLine, IsOneLine) {
  EXPECT_EQ(LogLine("a\nb\r\n\tc\x1b[2J\n"), "a\\nb\\x0d\\n\\tc\\x1b[2J\\n");
  EXPECT_EQ(LogLine(""), "");
}

}  // namespace
}  // namespace busker

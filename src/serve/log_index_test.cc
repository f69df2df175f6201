#include "serve/log_index.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::serve {
namespace {

// A page asks for a part of a log by the lines: each mark is to be the first byte of its line.
TEST(LogIndex, SaysWhereLinesBegin) {
  const io::TestFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i) + "\n";
  folder.Write("log", text);
  const LogIndex index = IndexLog(folder.path(), "").value();
  EXPECT_EQ(index.bytes, text.size());
  EXPECT_EQ(index.lines, 5000U);
  EXPECT_EQ(index.cut, 0U);
  ASSERT_EQ(index.marks.size(), 5U);
  for (const auto& [line, byte] : index.marks) {
    const std::string expected = "line " + std::to_string(line) + "\n";
    EXPECT_EQ(text.substr(byte, expected.size()), expected);
  }
}

TEST(LogIndex, FindsLinesAndCountsALastOneWithoutAnEnd) {
  const io::TestFolder folder;
  folder.Write("log", "one\nAn ERROR here\n\ntwo errors: error, error\nnone\nerr");
  const LogIndex index = IndexLog(folder.path(), "Error").value();
  EXPECT_EQ(index.lines, 6U);
  EXPECT_EQ(index.matched, 2U);
  EXPECT_EQ(index.matches, (std::vector<LogIndex::Place>{{1, 4}, {3, 19}}));
  EXPECT_EQ(IndexLog(folder.path(), "err").value().matched, 3U);
  EXPECT_EQ(IndexLog(folder.path(), "\n").value().matched, 0U);
}

// A line that is longer than a block of the reader is one line, and its far end is searched, too.
TEST(LogIndex, TakesALongLineAsOne) {
  const io::TestFolder folder;
  folder.Write("log", std::string(300'000, 'x') + "needle\nend\n");
  const LogIndex index = IndexLog(folder.path(), "needle").value();
  EXPECT_EQ(index.lines, 2U);
  EXPECT_EQ(index.matched, 1U);
  EXPECT_EQ(index.marks, (std::vector<LogIndex::Place>{{0, 0}, {1, 300'007}}));
}

TEST(LogIndex, CountsWhatWasCut) {
  const io::TestFolder folder;
  folder.Write("log", "head\n");
  folder.Write("log.1005", "tail\n");
  const LogIndex index = IndexLog(folder.path(), "cut").value();
  EXPECT_EQ(index.cut, 1000U);
  EXPECT_EQ(index.lines, 3U);
  EXPECT_EQ(index.matched, 1U);
}

// What is searched goes over from one block of the reader to the next, and large letters count.
TEST(LogIndex, FindsWhatGoesOverABlock) {
  for (const std::size_t before : {(1U << 18) - 3, (1U << 18) - 6, (1U << 18) - 7, (1U << 18)}) {
    const io::TestFolder folder;
    folder.Write("log", std::string(before, '\x80') + "NeeDLE and needle\nneed\nle\n\nneedle");
    const LogIndex index = IndexLog(folder.path(), "nEEdle").value();
    EXPECT_EQ(index.lines, 5U);
    EXPECT_EQ(index.matches, (std::vector<LogIndex::Place>{{0, 0}, {4, before + 27}})) << before;
    EXPECT_EQ(IndexLog(folder.path(), "`").value().matched, 0U);
    EXPECT_EQ(IndexLog(folder.path(), "n").value().matched, 3U);
  }
}

// At each look at a log that grew all of it was read again.
TEST(LogIndex, GoesOnWhereItWas) {
  const io::TestFolder folder;
  LogIndexes indexes;
  EXPECT_EQ(indexes.Of(folder.path()).value().lines, 0U);
  std::string text;
  const auto look = [&] {
    const LogIndex known = indexes.Of(folder.path()).value();
    const LogIndex anew = IndexLog(folder.path(), "").value();
    EXPECT_EQ(known.bytes, anew.bytes);
    EXPECT_EQ(known.lines, anew.lines);
    EXPECT_EQ(known.marks, anew.marks);
    EXPECT_EQ(known.cut, anew.cut);
  };
  for (int i = 0; i < 4000; ++i) {
    text += "line " + std::to_string(i) + (i % 7 == 0 ? "" : "\n");
    if (i % 500 != 0) continue;
    folder.Write("log", text);
    look();
  }
  folder.Write("log." + std::to_string(text.size() + 100), "behind a cut\n");
  look();
  io::fs::remove(folder / ("log." + std::to_string(text.size() + 100)));
  folder.Write("log." + std::to_string(text.size() + 900), "behind a longer one\nend");
  look();
}

TEST(LogIndex, OfNothingIsEmpty) {
  const io::TestFolder folder;
  const LogIndex index = IndexLog(folder.path(), "x").value();
  EXPECT_EQ(index.lines, 0U);
  EXPECT_TRUE(index.marks.empty());
}

}  // namespace
}  // namespace busker::serve

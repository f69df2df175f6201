#include "daemon/log_batch.h"

#include <gtest/gtest.h>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "base/text.h"
#include "io/test_folder.h"

namespace busker::daemon {
namespace {

using Strings = std::vector<std::string>;

class LogBatchTest : public testing::Test {
 protected:
  void Write(std::string_view text, std::uint64_t head = 1u << 30, std::uint64_t tail = 1u << 20) {
    auto log = attempt::LogWriter::Create(folder_.path(), head, tail).value();
    ASSERT_TRUE(log.Append(text));
  }
  void WriteMore(std::string_view text) {
    auto log = attempt::LogWriter::GoOn(folder_.path(), 1u << 30, 1u << 20).value();
    ASSERT_TRUE(log.Append(text));
  }
  LogBatch Read(std::uint64_t from = 0, bool is_over = false,
                std::optional<std::uint64_t> end = std::nullopt) {
    auto batch = ReadLogBatch(folder_.path(), from, is_over, end);
    EXPECT_TRUE(batch) << batch.error().message;
    return batch.value_or(LogBatch());
  }
  static Strings TextsOf(const LogBatch& batch) {
    Strings texts;
    for (const LogLine& line : batch.lines) texts.push_back(line.text);
    return texts;
  }
  static std::vector<std::uint64_t> OffsetsOf(const LogBatch& batch) {
    std::vector<std::uint64_t> offsets;
    for (const LogLine& line : batch.lines) offsets.push_back(line.offset);
    return offsets;
  }

  const io::TestFolder folder_;
};

TEST_F(LogBatchTest, IsOfWholeLinesWhileTheLogIsWritten) {
  EXPECT_TRUE(Read().at_end) << "there is no log yet";
  Write("one\n\ntwo\r\n  \nthr");
  const LogBatch batch = Read();
  EXPECT_EQ(TextsOf(batch), (Strings{"one", "two"})) << "what says nothing is left out";
  EXPECT_EQ(OffsetsOf(batch), (std::vector<std::uint64_t>{0, 5}));
  EXPECT_EQ(batch.end, 13U);
  EXPECT_TRUE(batch.at_end);
  EXPECT_TRUE(Read(batch.end).lines.empty());
  WriteMore("ee\n");
  EXPECT_EQ(TextsOf(Read(batch.end)), Strings{"three"});
  WriteMore("four");
  const LogBatch last = Read(batch.end, true);
  EXPECT_EQ(TextsOf(last), (Strings{"three", "four"})) << "a line that gets no end any more";
  EXPECT_EQ(last.end, 23U);
}

// A batch that may have been sent before is the same lines, whatever has come since.
TEST_F(LogBatchTest, IsTheSameWhenItIsReadAgain) {
  Write("one\ntwo\n");
  const LogBatch first = Read();
  WriteMore("three\nfour");
  const LogBatch again = Read(0, true, first.end);
  EXPECT_EQ(TextsOf(again), TextsOf(first));
  EXPECT_EQ(again.end, first.end);
  const LogBatch last = Read(first.end, true);
  EXPECT_EQ(TextsOf(last), (Strings{"three", "four"}));
  EXPECT_EQ(TextsOf(Read(first.end, false, last.end)), TextsOf(last)) << "its end is known";
}

TEST_F(LogBatchTest, CutsLongLinesIntoTheSamePiecesWheneverTheyAreRead) {
  // 3 bytes a character, and one that is written as six.
  std::string line = "x\x01";
  while (line.size() < 700'000) line += "\xE2\x82\xAC";
  Write(line);
  const LogBatch first = Read();
  ASSERT_FALSE(first.lines.empty());
  EXPECT_LT(first.end, line.size()) << "the rest may go on";
  WriteMore("\nnext\n");
  std::string joined;
  std::uint64_t from = 0;
  LogBatch batch;
  do {
    batch = Read(from, true);
    for (const LogLine& piece : batch.lines) {
      EXPECT_TRUE(IsUtf8(piece.text));
      std::size_t cost = 0;
      for (const char byte : piece.text) cost += cloud::TextCost(byte);
      EXPECT_LE(cost, cloud::kTextCostMax);
      EXPECT_EQ(piece.offset, piece.text == "next" ? line.size() + 1 : joined.size());
      if (piece.text != "next") joined += piece.text;
    }
    from = batch.end;
  } while (!batch.at_end);
  EXPECT_EQ(joined, line);
  const LogBatch again = Read(0, true, first.end);
  EXPECT_EQ(TextsOf(again), TextsOf(first));
}

TEST_F(LogBatchTest, TakesBytesThatAreNoText) {
  Write(std::string(500'000, '\x80') + "\n" + std::string(400'000, '\x00') + "\n");
  std::size_t bytes = 0;
  for (LogBatch batch = Read();; batch = Read(batch.end)) {
    for (const LogLine& line : batch.lines) bytes += line.text.size();
    if (batch.at_end) break;
  }
  EXPECT_EQ(bytes, 900'000U);
}

TEST_F(LogBatchTest, TellsWhatWasCutAndGoesOnBehindIt) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "line " + std::to_string(10'000 + i) + "\n";
  Write(text, 1105, 2200);
  Strings texts;
  std::vector<std::uint64_t> offsets;
  std::uint64_t from = 0;
  for (LogBatch batch;;) {
    batch = Read(from, true);
    for (const LogLine& line : batch.lines) {
      texts.push_back(line.text);
      offsets.push_back(line.offset);
    }
    from = batch.end;
    if (batch.at_end) break;
  }
  EXPECT_EQ(from, text.size());
  EXPECT_TRUE(Read(from, true).lines.empty());
  EXPECT_EQ(texts.front(), "line 10000");
  EXPECT_EQ(texts.back(), "line 13999");
  EXPECT_EQ(std::count_if(texts.begin(), texts.end(),
                          [](const auto& one) { return one.find(" bytes cut ") != one.npos; }),
            1);
  EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
}

TEST_F(LogBatchTest, OfMoreLinesThanARequestTakesEndsBetweenTwo) {
  std::string text;
  for (int i = 0; i < 12'000; ++i) text += std::to_string(i) + "\n";
  Write(text);
  int lines = 0, batches = 0;
  std::uint64_t from = 0;
  for (LogBatch batch;; ++batches) {
    batch = Read(from);
    for (const LogLine& line : batch.lines) EXPECT_EQ(line.text, std::to_string(lines++));
    from = batch.end;
    if (batch.at_end) break;
  }
  EXPECT_EQ(lines, 12'000);
  EXPECT_GE(batches, 2);
}

// A step of Busker's own that is carried out again begins its log anew. What stood in the first one
// beyond the second one's end hid it.
TEST_F(LogBatchTest, OfALogThatBeganAnewIsReadFromItsStart) {
  Write("a first try, which said much\n");
  const LogBatch first = Read();
  Write("again\n");
  EXPECT_EQ(TextsOf(Read(first.end, true)), Strings{"again"});
}

}  // namespace
}  // namespace busker::daemon

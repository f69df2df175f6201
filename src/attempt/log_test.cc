#include "attempt/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "attempt/folder.h"
#include "base/text.h"
#include "io/test_disk.h"
#include "io/test_folder.h"

namespace busker::attempt {
namespace {

namespace fs = io::fs;

std::string ReadNew(LogReader& reader) {
  std::string text;
  EXPECT_TRUE(reader.ReadNew([&](std::string_view bytes) { text += bytes; }));
  return text;
}

std::string ReadAll(const fs::path& folder) {
  LogReader reader(folder);
  return ReadNew(reader);
}

std::uint64_t StoredBytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes += entry.file_size();
  return bytes;
}

// "0000000\n0000001\n..."
std::string Lines(int begin, int end) {
  std::string text;
  for (int i = begin; i < end; ++i) text += std::to_string(10'000'000 + i).substr(1) + "\n";
  return text;
}

TEST(CappedLog, AShortLogIsOneFileAsItWasWritten) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 100, 100).value();
  ASSERT_TRUE(log.Append("hello\n"));
  ASSERT_TRUE(log.Append("world\n"));
  ASSERT_TRUE(log.Sync());
  EXPECT_EQ(folder.Read("log"), "hello\nworld\n");
  EXPECT_EQ(ReadAll(folder.path()), "hello\nworld\n");
  EXPECT_EQ(log.bytes_written(), 12U);
  EXPECT_EQ(log.bytes_cut(), 0U);
  EXPECT_EQ(StoredBytes(folder.path()), 12U);
}

TEST(CappedLog, IsReadInPartsByWhoWantsNoMoreAtOnce) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 80, 400).value();
  ASSERT_TRUE(log.Append(Lines(0, 30)));  // 240 bytes: the head, and a part of the tail
  LogReader reader(folder.path());
  std::string text;
  for (int calls = 1; text.size() < 240; ++calls) {
    const std::size_t before = text.size();
    ASSERT_TRUE(reader.ReadNew([&](std::string_view bytes) { text += bytes; }, 50));
    ASSERT_GT(text.size(), before);
    ASSERT_LE(text.size(), before + 240);  // a block of a file is read whole
    ASSERT_LE(calls, 5);
  }
  EXPECT_EQ(text, Lines(0, 30));
}

TEST(CappedLog, WhatFitsIntoHeadAndTailIsAllThere) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 80, 80).value();
  ASSERT_TRUE(log.Append(Lines(0, 20)));  // 160 bytes
  EXPECT_EQ(ReadAll(folder.path()), Lines(0, 20));
  EXPECT_EQ(log.bytes_cut(), 0U);
}

TEST(CappedLog, BeginningAndEndAreKeptAndTheCutIsMarkedWithItsBytes) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 80, 80).value();
  ASSERT_TRUE(log.Append(Lines(0, 1000)));  // 8000 bytes: 80 in front, 80 in segments of 40 behind
  EXPECT_EQ(ReadAll(folder.path()),
            Lines(0, 10) + "[... 7,840 bytes cut ...]\n" + Lines(990, 1000));
  EXPECT_EQ(log.bytes_written(), 8000U);
  EXPECT_EQ(log.bytes_cut(), 7840U);
  EXPECT_LE(StoredBytes(folder.path()), 160U);
}

TEST(CappedLog, TheCutMarkBeginsALine) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 3, 2).value();
  ASSERT_TRUE(log.Append("abcdefghij"));
  EXPECT_EQ(ReadAll(folder.path()), "abc\n[... 5 bytes cut ...]\nij");
}

// A page that wanted 64 KB from the end of a gigabyte waited until all before it had been read.
TEST(CappedLog, APartOfItIsReadFromAnywhere) {
  const io::TestFolder folder;
  EXPECT_EQ(WholeLog::Look(folder.path()).value().size(), 0U);
  auto log = LogWriter::Create(folder.path(), 83, 80).value();
  WholeLog before;
  std::string known;
  for (int lines = 0; lines < 60; lines += 3) {
    ASSERT_TRUE(log.Append(Lines(lines, lines + 3)));
    const WholeLog whole = WholeLog::Look(folder.path()).value();
    const std::string text = ReadAll(folder.path());
    ASSERT_EQ(whole.size(), text.size());
    EXPECT_EQ(whole.cut(), log.bytes_cut());
    for (std::uint64_t from = 0; from <= text.size() + 1; from += 7) {
      for (const std::uint64_t bytes : {1U, 30U, 1000U}) {
        std::string part;
        ASSERT_TRUE(whole.Read(from, bytes, [&](std::string_view some) { part += some; }));
        EXPECT_EQ(part, from > text.size() ? "" : text.substr(from, bytes)) << from;
      }
    }
    // What was known stays known until a segment goes.
    std::string begin;
    ASSERT_TRUE(whole.Read(0, before.size(), [&](std::string_view some) { begin += some; }));
    if (whole.Continues(before)) {
      EXPECT_EQ(begin, known);
    }
    EXPECT_EQ(whole.Continues(before), log.bytes_cut() == before.cut());
    known = text;
    before = whole;
  }
}

TEST(CappedLog, WithoutAHeadTheEndIsKept) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 0, 4).value();
  ASSERT_TRUE(log.Append("abcdefghij"));
  EXPECT_EQ(ReadAll(folder.path()), "[... 6 bytes cut ...]\nghij");
}

TEST(CappedLog, ATailThatHoldsNothingIsRefused) {
  const io::TestFolder folder;
  EXPECT_FALSE(LogWriter::Create(folder.path(), 10, 1));
}

TEST(CappedLog, ANewLogTakesThePlaceOfAnOldOne) {
  const io::TestFolder folder;
  ASSERT_TRUE(LogWriter::Create(folder.path(), 4, 4).value().Append("abcdefghijklmn"));
  ASSERT_TRUE(LogWriter::Create(folder.path(), 4, 4).value().Append("new"));
  EXPECT_EQ(ReadAll(folder.path()), "new");
  EXPECT_EQ(StoredBytes(folder.path()), 3U);
}

TEST(CappedLog, GoesOnBehindWhatWasToldBeforeTheRunnerBegan) {
  const io::TestFolder folder;
  ASSERT_TRUE(LogWriter::GoOn(folder.path(), 20, 20).value().Append("fetching\n"));
  LogReader reader(folder.path());
  std::string read;
  const auto use = [&](std::string_view bytes) { read += bytes; };
  ASSERT_TRUE(reader.ReadNew(use));
  auto log = LogWriter::GoOn(folder.path(), 20, 20).value();
  ASSERT_TRUE(log.Append("running\n"));
  ASSERT_TRUE(reader.ReadNew(use));
  EXPECT_EQ(read, "fetching\nrunning\n");
  ASSERT_TRUE(log.Append("beyond\n"));
  ASSERT_TRUE(reader.ReadNew(use));
  EXPECT_EQ(read, "fetching\nrunning\nbeyond\n");
  ASSERT_TRUE(LogWriter::GoOn(folder.path(), 20, 20).value().Append("anew\n"));
  LogReader again(folder.path());
  read.clear();
  ASSERT_TRUE(again.ReadNew(use));
  EXPECT_EQ(read, "anew\n");
}

TEST(CappedLog, NoLogYetIsNoError) {
  const io::TestFolder folder;
  EXPECT_EQ(ReadAll(folder.path()), "");
  EXPECT_EQ(ReadAll(folder / "none"), "");
}

// A file named as a segment near the end of 64 bits took the place that was read to beyond it and
// round to the beginning, or a system call to a negative place: the log could not be read any more.
// A program can leave such a file beside its log.
TEST(CappedLog, AFileWithANumberBeyondAnyLogIsNoPartOfIt) {
  for (const char* const number :
       {"18446744073709551615", "9223372036854775808", "9223372036854775807", "-5", "1x"}) {
    const io::TestFolder folder;
    folder.Write("log", "head\n");
    folder.Write("log.100", "tail\n");
    folder.Write(std::string("log.") + number, "none of it\n");
    EXPECT_EQ(ReadAll(folder.path()), "head\n[... 95 bytes cut ...]\ntail\n") << number;
  }
}

TEST(CappedLog, AReaderFollows) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 10, 20).value();
  LogReader reader(folder.path());
  EXPECT_EQ(ReadNew(reader), "");
  ASSERT_TRUE(log.Append("abcde"));
  EXPECT_EQ(ReadNew(reader), "abcde");
  ASSERT_TRUE(log.Append("fghijKLM"));  // over the border of the head
  EXPECT_EQ(ReadNew(reader), "fghijKLM");
  EXPECT_EQ(ReadNew(reader), "");
  ASSERT_TRUE(log.Append("NOPQRSTUVWXYZ"));  // over that of the first segment, 10..20
  EXPECT_EQ(ReadNew(reader), "NOPQRSTUVWXYZ");
}

TEST(CappedLog, AReaderThatFellBehindIsToldWhatItMissed) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 8, 16).value();
  LogReader reader(folder.path());
  ASSERT_TRUE(log.Append(Lines(0, 2)));
  EXPECT_EQ(ReadNew(reader), Lines(0, 2));
  ASSERT_TRUE(log.Append(Lines(2, 10)));
  EXPECT_EQ(ReadNew(reader), "[... 48 bytes cut ...]\n" + Lines(8, 10));
}

// Whatever the sizes: beginning and end are right, every byte is either there or counted as cut,
// and no more than the limits is stored.
TEST(CappedLog, NoByteIsLostUncounted) {
  std::mt19937 random(42);
  for (int round = 0; round < 150; ++round) {
    const io::TestFolder folder;
    const std::uint64_t head = random() % 200;
    const std::uint64_t tail = 2 + random() % 200;
    auto log = LogWriter::Create(folder.path(), head, tail).value();
    std::string all;
    for (int i = 0; i < 30; ++i) {
      const std::string bytes(random() % 60, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(log.Append(bytes));
      all += bytes;
    }
    const std::string read = ReadAll(folder.path());
    ASSERT_EQ(log.bytes_written(), all.size());
    ASSERT_LE(StoredBytes(folder.path()), head + tail);
    ASSERT_EQ(StoredBytes(folder.path()) + log.bytes_cut(), all.size());
    if (log.bytes_cut() == 0) {
      ASSERT_EQ(read, all);
      continue;
    }
    const auto mark = read.find("[... " + WithThousands(static_cast<long long>(log.bytes_cut())) +
                                " bytes cut ...]\n");
    ASSERT_NE(mark, std::string::npos) << read;
    ASSERT_EQ(read.substr(0, head), all.substr(0, head));
    const std::string end = read.substr(read.find('\n', mark) + 1);
    ASSERT_EQ(end, all.substr(all.size() - end.size()));
    ASSERT_GE(end.size(), std::min<std::size_t>(all.size(), tail / 2 > 0 ? tail / 2 : 1));
  }
}

TEST(CappedLog, AReaderBesideAFastWriterSeesTheOrderKept) {
  const io::TestFolder folder;
  auto log = LogWriter::Create(folder.path(), 1000, 4000).value();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) EXPECT_TRUE(log.Append(Lines(i, i + 1)));
    done = true;
  });
  LogReader reader(folder.path());
  std::string text;
  while (!done) text += ReadNew(reader);
  text += ReadNew(reader);
  writer.join();

  int next = 0;
  std::uint64_t cut = 0;
  std::uint64_t read = 0;
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with("[... ")) {
      std::string digits;
      for (const char c : line) digits += c >= '0' && c <= '9' ? std::string(1, c) : "";
      cut += std::stoull(digits);
    } else if (line.size() == 7) {
      ASSERT_GE(std::stoi(line), next);
      next = std::stoi(line) + 1;
      read += 8;
    }
  }
  EXPECT_EQ(next, 20'000);
  EXPECT_LE(read + cut, 160'000U);
}

// On a full disk each failed write began a new segment and took the one before away, until nothing
// of the end was left.
TEST(CappedLog, AFullDiskCutsAndTakesNothingAwayThatIsThere) {
  const io::TestFolder folder;
  const io::SmallDisk disk(folder.path(), "256k");
  auto log = LogWriter::Create(folder.path(), 64 << 10, 1 << 20).value();
  if (!disk.mounted()) return;
  bool full = false;
  for (int i = 0; i < 40; ++i) full = !log.Append(Lines(i * 1000, i * 1000 + 1000)) || full;
  EXPECT_TRUE(full);
  EXPECT_GT(StoredBytes(folder.path()), 200'000U);
  EXPECT_EQ(StoredBytes(folder.path()) + log.bytes_cut(), log.bytes_written());
  const std::uint64_t cut = log.bytes_cut();
  EXPECT_GT(cut, 0U);
  ASSERT_EQ(truncate((folder / "log").c_str(), 0), 0);  // somebody makes room
  EXPECT_TRUE(log.Append("the end\n"));
  EXPECT_EQ(log.bytes_cut(), cut);
  EXPECT_TRUE(ReadAll(folder.path()).ends_with(" bytes cut ...]\nthe end\n"));
}

}  // namespace
}  // namespace busker::attempt

#include "deliver/row_index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "deliver/row_text.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

class RowIndexTest : public testing::Test {
 protected:
  RowIndexTest() : folder_(io::TemporaryPath(fs::temp_directory_path(), "row-index-test")) {
    EXPECT_TRUE(io::MakeFolders(folder_));
  }
  ~RowIndexTest() override { EXPECT_TRUE(io::RemoveTree(folder_)); }

  // A file of rows with the columns id, a STRING, and the key, and n, an INT64.
  std::string FileOf(const std::vector<std::pair<std::string, int>>& rows) {
    const fs::path path = folder_ / ("rows-" + std::to_string(++count_));
    RowIndexHead head;
    head.rows = rows.size();
    head.seed = 7;
    head.key = 1;
    head.columns = {{"id", "STRING"}, {"n", "INT64"}};
    const auto writer = RowIndexWriter::Create(path, head);
    EXPECT_TRUE(writer);
    for (const auto& [id, n] : rows) {
      const std::string key = KeyOf(id);
      const auto same = (*writer)->Add(key + std::to_string(n) + ",", key.size());
      EXPECT_TRUE(same && !*same);
    }
    const auto digest = (*writer)->Finish();
    EXPECT_TRUE(digest);
    const std::string bytes = *io::ReadFile(path);
    EXPECT_EQ(*digest, io::DigestOf(bytes));
    return bytes;
  }
  static std::string KeyOf(const std::string& id) {
    std::string key;
    AddJsonText(id, key);
    return key + ",";
  }
  static std::string Found(const RowIndex& index, const std::string& id) {
    std::string json;
    const auto found = index.Find(KeyOf(id), json);
    if (!found) return "error: " + found.error().message;
    return *found ? json : "none";
  }

  fs::path folder_;
  int count_ = 0;
};

TEST_F(RowIndexTest, FindsEveryRowAndNoOther) {
  std::vector<std::pair<std::string, int>> rows;
  for (int i = 0; i < 5000; ++i) rows.emplace_back("player \"" + std::to_string(i) + "\\,\n", i);
  const std::string bytes = FileOf(rows);
  const auto index = RowIndex::Over(bytes);
  ASSERT_TRUE(index) << index.error().message;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(Found(*index, rows[static_cast<std::size_t>(i)].first),
              "{\"id\":\"player \\\"" + std::to_string(i) +
                  "\\\\,\\u000a\",\"n\":" + std::to_string(i) + "}");
  }
  for (const char* none : {"", "player", "player \"5000\"", "player \"1\"", "x"}) {
    EXPECT_EQ(Found(*index, none), "none");
  }
  const std::string nothing = FileOf({});
  EXPECT_EQ(Found(*RowIndex::Over(nothing), "x"), "none");
}

// What a file was written as has to be read by every version to come, and a file that is made anew
// has to be the same: so its bytes are known here.
TEST_F(RowIndexTest, IsWrittenInTheOneWayThatIsKnown) {
  EXPECT_EQ(io::Sha256Of(FileOf({{"a", 1}, {"b", -2}, {"\xc3\xa9t\xc3\xa9 of 2026", 3}})),
            "1f90f96b0275cf8bf972eac8ead369308cdd441954c6ddadfd74bd129438d532");
  EXPECT_EQ(HashOf("\"player-1\",", 7), 12853372789091523204U);
}

// Two rows of one key would be one answer or the other.
TEST_F(RowIndexTest, SaysWhichRowHasTheKeyAlreadyHoweverLongAgo) {
  RowIndexHead head;
  head.rows = 400'000;  // 12 MB: more than what is kept in memory
  head.seed = 7;
  head.key = 1;
  head.columns = {{"id", "STRING"}};
  const auto writer = RowIndexWriter::Create(folder_ / "rows", head);
  ASSERT_TRUE(writer);
  for (std::uint64_t i = 1; i < head.rows; ++i) {
    const std::string key = KeyOf("player number " + std::to_string(i));
    const auto same = (*writer)->Add(key, key.size());
    ASSERT_TRUE(same && !*same);
  }
  for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{200'001}, head.rows - 1}) {
    const std::string key = KeyOf("player number " + std::to_string(number));
    const auto same = (*writer)->Add(key, key.size());
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_EQ(*same, number);
  }
  EXPECT_FALSE((*writer)->Finish());  // a row is lacking
}

// A file that is damaged, or that somebody made, is told so: it is neither read beyond its end nor
// answered from with what was not written.
TEST_F(RowIndexTest, NeverAnswersWithWhatWasNotWritten) {
  std::map<std::string, std::string> expected;
  std::vector<std::pair<std::string, int>> rows;
  for (int i = 0; i < 40; ++i) rows.emplace_back("p" + std::to_string(i), i);
  const std::string whole = FileOf(rows);
  for (const auto& [id, n] : rows) expected[id] = Found(*RowIndex::Over(whole), id);
  const auto judge = [&](const std::string& bytes) {
    const std::string copy(bytes);
    const auto index = RowIndex::Over(copy);
    if (!index) {
      ASSERT_EQ(index.error().kind, ErrorKind::kUnusable);
      return;
    }
    for (const auto& [id, json] : expected) {
      const std::string found = Found(*index, id);
      ASSERT_TRUE(found == json || found == "none" || found.starts_with("error: it is damaged"))
          << found;
    }
  };
  for (std::size_t size = 0; size < whole.size(); ++size) judge(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      judge(damaged);
    }
  }
  judge(std::string(whole.size(), '\0'));
  judge(std::string(whole.size(), '\xff'));
}

TEST(RowText, IsTheOneTextOfAValue) {
  const auto number = [](double value) {
    std::string json;
    AddJsonNumber(value, json);
    return json;
  };
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(100000), "100000");
  EXPECT_EQ(number(-0.000012), "-0.000012");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(number(std::nan("")), "\"NaN\"");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
  const auto other = [](const char* type, const char* text) {
    std::string json;
    AddJsonOf(type, text, json);
    return json;
  };
  EXPECT_EQ(other("NUMERIC", "1.500000000"), "\"1.5\"");
  EXPECT_EQ(other("NUMERIC", "-20.000000000"), "\"-20\"");
  EXPECT_EQ(other("TIMESTAMP", "2026-02-03 10:00:00.5+00"), "\"2026-02-03T10:00:00.5Z\"");
  EXPECT_EQ(other("DATETIME", "2026-02-03 10:00:00"), "\"2026-02-03T10:00:00\"");
  EXPECT_EQ(other("DATE", "2026-02-03"), "\"2026-02-03\"");
}

TEST(RowText, OfAKeyIsWhatTheRowHas) {
  const auto key = [](const char* type, const char* text) {
    std::string json;
    const auto added = AddKeyText({"id", type}, text, json);
    return added ? json : added.error().message;
  };
  EXPECT_EQ(key("INT64", "007"), "7");
  EXPECT_EQ(key("INT64", "+7"), "7");
  EXPECT_EQ(key("INT64", "-7"), "-7");
  EXPECT_EQ(key("STRING", "007"), "\"007\"");
  EXPECT_EQ(key("STRING", ""), "\"\"");
  EXPECT_EQ(key("BOOL", "true"), "true");
  EXPECT_EQ(key("DATE", "2026-02-03"), "\"2026-02-03\"");
  for (const char* bad : {"", "7.0", "x", "+-7", "++7", "9223372036854775808", " 7"}) {
    EXPECT_EQ(key("INT64", bad),
              "\"" + std::string(bad) + "\" is not a valid INT64 for \"id\"; one looks like 42");
  }
  EXPECT_EQ(key("BOOL", "1"), "\"1\" is not a valid BOOL for \"id\"; one looks like true");
  EXPECT_EQ(key("DATE", "2026-02-30"),
            "\"2026-02-30\" is not a valid DATE for \"id\"; one looks like 2026-11-01");
}

}  // namespace
}  // namespace busker::deliver

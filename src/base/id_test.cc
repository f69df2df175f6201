#include "base/id.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/check.h"

namespace busker {
namespace {

using namespace std::chrono_literals;

TEST(Id, ANameIsSafeAsOneComponentOfAPath) {
  for (const std::string_view good :
       {"a", "0", "churn", "example-prediction-service", "2019-07-01", "v1.2.3", "a_b", "a..b"}) {
    EXPECT_TRUE(IsName(good)) << good;
  }
  for (const std::string_view bad : {"", ".", "..", "-x", "_x", ".hidden", "a/b", "a b", "A",
                                     "\xC3\xA4", "a\n", "a\\b", "a:b", "a%2f"}) {
    EXPECT_FALSE(IsName(bad)) << bad;
  }
  EXPECT_TRUE(IsName(std::string(63, 'a')));
  EXPECT_FALSE(IsName(std::string(64, 'a')));
  EXPECT_FALSE(IsName(std::string_view("a\0b", 3)));
}

TEST(Id, AGraphNameIsOneComponentOfAPathToo) {
  for (const std::string_view good : {"a", "_x", "A", "Nightly.v2", "a-b", "a..b"}) {
    EXPECT_TRUE(IsGraphName(good)) << good;
  }
  for (const std::string_view bad : {"", ".", "..", "-x", "a/b", "a b", "\xC3\xA4", "a\n"}) {
    EXPECT_FALSE(IsGraphName(bad)) << bad;
  }
  EXPECT_TRUE(IsGraphName(std::string(200, 'a')));
  EXPECT_FALSE(IsGraphName(std::string(201, 'a')));
}

TEST(Id, RandomDigitsAreAsManyAsWantedAndNeverTheSame) {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) all.insert(RandomHex(32));
  EXPECT_EQ(all.size(), 1000U);
  for (const std::string& hex : all) {
    EXPECT_EQ(hex.size(), 64U);
    EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos) << hex;
  }
  EXPECT_EQ(RandomHex(0), "");
}

TEST(Id, ARunIdBeginsWithTheInstantAndIsAName) {
  const std::string id = MakeRunId(ParseRfc3339("2019-08-01T07:00:00Z").value());
  EXPECT_EQ(id.substr(0, 16), "20190801-070000-");
  EXPECT_EQ(id.size(), 22U);
  EXPECT_TRUE(IsName(id));
}

TEST(Id, RunIdsOfOneSecondDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(MakeRunId(Instant(0ms)));
  EXPECT_GE(ids.size(), 999U);  // one pair in 30 bits: once in 2,000 runs of this test
}

// Random bytes are taken in stock, and each thread has its own.
TEST(Id, RunIdsOfTwoThreadsDiffer) {
  std::set<std::string> ids;
  const auto make = [&] {
    for (int i = 0; i < 500; ++i) ids.insert(MakeRunId(Instant(0ms)));
  };
  std::thread(make).join();
  std::thread(make).join();
  EXPECT_GE(ids.size(), 999U);  // as above
}

TEST(CheckDeathTest, ABugEndsTheProgramAndNamesThePlace) {
  EXPECT_DEATH(CHECK(1 == 2, "numbers are equal"),
               "bug at .*id_test.cc:[0-9]+: 1 == 2 does not hold");
}

}  // namespace
}  // namespace busker

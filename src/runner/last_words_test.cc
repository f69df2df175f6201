#include "runner/last_words.h"

#include <gtest/gtest.h>

namespace busker::runner {
namespace {

std::string After(std::initializer_list<std::string_view> pieces) {
  LastWords words;
  for (const std::string_view piece : pieces) words.Add(piece);
  return words.Line();
}

TEST(LastWords, AreTheLastLineThatIsNotBlank) {
  EXPECT_EQ(After({"one\ntwo\n"}), "two");
  EXPECT_EQ(After({"one\ntwo\n\n  \n"}), "two");
  EXPECT_EQ(After({"one\ntwo"}), "two");
  EXPECT_EQ(After({""}), "");
}

TEST(LastWords, AreWholeWhereverTheOutputIsCut) {
  const std::string_view output = "a line\nKeyError: 'tenure'\r\n";
  for (std::size_t i = 0; i <= output.size(); ++i) {
    EXPECT_EQ(After({output.substr(0, i), output.substr(i)}), "KeyError: 'tenure'");
  }
}

TEST(LastWords, StayShort) {
  EXPECT_EQ(After({std::string(100'000, 'x')}).size(), 300U);
  EXPECT_EQ(After({std::string(100'000, 'x'), std::string(100'000, 'y') + "\n"}).size(), 300U);
}

}  // namespace
}  // namespace busker::runner

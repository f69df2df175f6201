#include <gtest/gtest.h>

#include <random>

#include "service/service.h"

namespace busker::service {
namespace {

using Words = std::vector<std::string>;

Words Split(const std::string& text) {
  const auto words = SplitWords(text);
  return words ? *words : Words{"error: " + words.error().message};
}

TEST(SplitWords, SeparatesAtBlanks) {
  EXPECT_EQ(Split("  python  -m\tprediction.main \n"), (Words{"python", "-m", "prediction.main"}));
  EXPECT_EQ(Split(""), Words{});
  EXPECT_EQ(Split(" \t\n"), Words{});
}

TEST(SplitWords, KeepsWhatIsQuotedTogether) {
  EXPECT_EQ(Split("a 'b c' \"d e\" f\\ g"), (Words{"a", "b c", "d e", "f g"}));
  EXPECT_EQ(Split("--x='1 2'\"3 4\"5"), (Words{"--x=1 23 45"}));
  EXPECT_EQ(Split("a '' \"\""), (Words{"a", "", ""}));
}

TEST(SplitWords, TakesBackslashesAsAPosixShellDoes) {
  EXPECT_EQ(Split(R"(a\\b '\n' "\n" "\\" "\"" "\$" \')"),
            (Words{"a\\b", "\\n", "\\n", "\\", "\"", "$", "'"}));
  EXPECT_EQ(Split("a\\\nb \"c\\\nd\""), (Words{"ab", "cd"}));
}

TEST(SplitWords, HasNothingElseOfAShell) {
  EXPECT_EQ(Split("echo $(rm -rf x) | tee > y; a && b * ? ~ # c `d`"),
            (Words{"echo", "$(rm", "-rf", "x)", "|", "tee", ">", "y;", "a", "&&", "b", "*", "?",
                   "~", "#", "c", "`d`"}));
}

TEST(SplitWords, RefusesAnOpenQuote) {
  EXPECT_EQ(Split("a 'b"), Words{"error: the command has an open quote (')"});
  EXPECT_EQ(Split("a \"b"), Words{"error: the command has an open quote (\")"});
  EXPECT_EQ(Split("a \\"), Words{"error: the command ends in a backslash"});
  EXPECT_EQ(Split("\"a\\"), Words{"error: the command has an open quote (\")"});
}

// A command is split once; what a placeholder brings in can neither add nor remove an argument.
TEST(SplitWords, MakesAsManyArgumentsWhateverValuesBring) {
  const auto words = SplitWords("run --action ${ACTION} '${CONFIG}' \"--x=${RUN} y\" -- ${ROOT}");
  ASSERT_TRUE(words);
  ASSERT_EQ(words->size(), 7U);
  const Words pieces = {"'",       "\"", "\\", " ", "\n", "$(touch x)", "`touch x`",
                        "${NAME}", ";",  "|",  "&", ">",  "*",          "--",
                        "-x",      "\t", "a",  "ö", "",   "}"};
  std::mt19937 random(1);
  const auto value = [&] {
    std::string text;
    for (auto count = random() % 6; count > 0; --count) text += pieces[random() % pieces.size()];
    return text;
  };
  for (int i = 0; i < 250'000; ++i) {  // four values each
    const std::map<std::string, std::string> values = {
        {"ACTION", value()}, {"CONFIG", value()}, {"RUN", value()}, {"ROOT", value()}};
    Words expanded;
    for (const auto& word : *words) {
      const auto argument = Expand(word, values);
      ASSERT_TRUE(argument) << argument.error().message;
      expanded.push_back(*argument);
    }
    ASSERT_EQ(expanded, (Words{"run", "--action", values.at("ACTION"), values.at("CONFIG"),
                               "--x=" + values.at("RUN") + " y", "--", values.at("ROOT")}));
  }
}

}  // namespace
}  // namespace busker::service

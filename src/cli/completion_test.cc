#include "cli/completion.h"

#include <gtest/gtest.h>

namespace busker::cli {
namespace {

OptionText Option(std::vector<std::string> names, std::string value, bool common = false) {
  return {std::move(names), std::move(value), "what ", false, false, common};
}

VerbText Line() {
  const OptionText folder = Option({"-C"}, "DIR", true);
  VerbText run{"busker run", "Runs", "Run it.", "", {Option({}, "ACTION")}, {}, {}};
  run.options = {Option({"--date"}, "D"), Option({"-q", "--quiet"}, ""), folder};
  VerbText runs{
      "busker runs", "Runs", "List: all.", "", {}, {Option({"--state"}, "queued|failed")}, {}};
  VerbText create{"busker token create", "", "Make one.", "", {Option({}, "NAME")}, {}, {}};
  VerbText token{"busker token", "Who", "Tokens.", "", {}, {}, {create}};
  VerbText help{"busker help", "Help", "Help.", "", {Option({}, "VERB")}, {}, {}};
  return {
      "busker", "", "All.", "", {}, {Option({"-h", "--help"}, "", true)}, {run, runs, token, help}};
}

class CompletionTest : public testing::Test {
 protected:
  std::vector<std::string> WordsFor(const std::vector<std::string>& typed) {
    std::vector<std::string> words;
    const Completion completion = CompletionOf(Line(), typed, [&](const NameWanted& wanted) {
      asked_ = wanted;
      return std::vector<Candidate>{{"training", "daily"}, {"application", ""}};
    });
    if (completion.folders) words.emplace_back(":folders");
    for (const Candidate& candidate : completion.candidates) words.push_back(candidate.word);
    return words;
  }
  using Words = std::vector<std::string>;
  NameWanted asked_;
};

TEST_F(CompletionTest, OffersVerbsThatBeginSo) {
  EXPECT_EQ(WordsFor({"ru"}), (Words{"run", "runs"}));
  EXPECT_EQ(WordsFor({""}), (Words{"run", "runs", "token", "help"}));
  EXPECT_EQ(WordsFor({"token", ""}), Words{"create"});
  EXPECT_EQ(WordsFor({"help", "token", "c"}), Words{"create"});
  EXPECT_EQ(WordsFor({"nothing", ""}), (Words{"run", "runs", "token", "help"}));
}

TEST_F(CompletionTest, OffersTheVerbsOwnOptionsAndTheirValues) {
  EXPECT_EQ(WordsFor({"run", "--"}), (Words{"--date", "--quiet"}));
  EXPECT_EQ(WordsFor({"runs", "--state", ""}), (Words{"queued", "failed"}));
  EXPECT_EQ(WordsFor({"runs", "--state=f"}), Words{"--state=failed"});
  EXPECT_EQ(WordsFor({"-C", ""}), (Words{":folders", "training", "application"}));
}

TEST_F(CompletionTest, AsksForNamesWhereTheyAreMeantAndInTheFolderThatIsNamed) {
  EXPECT_EQ(WordsFor({"-C", "there", "run", "-q", "--date", "today", "tr"}), Words{"training"});
  EXPECT_EQ(asked_.value, "ACTION");
  EXPECT_EQ(asked_.verb, "run");
  EXPECT_EQ(asked_.folder, "there");
  EXPECT_EQ(asked_.arguments, Words{});
  EXPECT_EQ(WordsFor({"run", "training", ""}), Words{}) << "it takes one action";
  WordsFor({"token", "create", ""});
  EXPECT_EQ(asked_.verb, "token create");
}

}  // namespace
}  // namespace busker::cli

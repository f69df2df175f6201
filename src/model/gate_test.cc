#include "model/gate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace busker::model {
namespace {

const Metrics kChallenger = {{"auc", 0.81}, {"log_loss", 0.4}, {"rows", 2000}, {"zero", 0}};
const Metrics kChampion = {{"auc", 0.79}, {"log_loss", 0.41}, {"rows", 1900}};

// "yes", "no" or the fault.
std::string Judged(const std::string& condition, const std::optional<Metrics>& live = kChampion) {
  const auto verdict = Judge(condition, kChallenger, live);
  if (!verdict) return verdict.error().message;
  EXPECT_TRUE(CheckGate(condition));
  return verdict->pass ? "yes" : "no";
}

std::string Fault(const std::string& condition) {
  const auto checked = CheckGate(condition);
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
  return checked.error().message;
}

TEST(Gate, LetsThroughWhatIsGoodEnough) {
  EXPECT_EQ(Judged("auc >= live.auc - 0.01 and rows > 1000"), "yes");
  EXPECT_EQ(Judged("auc >= live.auc + 0.1"), "no");
  EXPECT_EQ(Judged("log_loss < live.log_loss"), "yes");
  EXPECT_EQ(Judged("rows != 2000"), "no");
  EXPECT_EQ(Judged("rows == 2000"), "yes");
  EXPECT_EQ(Judged("auc <= 0.81"), "yes");
  EXPECT_EQ(Judged("true"), "yes");
  EXPECT_EQ(Judged("false"), "no");
}

TEST(Gate, BindsAsArithmeticAndLogicDo) {
  EXPECT_EQ(Judged("1 + 2 * 3 == 7"), "yes");
  EXPECT_EQ(Judged("(1 + 2) * 3 == 9"), "yes");
  EXPECT_EQ(Judged("8 / 4 / 2 == 1"), "yes");
  EXPECT_EQ(Judged("8 - 4 - 2 == 2"), "yes");
  EXPECT_EQ(Judged("-2 * -3 == 6"), "yes");
  EXPECT_EQ(Judged("- - 2 == 2"), "yes");
  EXPECT_EQ(Judged("1e3 == 1000 and .5 == 0.5"), "yes");
  EXPECT_EQ(Judged("true or true and false"), "yes");
  EXPECT_EQ(Judged("(true or true) and false"), "no");
  EXPECT_EQ(Judged("not false and false"), "no");
  EXPECT_EQ(Judged("not (false and false)"), "yes");
  EXPECT_EQ(Judged("not auc > 1"), "yes");
  EXPECT_EQ(Judged("not not true"), "yes");
  EXPECT_EQ(Judged("((auc)) > (0.5) and ((rows > 1))"), "yes");
  EXPECT_EQ(Judged("auc>=live.auc-0.01and rows>1000"), "yes");
}

TEST(Gate, HoldsForTheFirstVersion) {
  EXPECT_EQ(Judged("auc >= live.auc - 0.01", std::nullopt), "yes");
  EXPECT_EQ(Judged("auc < live.auc", std::nullopt), "yes");
  EXPECT_EQ(Judged("not auc < live.auc", std::nullopt), "yes");
  EXPECT_EQ(Judged("not (auc < live.auc or not rows > live.rows)", std::nullopt), "yes");
  EXPECT_EQ(Judged("auc >= live.auc and rows > 10000", std::nullopt), "no");
  EXPECT_EQ(Judged("auc > live.anything / 0", std::nullopt), "yes");
}

TEST(Gate, SaysWhy) {
  const auto why = [](const std::string& condition, const std::optional<Metrics>& live) {
    return Judge(condition, {{"auc", 0.71}}, live)->why;
  };
  EXPECT_EQ(why("auc >= live.auc - 0.01", kChampion),
            "auc >= live.auc - 0.01 (0.71 >= 0.79 - 0.01): no");
  EXPECT_EQ(why("  auc > 0.5 ", kChampion), "auc > 0.5 (0.71 > 0.5): yes");
  EXPECT_EQ(why("auc >= live.auc", std::nullopt),
            "auc >= live.auc (0.71 >= live.auc, nothing is live yet): yes");
  EXPECT_EQ(why("live.auc < 1", std::nullopt), "live.auc < 1 (nothing is live yet): yes");
  EXPECT_EQ(why("true", kChampion), "true: yes");
}

TEST(Gate, TakesAMissingMetricForAnErrorNotANo) {
  EXPECT_EQ(Judged("acu > 0.5"),
            "condition, character 1: the new version has no metric \"acu\", did you mean \"auc\"?");
  EXPECT_EQ(
      Judged("auc > live.zero"),
      "condition, character 7: the live version has no metric \"zero\"; it has: auc, log_loss, "
      "rows");
  EXPECT_EQ(Judged("true or acu > 0.5").substr(0, 24), "condition, character 9: ");
  EXPECT_EQ(Judge("auc > 1", {}, kChampion).error().message,
            "condition, character 1: the new version has no metric \"auc\"; it has none: training "
            "writes them to output/metrics.json");
}

TEST(Gate, RefusesWhatHasNoFiniteResult) {
  EXPECT_EQ(Judged("auc / zero > 1"), "condition, character 5: \"/\" has no finite result");
  EXPECT_EQ(Judged("1e308 * 10 > 1"), "condition, character 7: \"*\" has no finite result");
  EXPECT_EQ(Judged("zero > 0 and auc / zero > 1"), "no");
  EXPECT_EQ(Judge("x > 1", {{"x", std::nan("")}}, {}).error().message,
            "condition, character 1: \"x\" has no finite result");
}

TEST(Gate, SaysAtWhichCharacterItCannotBeRead) {
  EXPECT_EQ(Fault(""),
            "condition, character 1: expected a metric, a number or \"(\", found the end");
  EXPECT_EQ(Fault("auc"),
            "condition, character 4: expected a comparison such as \"> 0.7\", found the "
            "end");
  EXPECT_EQ(Fault("auc >"),
            "condition, character 6: expected a metric, a number or \"(\", found the end");
  EXPECT_EQ(Fault("auc > 1 rows > 2"),
            "condition, character 9: expected \"and\", \"or\" or the end, found \"rows\"");
  EXPECT_EQ(Fault("0 < auc < 1"),
            "condition, character 9: expected \"and\", \"or\" or the end, found \"<\"");
  EXPECT_EQ(Fault("(auc > 1"), "condition, character 9: expected \")\", found the end");
  EXPECT_EQ(Fault("auc > 1)"),
            "condition, character 8: expected \"and\", \"or\" or the end, found \")\"");
  EXPECT_EQ(Fault("auc = 1"), "condition, character 5: cannot read \"=\"; equality is \"==\"");
  EXPECT_EQ(Fault("auc > 1 && rows > 1"),
            "condition, character 9: cannot read \"&\"; write \"and\"");
  EXPECT_EQ(Fault("ö > 1"), "condition, character 1: cannot read \"ö\"");
  EXPECT_EQ(Fault("auc > 1 ö"), "condition, character 9: cannot read \"ö\"");
  EXPECT_EQ(Fault("\x1b"), "condition, character 1: cannot read \"\\x1b\"");
  EXPECT_EQ(Fault("auc > 1e999"),
            "condition, character 7: cannot read \"1\"; it is no number that fits");
  EXPECT_EQ(Fault("live. > 1"),
            "condition, character 1: expected a metric such as auc or live.auc, found \"live.\"");
}

TEST(Gate, KeepsNumbersAndConditionsApart) {
  EXPECT_EQ(Fault("auc and rows"),
            "condition, character 5: \"and\" needs a condition on each side");
  EXPECT_EQ(Fault("true + 1 > 1"), "condition, character 6: \"+\" needs a number on each side");
  EXPECT_EQ(Fault("(auc > 1) > 1"), "condition, character 11: \">\" needs a number on each side");
  EXPECT_EQ(Fault("-true"), "condition, character 1: \"-\" needs a number behind it");
  EXPECT_EQ(Fault("not 1"),
            "condition, character 6: expected a comparison such as \"> 0.7\", found the end");
}

TEST(Gate, IsLimitedInLengthAndDepth) {
  EXPECT_EQ(Fault(std::string(64, '(') + "true" + std::string(64, ')')), "");
  EXPECT_EQ(Fault(std::string(65, '(') + "true" + std::string(65, ')')),
            "condition, character 66: nested deeper than 64 levels");
  EXPECT_EQ(Fault(std::string(4000, '(')), "condition, character 66: nested deeper than 64 levels");
  EXPECT_EQ(Fault(std::string(4000, '-') + "1 > 0"),
            "condition, character 66: nested deeper than 64 levels");
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "not ";
  EXPECT_EQ(Fault(nots + "true"), "condition, character 261: nested deeper than 64 levels");
  EXPECT_EQ(Fault(std::string(5000, ' ')), "condition: longer than 4 KiB");
  std::string sum = "auc > 1";
  while (sum.size() < 4090) sum += " + 1";
  EXPECT_EQ(Judged(sum), "no");
}

TEST(Gate, SurvivesAnyText) {
  const std::string bytes =
      "()<>=!+-*/.0123456789eauclive andortnf_\"'&|\xc3\n" + std::string(1, '\0');
  std::mt19937 random(5);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = "auc >= live.auc - 0.01 and (rows > 1000 or not -auc < 1)";
    for (auto edits = random() % 6; edits > 0; --edits) {
      const auto at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = bytes[random() % bytes.size()];
      } else {
        text.erase(at, 1 + random() % 3);
      }
      if (text.empty()) text = "x";
    }
    const bool reads = CheckGate(text).has_value();
    const auto verdict = Judge(text, kChallenger, kChampion);
    ASSERT_TRUE(reads || !verdict) << text;
    good += reads ? 1 : 0;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace busker::model

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
  EXPECT_TRUE(CheckGate(condition, {}));
  return verdict->pass ? "yes" : "no";
}

std::string Fault(const std::string& condition) {
  const auto checked = CheckGate(condition, {});
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

// min, max and abs calculate, beside metrics that are called so.
TEST(Gate, HasFunctions) {
  EXPECT_EQ(Judged("min(auc, live.auc) == live.auc and max(auc, live.auc, 0.5) == auc"), "yes");
  EXPECT_EQ(Judged("abs(rows - live.rows) <= 0.1 * live.rows"), "yes");
  EXPECT_EQ(Judged("abs(live.rows - rows) < 100"), "no");
  EXPECT_EQ(Judged("-abs(-2) * 3 == -6 and abs (zero) == 0"), "yes");
  EXPECT_EQ(Judged("max(min(1, 2), abs(-3)) == 3"), "yes");
  EXPECT_EQ(Judged("auc >= max(live.auc, 0.9)", std::nullopt), "yes") << "nothing is live";
  EXPECT_EQ(Judge("min > max", {{"min", 2}, {"max", 1}}, std::nullopt)->pass, true);
  EXPECT_EQ(Judged("max(auc, nothing) > 0")
                .find("condition, character 10: the new version has no "
                      "metric \"nothing\""),
            0U);
}

TEST(Gate, SaysWhyWithFunctions) {
  const auto why = [](const std::string& condition) {
    return Judge(condition, {{"auc", 0.71}}, Metrics{{"auc", 0.79}})->why;
  };
  EXPECT_EQ(why("auc >= max(live.auc, 0.6, auc - 1)"),
            "auc 0.71 is not >= 0.79 (max(0.79, 0.6, 0.71 - 1))");
  EXPECT_EQ(why("abs(auc - live.auc) < 0.1"), "0.08 (abs(0.71 - 0.79)) is < 0.1");
  EXPECT_EQ(why("2 * min(auc, live.auc) > 1"), "1.42 (2 * min(0.71, 0.79)) is > 1");
  EXPECT_EQ(why("auc > -(min(auc, 1) - 2)"), "auc 0.71 is not > 1.29 (-(min(0.71, 1) - 2))");
}

TEST(Gate, SaysWhatIsWrongWithACall) {
  EXPECT_EQ(Fault("min(auc) > 1"),
            "condition, character 8: expected \",\" and a second number for min, found \")\"");
  EXPECT_EQ(Fault("abs(auc, 1) > 1"), "condition, character 8: expected \")\", found \",\"");
  EXPECT_EQ(Fault("max() > 1"),
            "condition, character 5: expected a metric, a number or \"(\", found \")\"");
  EXPECT_EQ(Fault("max(1, 2 > 1"), "condition, character 10: expected \",\" or \")\", found \">\"");
  EXPECT_EQ(Fault("max((auc > 1), 2) > 1"),
            "condition, character 1: \"max\" needs numbers between its parentheses");
  EXPECT_EQ(Fault("log(auc) > 1"),
            "condition, character 1: expected min, max or abs in front of \"(\", found \"log\"");
  EXPECT_EQ(Fault("min(1, 2)"),
            "condition, character 10: expected a comparison such as \"> 0.7\", found the end");
  EXPECT_EQ(Fault("auc, 1 > 2"),
            "condition, character 4: expected \"and\", \"or\" or the end, found \",\"");
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "abs(";
  EXPECT_NE(Fault(deep).find("nested deeper than 64 levels"), std::string::npos);
}

// testing.auc is a metric of what the action testing found, and only where there is one.
TEST(Gate, NamesWhatTestsFound) {
  const auto fault = [](const std::string& condition) {
    const auto checked = CheckGate(condition, {"testing", "backtest"});
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(fault("testing.auc >= live.testing.auc and backtest.rows > auc"), "");
  EXPECT_EQ(
      fault("auc > 0.5 and testin.auc > 0.5"),
      "condition, character 15: no action \"testin\" with input = \"candidate\", did "
      "you mean \"testing\"? A metric with just that name is written in quotes: 'testin.auc'");
  EXPECT_EQ(fault("auc > live.eval.auc"),
            "condition, character 7: no action \"eval\" with input = \"candidate\". A "
            "metric with just that name is written in quotes: live.'eval.auc'");
  EXPECT_EQ(fault("auc > live.'eval.auc' and \"eval.auc\" > 0"), "");
  const auto needed = MetricsNeeded("testing.auc >= live.auc and 'a b' > 1");
  EXPECT_EQ(needed->of_new, (std::vector<std::string>{"testing.auc", "a b"}));
  EXPECT_EQ(needed->of_live, (std::vector<std::string>{"auc"}));
  EXPECT_TRUE(NamesTest(needed->of_new, "testing"));
  EXPECT_FALSE(NamesTest(needed->of_new, "test") || NamesTest(needed->of_live, "testing"));
  const auto verdict = Judge("testing.auc >= live.testing.auc", {{"testing.auc", 0.7}},
                             Metrics{{"testing.auc", 0.8}});
  EXPECT_EQ(verdict->why, "testing.auc 0.7 is not >= 0.8 (live.testing.auc)");
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
  EXPECT_EQ(why("auc >= live.auc - 0.01", kChampion), "auc 0.71 is not >= 0.78 (0.79 - 0.01)");
  EXPECT_EQ(why("  auc > 0.5 ", kChampion), "auc 0.71 is > 0.5");
  EXPECT_EQ(why("auc >= live.auc", kChampion), "auc 0.71 is not >= 0.79 (live.auc)");
  EXPECT_EQ(why("live.auc < auc", kChampion), "live.auc 0.79 is not < 0.71 (auc)");
  EXPECT_EQ(why("auc >= live.auc", std::nullopt), "nothing is live yet");
  EXPECT_EQ(why("auc >= live.auc and live.rows > 1", std::nullopt), "nothing is live yet");
  EXPECT_EQ(why("live.auc < 1", std::nullopt), "nothing is live yet");
  EXPECT_EQ(why("true", kChampion), "true");
  EXPECT_EQ(why("auc * 2 > (live.auc + 1) * 2", kChampion),
            "1.42 (0.71 * 2) is not > 3.58 ((0.79 + 1) * 2)");
  EXPECT_EQ(why("auc - (1 - 0.5) < -live.auc", kChampion),
            "0.21 (0.71 - (1 - 0.5)) is not < -0.79");
}

// The whole condition with all its numbers, and "no" behind it: which part had decided it was for
// the reader to find out.
TEST(Gate, SaysWhichPartsDecided) {
  const auto why = [](const std::string& condition) {
    return Judge(condition, kChallenger, kChampion)->why;
  };
  EXPECT_EQ(why("auc > 0.9 and rows > 1000"), "auc 0.81 is not > 0.9");
  EXPECT_EQ(why("auc > 0.5 and rows > 3000"), "rows 2000 is not > 3000");
  EXPECT_EQ(why("auc > 0.9 and rows > 3000"), "auc 0.81 is not > 0.9 and rows 2000 is not > 3000");
  EXPECT_EQ(why("auc > 0.9 or rows > 3000"), "auc 0.81 is not > 0.9 and rows 2000 is not > 3000");
  EXPECT_EQ(why("auc > 0.9 or rows > 1000"), "rows 2000 is > 1000");
  EXPECT_EQ(why("auc > 0.5 or rows > 1000"), "auc 0.81 is > 0.5");
  EXPECT_EQ(why("auc > 0.5 and rows > 1000"), "auc 0.81 is > 0.5 and rows 2000 is > 1000");
  EXPECT_EQ(why("not auc > 0.5"), "auc 0.81 is > 0.5");
  EXPECT_EQ(why("not (auc > 0.5 and rows > 3000)"), "rows 2000 is not > 3000");
  EXPECT_EQ(why("auc > 0.9 and auc / zero > 1"), "auc 0.81 is not > 0.9");
}

// A metric named eval/loss or f1-score was kept, and no gate could name it.
TEST(Gate, NamesAnyMetricInQuotes) {
  const Metrics odd = {{"eval/loss", 0.2}, {"f1-score", 0.8}, {"precision@5", 0.5}, {"5", 1},
                       {"and", 1},         {"live.auc", 0.3}, {"auc", 0.7},         {"it's", 2}};
  const auto judged = [&](const std::string& condition) -> std::string {
    EXPECT_TRUE(CheckGate(condition, {})) << condition;
    const auto verdict = Judge(condition, odd, Metrics{{"eval/loss", 0.4}, {"auc", 0.9}});
    if (!verdict) return verdict.error().message;
    return (verdict->pass ? "yes: " : "no: ") + verdict->why;
  };
  EXPECT_EQ(judged("\"eval/loss\" < 0.5"), "yes: \"eval/loss\" 0.2 is < 0.5");
  EXPECT_EQ(judged("'eval/loss' < live.\"eval/loss\""),
            "yes: 'eval/loss' 0.2 is < 0.4 (live.\"eval/loss\")");
  EXPECT_EQ(judged("'f1-score'>=0.9"), "no: 'f1-score' 0.8 is not >= 0.9");
  EXPECT_EQ(
      judged("'precision@5' > 0.4 and '5' == 1 and 'and' == 1 and \"it's\" == 2").substr(0, 3),
      "yes");
  EXPECT_EQ(judged("'live.auc' == 0.3 and live.auc == 0.9 and 'auc' == 0.7").substr(0, 3), "yes");
  EXPECT_EQ(judged("eval/loss < 0.5"),
            "condition, character 1: the new version has no metric \"eval\"; \"eval/loss\" is "
            "written in quotes: 'eval/loss'");
  EXPECT_EQ(judged("1 > live.eval/loss"),
            "condition, character 5: the live version has no metric \"eval\"; \"eval/loss\" is "
            "written in quotes: live.'eval/loss'");
  EXPECT_EQ(judged("f1-score > 0.5"),
            "condition, character 1: the new version has no metric \"f1\"; \"f1-score\" is written "
            "in quotes: 'f1-score'");
  EXPECT_EQ(judged("'eval/los' < 0.5"),
            "condition, character 1: the new version has no metric \"eval/los\", did you mean "
            "\"eval/loss\"?");
  for (const char* open : {"'eval/loss < 0.5", "\"\" < 0.5", "live.'' > 1", "'"}) {
    EXPECT_NE(Fault(open).find("expected the name of a metric between two quotes"),
              std::string::npos)
        << Fault(open);
  }
}

// liv.auc passed validation, and failed each training from then on.
TEST(Gate, TakesASlipInLiveForWhatItIs) {
  for (const char* slip : {"liv", "Live", "LIVE", "lve", "life", "ilve"}) {
    const std::string name = std::string(slip) + ".auc";
    EXPECT_EQ(
        Fault("auc > " + name),
        "condition, character 7: \"" + name +
            "\" is not a metric of the live version; did you mean \"live.auc\"? A metric with "
            "just that name is written in quotes: '" +
            name + "'");
    EXPECT_EQ(Fault("auc > '" + name + "'"), "");
  }
  const std::string near = "eval.auc > 1 and test.live > 1 and live > 1 and auc > live.eval.auc";
  EXPECT_TRUE(CheckGate(near, {"eval", "test"}));
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
  EXPECT_EQ(MetricsNeeded("auc > live.rows and 'f1-score' > 0").value().of_new,
            (std::vector<std::string>{"auc", "f1-score"}));
}

TEST(Gate, RefusesWhatHasNoFiniteResult) {
  EXPECT_EQ(Judged("auc / zero > 1"), "condition, character 5: \"/\" has no finite result");
  EXPECT_EQ(Judged("1e308 * 10 > 1"), "condition, character 7: \"*\" has no finite result");
  EXPECT_EQ(Judged("zero > 0 and auc / zero > 1"), "no");
  EXPECT_EQ(Judge("x > 1", {{"x", std::nan("")}}, {}).error().message,
            "condition, character 1: \"x\" has no finite result");
}

TEST(Gate, SaysAtWhichCharacterItCannotBeRead) {
  const std::string kQuotes =
      "; a metric whose name has more than letters, digits, \"_\" and \".\" is written in quotes: "
      "'eval/loss' < 0.5";
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
  EXPECT_EQ(Fault("ö > 1"), "condition, character 1: cannot read \"ö\"" + kQuotes);
  EXPECT_EQ(Fault("auc > 1 ö"), "condition, character 9: cannot read \"ö\"" + kQuotes);
  EXPECT_EQ(Fault("\x1b"), "condition, character 1: cannot read \"\\x1b\"" + kQuotes);
  EXPECT_EQ(Fault("recall@5 > 1"), "condition, character 7: cannot read \"@\"" + kQuotes);
  EXPECT_EQ(Fault("auc > 1e999"),
            "condition, character 7: cannot read \"1\"; the number is too large or too small");
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
    const bool reads = CheckGate(text, {}).has_value();
    const auto verdict = Judge(text, kChallenger, kChampion);
    ASSERT_TRUE(reads || !verdict) << text;
    good += reads ? 1 : 0;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace busker::model

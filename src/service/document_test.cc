#include "service/document.h"

#include <gtest/gtest.h>

#include <random>

#include "service/nesting.h"

namespace busker::service {
namespace {

std::string FaultOf(const std::string& text) {
  Faults faults;
  const auto document = ParseDocument(text, faults);
  EXPECT_EQ(document.has_value(), faults.empty());
  return faults.empty() ? "" : ToString(faults.Sorted().front());
}

std::string Repeated(const std::string& text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

TEST(Document, KeepsTheOrderOfTheFile) {
  Faults faults;
  const auto document = ParseDocument("[z]\nb = 1\na = { d = 1, c = 2 }\n[x]\n", faults);
  ASSERT_TRUE(document);
  ASSERT_EQ(document->members.size(), 2U);
  EXPECT_EQ(document->members[0].name, "z");
  const Node& z = document->members[0].value;
  EXPECT_EQ(z.members[0].name, "b");
  EXPECT_EQ(z.members[1].name, "a");
  EXPECT_EQ(z.members[1].value.members[0].name, "d");
  EXPECT_EQ(z.members[1].at.line, 3);
  EXPECT_EQ(z.members[1].value.at.column, 5);
}

TEST(Document, SaysWhereItIsNoToml) {
  EXPECT_EQ(FaultOf("name = \"a\"\nversion =\n"),
            "busker.toml:2:10: not TOML: key-value pair: expected value, saw '\\n'");
  EXPECT_EQ(FaultOf("a = 1\na = 2\n").substr(0, 26), "busker.toml:2:5: not TOML:");
}

TEST(Document, MustBeUtf8) {
  EXPECT_NE(FaultOf("name = \"\xff\"").find("utf-8"), std::string::npos);
  EXPECT_NE(FaultOf("name = \"\xc3(\"").find("utf-8"), std::string::npos);
  EXPECT_EQ(FaultOf("name = \"åäö\""), "");
}

TEST(Document, OfTenMegabytesIsRefused) {
  EXPECT_EQ(FaultOf(Repeated("# a comment of 32 bytes, plainly\n", 320'000)),
            "busker.toml: larger than 1 MiB, which no such file is");
}

TEST(Document, OfTenThousandLevelsIsRefusedWhereItGetsTooDeep) {
  const int levels = 10'000;
  EXPECT_EQ(FaultOf("a = " + Repeated("[", levels) + Repeated("]", levels)),
            "busker.toml:1:69: nested deeper than 64 levels");
  EXPECT_EQ(FaultOf("b = 1\na = " + Repeated("{a=", levels) + "1" + Repeated("}", levels)),
            "busker.toml:2:197: nested deeper than 64 levels");
  EXPECT_EQ(FaultOf("[a" + Repeated(".a", levels) + "]"),
            "busker.toml:1:129: nested deeper than 64 levels");
  EXPECT_EQ(FaultOf("a" + Repeated(".a", levels) + " = 1"),
            "busker.toml:1:130: nested deeper than 64 levels");
  EXPECT_EQ(FaultOf("x = {" + Repeated("\"a\".", levels) + "b = 1}").substr(0, 14),
            "busker.toml:1:");
}

TEST(Document, CannotHideNestingBehindStringsAndComments) {
  const std::string deep = Repeated("a.", 100) + "a = 1";
  for (const std::string before :
       {"s = \"\"\"x\"\"\"\"\n", "s = '''x'''''\n", "s = \"\\\"\"\n", "# \" '\n", "s = '\\'\n",
        "s = \"\"\"\n\"\" \\\"\"\"\n\"\"\"\n", "s = \"\"\n", "s = ''''''\n", "s = '\"'\n"}) {
    EXPECT_NE(FaultOf(before + deep).find("deeper"), std::string::npos) << before;
  }
  EXPECT_NE(FaultOf("s = [\"\"\"x\"\"\"\"" + std::string(", {") + deep + "}]").find("deeper"),
            std::string::npos);
}

TEST(Document, OfOrdinaryDepthIsFineWhateverItsStringsHold) {
  EXPECT_EQ(FaultOf("a = \"" + Repeated("[", 500) + "\" # " + Repeated("{", 500) + "\nb = '" +
                    Repeated("a.", 500) + "'"),
            "");
  EXPECT_EQ(FaultOf("a = [" + Repeated("1.5, ", 1000) + "2.5]"), "");
  EXPECT_EQ(FaultOf(Repeated("a.b.c", 1) + " = 1"), "");
}

// Whatever bytes come, the answer is a tree or a fault.
TEST(Document, SurvivesAnyBytes) {
  const std::string seed =
      "name = \"a\"\n[actions.\"x\"]\nretries = 2\ndeliver.'p.csv' = { table = \"a.b\", schema = "
      "{} }\n"
      "f = 1.5e3\nt = 2019-07-01T00:00:00Z\nm = \"\"\"x\n\"\"\"\n[[list]]\ny = [1, 'b', true]\n";
  const std::string bytes = "[]{}=.,\"'\\#\n\r \t\x01\x7f\xc3\xff" + std::string(1, '\0') + "a1-:";
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (auto edits = 1 + random() % 6; edits > 0; --edits) {
      const auto at = random() % text.size();
      const char byte = bytes[random() % bytes.size()];
      switch (random() % 4) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        case 2:
          text.erase(at, 1 + random() % 4);
          break;
        case 3:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
          break;
      }
      if (text.empty()) text = "a";
    }
    Faults faults;
    const auto document = ParseDocument(text, faults);
    ASSERT_EQ(document.has_value(), faults.empty()) << text;
  }
}

}  // namespace
}  // namespace busker::service

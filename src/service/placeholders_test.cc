#include "service/placeholders.h"

#include <gtest/gtest.h>

#include "service/service.h"

namespace busker::service {
namespace {

const std::map<std::string, std::string> kValues = {
    {"NAME", "lifetime-value"}, {"DATE", "2019-08-01"}, {"EVIL", "${NAME}${"}};

std::string Expanded(const std::string& text) {
  const auto expanded = Expand(text, kValues);
  return expanded ? *expanded : "error: " + expanded.error().message;
}

TEST(Placeholders, AreReplacedWhereverTheyStand) {
  EXPECT_EQ(Expanded("${NAME}"), "lifetime-value");
  EXPECT_EQ(Expanded("a/${NAME}/${DATE}${DATE}.csv"), "a/lifetime-value/2019-08-012019-08-01.csv");
  EXPECT_EQ(Expanded(""), "");
}

TEST(Placeholders, LeaveOtherDollarsAlone) {
  EXPECT_EQ(Expanded("$NAME $5 $$ }{"), "$NAME $5 $$ }{");
}

TEST(Placeholders, AreNotLookedForInWhatAValueBringsIn) {
  EXPECT_EQ(Expanded("<${EVIL}>"), "<${NAME}${>");
}

TEST(Placeholders, ThatAreUnknownAreNamed) {
  EXPECT_EQ(Expanded("${NAMES}"),
            R"(error: unknown placeholder "${NAMES}", did you mean "${NAME}"?)");
  EXPECT_EQ(Expanded("${HOME}"),
            R"(error: unknown placeholder "${HOME}"; there are DATE, EVIL, NAME)");
  EXPECT_EQ(Expanded("${}"), R"(error: unknown placeholder "${}"; there are DATE, EVIL, NAME)");
  EXPECT_EQ(Expanded("${ NAME }"),
            R"(error: unknown placeholder "${ NAME }", did you mean "${NAME}"?)");
}

TEST(Placeholders, ThatAreNotClosedAreRefused) {
  EXPECT_EQ(Expanded("a ${NAME"), R"(error: a placeholder is not closed by "}" in "a ${NAME")");
  EXPECT_EQ(Expanded("${A\n}").substr(0, 32), "error: a placeholder is not clos");
  EXPECT_EQ(Expanded("\"${\" }").substr(0, 32), "error: a placeholder is not clos");
}

TEST(Placeholders, KnowPathInTheEnvironmentOnly) {
  EXPECT_EQ(FindPlaceholderFault("bin:${PATH}", PlaceholderUse::kEnvironment), std::nullopt);
  EXPECT_NE(FindPlaceholderFault("bin:${PATH}", PlaceholderUse::kValue), std::nullopt);
}

TEST(Placeholders, BecomePartsOfATableName) {
  const auto table = ExpandTable("${NAME}.p_${DATE}", kValues);
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, "lifetime_value.p_2019_08_01");
  EXPECT_EQ(TableWord("Ab.9-_é"), "ab_9____");
}

}  // namespace
}  // namespace busker::service

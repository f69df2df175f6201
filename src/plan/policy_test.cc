#include "plan/policy.h"

#include <gtest/gtest.h>

namespace busker::plan {
namespace {

TEST(Policy, IsReadByTheNameThatItIsWrittenWith) {
  for (const auto& name : CatchUpNames()) EXPECT_EQ(NameOf(*ParseCatchUp(name)), name);
  for (const auto& name : OverlapNames()) EXPECT_EQ(NameOf(*ParseOverlap(name)), name);
  for (const auto& name : TriggerRuleNames()) EXPECT_EQ(NameOf(*ParseTriggerRule(name)), name);
  EXPECT_EQ(CatchUpNames().size(), 3U);
  EXPECT_EQ(OverlapNames().size(), 4U);
  EXPECT_EQ(TriggerRuleNames().size(), 4U);
}

TEST(Policy, HasNoOtherNames) {
  EXPECT_FALSE(ParseCatchUp("All"));
  EXPECT_FALSE(ParseOverlap(""));
  EXPECT_FALSE(ParseTriggerRule("one_success"));
}

}  // namespace
}  // namespace busker::plan

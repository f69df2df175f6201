#include "access/scope.h"

#include <gtest/gtest.h>

namespace busker::access {
namespace {

TEST(Scopes, IncludeEachOtherButForPredictions) {
  using enum Scope;
  for (const Scope scope : {kViewer, kOperator, kAdmin}) EXPECT_FALSE(Allows(kPredict, scope));
  EXPECT_TRUE(Allows(kPredict, kPredict));
  EXPECT_FALSE(Allows(kViewer, kPredict));
  EXPECT_TRUE(Allows(kOperator, kPredict));
  EXPECT_TRUE(Allows(kViewer, kViewer));
  EXPECT_FALSE(Allows(kViewer, kOperator));
  EXPECT_TRUE(Allows(kAdmin, kOperator));
  EXPECT_FALSE(Allows(kOperator, kAdmin));
  for (const Scope scope : {kPredict, kViewer, kOperator, kAdmin}) {
    EXPECT_EQ(ParseScope(NameOf(scope)), scope);
  }
  EXPECT_EQ(ParseScope("root"), std::nullopt);
}

TEST(Scopes, OfWhoIsConfinedReachNoFurther) {
  const Confines shop = {"shop", "churn/training", "nightly"};
  for (const char* const within : {"shop", "shop/training", "churn/training", "nightly"}) {
    EXPECT_TRUE(IsWithin(shop, within)) << within;
  }
  for (const char* const beyond :
       {"", "shop2/training", "sho", "churn", "churn/application", "churn/training2", "nightly2"}) {
    EXPECT_FALSE(IsWithin(shop, beyond)) << beyond;
  }
  EXPECT_TRUE(IsWithin({}, "anything"));
  EXPECT_TRUE(HoldsService(shop, "shop"));
  EXPECT_FALSE(HoldsService(shop, "churn")) << "only one action of it";
  EXPECT_TRUE(HoldsService({}, "churn"));
}

}  // namespace
}  // namespace busker::access

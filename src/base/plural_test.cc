#include "base/plural.h"

#include <gtest/gtest.h>

namespace busker {
namespace {

// "1 deliveries" was what most sentences said.
TEST(Plural, OneOfSomethingIsNotSeveral) {
  EXPECT_EQ(Plural(0, "fault"), "0 faults");
  EXPECT_EQ(Plural(1, "graph file"), "1 graph file");
  EXPECT_EQ(Plural(2'357, "row"), "2,357 rows");
  EXPECT_EQ(Plural(1, "delivery", "deliveries"), "1 delivery");
  EXPECT_EQ(Plural(3, "delivery", "deliveries"), "3 deliveries");
}

}  // namespace
}  // namespace busker

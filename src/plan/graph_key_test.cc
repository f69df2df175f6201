#include "plan/graph_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace busker::plan {
namespace {

TEST(GraphKey, IsAnActionOfAServiceOrAGraphFile) {
  const GraphKey action = GraphKey::Parse("shop/training");
  EXPECT_EQ(action.service, "shop");
  EXPECT_EQ(action.name, "training");
  EXPECT_EQ(action.Text(), "shop/training");
  EXPECT_EQ(action, GraphKey("shop", "training"));
  const GraphKey file = "nightly";
  EXPECT_EQ(file.service, "");
  EXPECT_EQ(file.name, "nightly");
  EXPECT_EQ(fmt::format("{} {}", action, file), "shop/training nightly");
  EXPECT_TRUE(GraphKey().empty());
}

// The record lists graphs by their texts, and a page of a list goes on behind a key of the other.
TEST(GraphKey, IsSortedAsItsTextIs) {
  const std::vector<std::string> texts = {"a",   "a-b",  "a-b/c", "a/b",   "a/c", "ab", "ab/a",
                                          "a.b", "a.b/", "a0",    "a0/b0", "b",   "B",  ""};
  for (const std::string& one : texts) {
    for (const std::string& other : texts) {
      EXPECT_EQ(GraphKey::Parse(one) <=> GraphKey::Parse(other), one <=> other) << one << other;
    }
  }
}

}  // namespace
}  // namespace busker::plan

#include "access/secret_text.h"

#include <gtest/gtest.h>

#include <set>

namespace busker::access {
namespace {

TEST(Secret, IsNeverTheSame) {
  std::set<std::string> secrets;
  for (int i = 0; i < 1000; ++i) secrets.insert(MakeSecret());
  EXPECT_EQ(secrets.size(), 1000u);
}

TEST(Secret, IsTheSameAsItselfAlone) {
  EXPECT_TRUE(SameSecret("abc", "abc"));
  EXPECT_TRUE(SameSecret("", ""));
  for (const char* const other : {"", "ab", "abd", "bbc", "abcd"}) {
    EXPECT_FALSE(SameSecret("abc", other)) << other;
  }
}

}  // namespace
}  // namespace busker::access

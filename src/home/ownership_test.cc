#include "home/ownership.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::home {
namespace {

TEST(Ownership, IsOfOneAtATimeAndSaysOfWhom) {
  const io::TestFolder folder;
  const Home home = MakeHome(folder.path()).value();
  EXPECT_EQ(OwnerOf(home), "");
  {
    const auto first = Ownership::Take(home, "runs training", std::chrono::seconds(1));
    ASSERT_TRUE(first);
    EXPECT_NE(OwnerOf(home).find("runs training"), std::string::npos);
    const auto second = Ownership::Take(home, "runs application", std::chrono::milliseconds(50));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kTemporary);
    EXPECT_NE(second.error().message.find("runs training"), std::string::npos);
  }
  EXPECT_TRUE(Ownership::Take(home, "runs application", std::chrono::milliseconds(50)));
}

}  // namespace
}  // namespace busker::home

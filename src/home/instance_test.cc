#include "home/instance.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::home {
namespace {

namespace fs = io::fs;

class InstanceTest : public testing::Test {
 protected:
  InstanceTest() { fs::create_directory(home_.folder); }
  static Instance Open(const Home& home) {
    auto instance = OpenInstance(home);
    EXPECT_TRUE(instance) << instance.error().message;
    return instance.value_or(Instance{});
  }

  io::TestFolder folder_;
  Home home_{folder_ / "home"};
  Home other_{folder_ / "other"};
};

TEST_F(InstanceTest, StaysWhenTheHomeIsMovedAndRemembersWhereItWas) {
  const Instance first = Open(home_);
  EXPECT_EQ(first.id.size(), 16U);
  EXPECT_FALSE(first.renewed);
  EXPECT_EQ(Open(home_).id, first.id);
  fs::rename(home_.folder, other_.folder);
  const Instance moved = Open(other_);
  EXPECT_EQ(moved.id, first.id);
  EXPECT_FALSE(moved.renewed);
  EXPECT_EQ(moved.home.now, other_.folder);
  EXPECT_EQ(moved.home.before, std::vector<std::string>{home_.folder.string()});
  EXPECT_EQ(FolderOf(other_).before, moved.home.before);
}

// A copy was taken for the home itself.
TEST_F(InstanceTest, IsAnotherForACopyAndIsSaidOnce) {
  const Instance first = Open(home_);
  fs::copy(home_.folder, other_.folder, fs::copy_options::recursive);
  const Instance copy = Open(other_);
  EXPECT_NE(copy.id, first.id);
  EXPECT_TRUE(copy.renewed);
  EXPECT_EQ(copy.home.before, std::vector<std::string>{home_.folder.string()});
  EXPECT_FALSE(Open(other_).renewed);
  EXPECT_EQ(Open(other_).id, copy.id);
  EXPECT_EQ(Open(home_).id, first.id);
}

TEST_F(InstanceTest, ThatCannotBeReadIsNobodys) {
  const Instance first = Open(home_);
  for (const char* const text : {"", "{", "[]", R"({"id": 1, "device": "x", "folders": [1]})"}) {
    ASSERT_TRUE(io::WriteFileAtomically(home_.InstanceFile(), text));
    const Instance next = Open(home_);
    EXPECT_NE(next.id, first.id) << text;
    EXPECT_TRUE(next.renewed) << text;
  }
}

TEST_F(InstanceTest, RemembersOnlySoManyFolders) {
  for (int i = 0; i < 40; ++i) {
    fs::rename(home_.folder, folder_ / std::to_string(i));
    home_.folder = folder_ / std::to_string(i);
    EXPECT_LE(Open(home_).home.before.size(), 15U);
  }
  EXPECT_EQ(FolderOf(home_).before.back(), (folder_ / "38").string());
}

}  // namespace
}  // namespace busker::home

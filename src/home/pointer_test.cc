#include "home/pointer.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::home {
namespace {

namespace fs = io::fs;

// A served folder, `prod`, and the home of the daemon that serves it.
class PointerTest : public testing::Test {
 protected:
  PointerTest() {
    fs::create_directories(prod_);
    fs::create_directories(home_.folder);
  }
  static Pointer Read(const fs::path& folder) {
    auto pointer = ReadPointer(folder);
    EXPECT_TRUE(pointer) << pointer.error().message;
    EXPECT_TRUE(pointer && *pointer);
    return pointer && *pointer ? **pointer : Pointer{};
  }
  void Copy(const fs::path& to) const { fs::copy(prod_, to, fs::copy_options::recursive); }

  io::TestFolder folder_;
  const fs::path prod_ = folder_ / "prod";
  const fs::path experiment_ = folder_ / "experiment";
  const Home home_{folder_ / "home"};
};

TEST_F(PointerTest, LeadsToTheHomeFromTheFolderThatItWasWrittenFor) {
  EXPECT_FALSE(*ReadPointer(prod_));
  ASSERT_TRUE(WritePointer(prod_, home_));
  EXPECT_EQ(Read(prod_).home, home_.folder);
  EXPECT_EQ(Read(prod_).written_for, prod_.string());
  EXPECT_TRUE(Read(prod_).is_for_this);
}

// A copy of a folder trained into the home of the original.
TEST_F(PointerTest, IsNotForACopyOfTheFolder) {
  ASSERT_TRUE(WritePointer(prod_, home_));
  Copy(experiment_);
  EXPECT_FALSE(Read(experiment_).is_for_this);
  EXPECT_EQ(Read(experiment_).written_for, prod_.string());
  EXPECT_TRUE(Read(prod_).is_for_this);
}

TEST_F(PointerTest, IsStillForTheFolderWhenThatWasMovedOrMadeAnew) {
  ASSERT_TRUE(WritePointer(prod_, home_));
  fs::rename(prod_, experiment_);
  EXPECT_TRUE(Read(experiment_).is_for_this);
  fs::copy(experiment_, prod_, fs::copy_options::recursive);  // restored in its place
  EXPECT_TRUE(Read(prod_).is_for_this);
  EXPECT_FALSE(Read(experiment_).is_for_this);  // what was put aside is served no more
}

TEST_F(PointerTest, OfAnEarlierVersionIsForTheFoldersThatTheHomeIsServedFor) {
  ASSERT_TRUE(WritePointer(prod_, home_));
  folder_.Write("prod/.busker/home", home_.folder.string() + "\n");
  EXPECT_FALSE(Read(prod_).is_for_this);
  folder_.Write("home/served", folder_.path().string() + "/other\n" + prod_.string() + "\n");
  EXPECT_TRUE(Read(prod_).is_for_this);
  Copy(experiment_);
  EXPECT_FALSE(Read(experiment_).is_for_this);
  Copy(folder_ / "prod2");  // begins with the same letters
  EXPECT_FALSE(Read(folder_ / "prod2").is_for_this);
  folder_.Write("home/served", folder_.path().string() + "\n");
  EXPECT_TRUE(Read(experiment_).is_for_this);
}

TEST_F(PointerTest, ThatSaysSomethingElseIsToldApartFromNone) {
  folder_.Write("prod/.busker/home", "/a\n/b\n");
  EXPECT_EQ(ReadPointer(prod_).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace busker::home

#include "dispatch/record_file.h"
#include "home/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/test_folder.h"

namespace busker::dispatch {
namespace {

namespace fs = io::fs;

class RecordOfHome : public testing::Test {
 protected:
  RecordOfHome() { fs::create_directory(home_.folder); }
  void ExpectUnusable(const std::string& words) {
    for (const bool owner : {false, true}) {
      const auto opened = owner ? OpenOrMakeRecord(home_, false) : OpenRecord(home_);
      ASSERT_FALSE(opened) << words;
      EXPECT_EQ(opened.error().kind, ErrorKind::kUnusable) << opened.error().message;
      EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
    }
  }
  io::TestFolder folder_;
  home::Home home_{folder_ / "home"};
};

TEST_F(RecordOfHome, IsMadeByTheOwnerOfANewOne) {
  EXPECT_FALSE(WasUsed(home_));
  EXPECT_EQ(OpenRecord(home_).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(fs::exists(home_.RecordFile()));
  EXPECT_TRUE(OpenOrMakeRecord(home_, false));
  EXPECT_TRUE(OpenRecord(home_));
  EXPECT_TRUE(WasUsed(home_));
}

// The owner died right after it had made the file.
TEST_F(RecordOfHome, ThatWasJustBeingMadeIsMadeByTheNext) {
  folder_.Write("home/busker.db", "");
  EXPECT_EQ(OpenRecord(home_).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(WasUsed(home_));
  EXPECT_TRUE(OpenOrMakeRecord(home_, false));
}

// A record that was missing, or cut to nothing, was begun anew in silence: keys, pauses and the
// chain of who did what were gone, and fsck found no fault.
TEST_F(RecordOfHome, IsNotBegunAnewBesideWhatItWasTheRecordOf) {
  for (const char* const trace :
       {"runs/r1/t.1/exit.json", "artifacts/m/1/live.json", "warehouse/m/p/log/1", "instance"}) {
    const fs::path file = folder_.Write(fs::path("home") / trace, "x");
    ExpectUnusable("is missing, although");
    for (const char* const text : {"", "x"}) {
      folder_.Write("home/busker.db", text);
      ExpectUnusable("is empty, although");
      EXPECT_EQ(folder_.Read("home/busker.db"), text);
    }
    fs::remove_all(home_.folder);
  }
}

TEST_F(RecordOfHome, IsAFileAndNothingElse) {
  fs::create_directory(home_.RecordFile());
  ExpectUnusable("is a folder");
  fs::remove(home_.RecordFile());
  ASSERT_EQ(mkfifo(home_.RecordFile().c_str(), 0600), 0);
  ExpectUnusable("is not a regular file");
  fs::remove(home_.RecordFile());
  fs::create_symlink("/dev/null", home_.RecordFile());
  ExpectUnusable("is not a regular file");
  fs::remove(home_.RecordFile());
  fs::create_symlink(folder_ / "elsewhere", home_.RecordFile());
  ExpectUnusable("is a link to what is not there");
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

}  // namespace
}  // namespace busker::dispatch

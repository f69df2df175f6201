#include "runner/start_marker.h"

#include <gtest/gtest.h>

#include "attempt/folder.h"
#include "base/json_object.h"
#include "io/boot.h"
#include "io/test_folder.h"

namespace busker::runner {
namespace {

class StartMarkerOf : public testing::Test {
 protected:
  // The lock file with a whole marker.
  std::string Whole() {
    const auto lock = AttemptLock::Take(folder_.path());
    const Instant now = ParseRfc3339("2019-08-01T00:00:00.5Z").value();
    const auto marker = PendingMarker::Prepare(
        *lock, folder_.path(), {now, now + Milliseconds(20), {}, "/sys/fs/cgroup/a \"b\""},
        PendingMarker::Durable::kNothing);
    EXPECT_TRUE(marker && marker->Write());
    return folder_.Read(attempt::kLockFile);
  }
  std::optional<StartMarker> Read(const std::string& text) {
    EXPECT_TRUE(io::WriteFileUnsynced(folder_ / attempt::kLockFile, text));
    return ReadStartMarker(folder_.path()).value();
  }
  const io::TestFolder folder_;
};

TEST_F(StartMarkerOf, IsReadBack) {
  const auto marker = Read(Whole());
  ASSERT_TRUE(marker);
  EXPECT_FALSE(marker->damaged);
  EXPECT_EQ(FormatRfc3339(marker->command_started_at), "2019-08-01T00:00:00.520Z");
  EXPECT_EQ(marker->session.leader, getpid());
  EXPECT_EQ(marker->session.boot, io::BootId());
  EXPECT_EQ(marker->memory_group, "/sys/fs/cgroup/a \"b\"");
}

// One wrong byte in a key, and the program was started a second time.
TEST_F(StartMarkerOf, IsOneWhateverBitOfItIsFlipped) {
  const std::string whole = Whole();
  ASSERT_FALSE(Read(whole)->damaged);
  const std::size_t begin = whole.find('{');
  for (std::size_t bit = begin * 8; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    ASSERT_TRUE(Read(flipped)) << flipped;
  }
  for (const char* key : {"started_at", "command_started_at", "boot", "memory_group", "session\"",
                          "session_started_ticks"}) {
    std::string flipped = whole;
    ++flipped[flipped.find("\"" + std::string(key)) + 1];
    ASSERT_TRUE(Read(flipped));
    EXPECT_TRUE(Read(flipped)->damaged) << key;
  }
  EXPECT_TRUE(Read(whole + "x")->damaged);
  EXPECT_TRUE(Read(whole.substr(0, begin) + "{}")->damaged);
}

TEST_F(StartMarkerOf, IsNoneWhileItsWritingHasOnlyBegun) {
  const std::string whole = Whole();
  const std::string holder = whole.substr(0, whole.find('{'));
  const std::string first = whole.substr(0, whole.find(",\n  \"session\""));
  for (const std::string& text : {std::string(), holder, holder + std::string(300, '\0'), first,
                                  first + std::string(80, '\0')}) {
    EXPECT_FALSE(Read(text)) << text;
  }
  io::fs::remove(folder_ / attempt::kLockFile);
  EXPECT_FALSE(ReadStartMarker(folder_.path()).value());
}

}  // namespace
}  // namespace busker::runner

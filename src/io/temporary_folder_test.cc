// A temporary folder goes with whoever made it; and one whose maker was killed goes when the next
// is made, and stayed for ever before.
#include "io/temporary_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "io/test_folder.h"

namespace busker::io {
namespace {

class TemporaryFolderTest : public testing::Test {
 protected:
  std::size_t Count() const {
    const fs::directory_iterator all(folder_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  TestFolder folder_;
};

TEST_F(TemporaryFolderTest, GoesWithWhoeverMadeItAndWithWhatWasPutThere) {
  fs::path path;
  {
    const auto made = TemporaryFolder::Make(folder_.path(), "check");
    ASSERT_TRUE(made) << made.error().message;
    path = made->path();
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    fs::create_directory(path / "more");
    ASSERT_TRUE(WriteFileUnsynced(path / "more" / "model.json", "{}"));
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(Count(), 0U);
}

TEST_F(TemporaryFolderTest, OneThatNobodyMadeIsNoFault) {
  { const TemporaryFolder none(folder_ / "none"); }
  EXPECT_EQ(Count(), 0U);
}

TEST_F(TemporaryFolderTest, WhatAKilledProcessLeftGoesAndWhatALivingOneHasStays) {
  int told[2] = {};
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto made = TemporaryFolder::Make(folder_.path(), "check");
    const char done = made ? 'y' : 'n';
    if (write(told[1], &done, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char done = 'n';
  ASSERT_EQ(read(told[0], &done, 1), 1);
  ASSERT_EQ(done, 'y');
  {
    const auto other = TemporaryFolder::Make(folder_.path(), "check");
    ASSERT_TRUE(other);
    EXPECT_EQ(Count(), 2U);  // both live
  }
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(Count(), 1U);
  fs::create_directory(folder_ / ".tmp-check-of-others-0123456789abcdef");
  fs::create_directory(folder_ / ".tmp-check-0123456789abcde");
  folder_.Write("check", "a file of somebody's");
  const auto next = TemporaryFolder::Make(folder_.path(), "check");
  ASSERT_TRUE(next);
  EXPECT_EQ(Count(), 4U);  // the new one, and what is nobody's business
  close(told[0]);
  close(told[1]);
}

TEST_F(TemporaryFolderTest, ManyAtOnceAreInNobodysWay) {
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto made = TemporaryFolder::Make(folder_.path(), "check");
        if (!made || !WriteFileUnsynced(made->path() / "a", "b") || !ReadFile(made->path() / "a")) {
          ++faults;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
  EXPECT_EQ(Count(), 0U);
}

}  // namespace
}  // namespace busker::io

// While an attempt ran, nothing said what it used: its page showed 0.00 s and 0 B until the end.
#include "attempt/usage.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "attempt/folder.h"
#include "io/test_folder.h"

namespace busker::attempt {
namespace {

const Name kName = {"20190801-070000-k3f9x2", "training", 3};

// A child of this process, which stands for the runner, ended with the test.
class UsageTest : public testing::Test {
 protected:
  ~UsageTest() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  void Start(const std::string& script, const std::string& entry) {
    folder_.Write(kLockFile, std::to_string(getpid()));
    child_ = fork();
    if (child_ != 0) return;
    const char* const environment[] = {"PATH=/usr/bin:/bin", entry.c_str(), nullptr};
    const char* const words[] = {"sh", "-c", script.c_str(), nullptr};
    execve("/bin/sh", const_cast<char* const*>(words), const_cast<char* const*>(environment));
    _exit(127);
  }
  std::optional<Usage> Ask() const { return UsageOf(kName, folder_ / "."); }
  std::optional<Usage> AskUntil(const std::function<bool(const Usage&)>& is_so) const {
    for (int i = 0; i < 3000; ++i) {
      if (const auto usage = Ask(); usage && is_so(*usage)) return usage;
      usleep(10'000);
    }
    return std::nullopt;
  }

  io::TestFolder folder_;
  pid_t child_ = 0;
};

TEST_F(UsageTest, CountsWhatTheCommandAndAllThatItStartedUse) {
  // One that computes, one that holds 40 MB, and one that has ended and was waited for.
  Start(
      "i=0; while test $i -lt 20000; do i=$((i+1)); done; sh -c 'i=0; while test $i -lt 200000; do "
      "i=$((i+1)); done'; x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 100 & wait",
      EntryOf(kName));
  const auto usage = AskUntil([](const Usage& now) {
    return now.memory_bytes > 40'000'000 && now.cpu.count() > 0 && now.processes >= 2;
  });
  ASSERT_TRUE(usage);
  EXPECT_LT(usage->memory_bytes, 2'000'000'000U);
}

TEST_F(UsageTest, TellsNothingOfWhatIsNotOfTheAttempt) {
  EXPECT_FALSE(Ask()) << "no runner has it yet";
  Start("sleep 100", EntryOf({kName.run, kName.task, 2}));
  for (int i = 0; i < 50; ++i) {
    ASSERT_FALSE(Ask()) << "the number of its runner is that of another one's by now";
    usleep(2000);
  }
}

// Of a task in a container all was told that this machine used: its runner is the first process
// there, and that number is another's here.
TEST_F(UsageTest, FindsTheRunnerOfAContainerByItsLock) {
  const auto any = [](const Usage&) { return true; };
  Start("sleep 100", EntryOf(kName));
  ASSERT_TRUE(AskUntil(any));
  folder_.Write(kLockFile, "1\n");
  EXPECT_FALSE(Ask()) << "nobody holds the lock";
  const auto lock = io::FileLock::TryTake(folder_ / kLockFile);
  ASSERT_TRUE(lock && *lock);
  const auto usage = AskUntil(any);
  ASSERT_TRUE(usage);
  EXPECT_LE(usage->processes, 2U) << "and not all that runs on this machine";
}

}  // namespace
}  // namespace busker::attempt

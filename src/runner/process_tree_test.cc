#include "runner/process_tree.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

// Whatever a test starts ends with it.
class ProcessTree : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(BecomeSubreaper()); }
  void TearDown() override {
    // Asked again and again: one that is just being forked can be missed.
    while (waitpid(-1, nullptr, WNOHANG) >= 0) {
      SignalAll(Descendants(), SIGKILL);
      usleep(1000);
    }
  }
};

// Starts `script` in a session of its own and returns once it has written a line with the process
// ids of its making to `file`.
pid_t StartSession(const io::TestFolder& folder, const std::string& script) {
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(1);
  }
  for (int i = 0; i < 1000 && !io::fs::exists(folder / "ready"); ++i) usleep(5000);
  return pid;
}

std::string Ready(const io::TestFolder& folder) {
  return " touch " + (folder / "ready").string() + "; ";
}

TEST_F(ProcessTree, DescendantsAreAllGenerationsWithoutZombies) {
  const io::TestFolder folder;
  const pid_t pid = StartSession(
      folder, "(sleep 100 & exec sh -c 'sleep 100 & exec sleep 100') & setsid sleep 100 &" +
                  Ready(folder) + "true & wait");
  std::vector<pid_t> found;
  for (int i = 0; i < 400 && found.size() != 5; ++i) {
    found = Descendants();
    usleep(5000);
  }
  EXPECT_EQ(found.size(), 5U);  // the shell, three sleeps of one branch, one of the other
  EXPECT_NE(std::find(found.begin(), found.end(), pid), found.end());
}

TEST_F(ProcessTree, AStoppedProcessTakesItsSignal) {
  const io::TestFolder folder;
  const pid_t pid = StartSession(folder, Ready(folder) + "exec sleep 100");
  kill(pid, SIGSTOP);
  SignalAll({pid}, SIGTERM);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(ProcessTree, ASessionIsKilledAlsoWhenItsLeaderIsGone) {
  const io::TestFolder folder;
  const pid_t pid = StartSession(folder, "sleep 100 & sleep 100 &" + Ready(folder) + "sleep 100");
  const SessionId session = SessionOf(pid);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_GE(KillSession(session).ended, 2);  // the third sleep may not have begun
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  EXPECT_EQ(KillSession(session).ended, 0);
}

TEST_F(ProcessTree, ASessionThatOnlyHasTheSameNumberIsLeftAlone) {
  const io::TestFolder folder;
  const pid_t pid = StartSession(folder, Ready(folder) + "exec sleep 100");
  SessionId other_start = SessionOf(pid);
  other_start.leader_started -= 1;  // so the one that was meant began before it
  EXPECT_EQ(KillSession(other_start).ended, 0);
  SessionId other_boot = SessionOf(pid);
  other_boot.boot = "another";
  EXPECT_EQ(KillSession(other_boot).ended, 0);
  EXPECT_EQ(KillSession({}).ended, 0);
  EXPECT_GE(KillSession(SessionOf(pid)).ended, 1);
}

TEST(KillMarked, EndsWhatCarriesTheMarkWhereverItWent) {
  const std::string mark = "BUSKER_ATTEMPT=a-test/training." + std::to_string(getpid());
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    execle("/bin/sh", "sh", "-c", "setsid sleep 60 & exec sleep 60", nullptr,
           std::vector<const char*>{"PATH=/usr/bin:/bin", mark.c_str(), nullptr}.data());
    _exit(127);
  }
  usleep(300'000);  // both have begun, or the kill hits the shell that would start the second
  EXPECT_GE(KillMarked(mark).ended, 1);
  EXPECT_EQ(KillMarked(mark).ended, 0);
  EXPECT_EQ(KillMarked(mark + "0").ended, 0);
  waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace busker::runner

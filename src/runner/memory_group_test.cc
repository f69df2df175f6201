#include "runner/memory_group.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

TEST(MemoryGroup, IsFoundInTheFirstHierarchy) {
  const auto found = FindMemoryCgroup(
      "9:name=systemd:/\n4:memory:/user/1000\n1:cpu,cpuacct:/\n0::/user.slice\n",
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(found.version, 1);
  EXPECT_EQ(found.folder, "/sys/fs/cgroup/memory/user/1000");
}

TEST(MemoryGroup, IsFoundInTheSecondHierarchy) {
  const auto found =
      FindMemoryCgroup("0::/system.slice/busker.service/daemon\n",
                       "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_EQ(found.version, 2);
  EXPECT_EQ(found.mount, "/sys/fs/cgroup");
  EXPECT_EQ(found.folder, "/sys/fs/cgroup/system.slice/busker.service/daemon");
}

TEST(MemoryGroup, AContainerSeesItsPartOfTheHierarchy) {
  const auto v1 = FindMemoryCgroup(
      "4:memory:/docker/0a1b/sub\n",
      "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  EXPECT_EQ(v1.folder, "/sys/fs/cgroup/memory/sub");
  const auto v2 =
      FindMemoryCgroup("0::/\n", "30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  EXPECT_EQ(v2.folder, "/sys/fs/cgroup");
}

TEST(MemoryGroup, WithoutCgroupsThereIsNone) {
  EXPECT_EQ(FindMemoryCgroup("", "").version, 0);
  EXPECT_EQ(FindMemoryCgroup("0::/x\n", "22 27 0:21 / /proc rw - proc proc rw\n").version, 0);
  EXPECT_EQ(FindMemoryCgroup("garbage", "garbage").version, 0);
}

TEST(MemoryGroup, HoldsWhatEnteredItAndCanBeEmptied) {
  const io::TestFolder folder;
  MemoryGroup group = MemoryGroup::Make(folder.path());
  EXPECT_EQ(group.Kills(), 0U);
  if (!group.own()) return;  // no rights: the count of others is watched instead
  const pid_t pid = fork();
  if (pid == 0) {
    group.Enter();
    if (fork() >= 0) pause();
    _exit(0);
  }
  for (int i = 0; i < 200; ++i) {
    const std::string inside = io::ReadFile(group.folder() / "cgroup.procs").value();
    if (std::count(inside.begin(), inside.end(), '\n') == 2) break;
    usleep(5000);
  }
  EXPECT_EQ(MemoryGroup::KillAll(group.folder()), 2);
  waitpid(pid, nullptr, 0);
  MemoryGroup::Remove(group.folder());
  EXPECT_FALSE(io::fs::exists(group.folder()));
}

// A runner that was killed between making its group and writing down where it was left the group
// behind for ever.
TEST(MemoryGroup, OfAKilledRunnerIsTakenOverByTheNextOfTheSameAttempt) {
  const io::TestFolder folder;
  const MemoryGroup first = MemoryGroup::Make(folder.path());
  if (!first.own()) return;  // said above
  const pid_t pid = fork();
  if (pid == 0) {
    first.Enter();
    pause();
    _exit(0);
  }
  for (int i = 0; i < 200 && io::ReadFile(first.folder() / "cgroup.procs")->empty(); ++i)
    usleep(5000);
  // The dead would be reaped by who is their parent, here this test, while the next runner waits.
  signal(SIGCHLD, SIG_IGN);
  const MemoryGroup second = MemoryGroup::Make(folder.path());
  signal(SIGCHLD, SIG_DFL);
  EXPECT_TRUE(second.own());
  EXPECT_EQ(second.folder(), first.folder());
  EXPECT_EQ(io::ReadFile(second.folder() / "cgroup.procs").value(), "");
  MemoryGroup::Remove(second.folder());
  EXPECT_FALSE(io::fs::exists(second.folder()));
}

// A waiting runner that was killed left its group behind, for nobody knew of it.
TEST(MemoryGroup, ThoseOfProcessesThatHaveDiedAreRemoved) {
  io::fs::path left;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string path = MemoryGroup::MakeForProcess().folder().string();
    _exit(::write(ends[1], path.data(), path.size()) < 0);
  }
  waitpid(pid, nullptr, 0);
  ::close(ends[1]);
  char path[4096];
  const ssize_t count = ::read(ends[0], path, sizeof path);
  ::close(ends[0]);
  if (count <= 0) return;  // no rights
  left = std::string(path, static_cast<std::size_t>(count));
  EXPECT_TRUE(io::fs::exists(left));
  const MemoryGroup ours = MemoryGroup::MakeForProcess();
  EXPECT_FALSE(io::fs::exists(left));
  EXPECT_TRUE(io::fs::exists(ours.folder()));
  MemoryGroup::Remove(ours.folder());
}

}  // namespace
}  // namespace busker::runner

// What the command is given by the real busker-runner, and what is measured of it.
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/text.h"
#include "runner/attempt_fixture.h"

namespace busker::runner {
namespace {

using CommandTest = AttemptTest;

TEST_F(CommandTest, HasExactlyTheEnvironmentOfTheOrder) {
  order_.environment = {"PATH=/usr/bin:/bin", "NAME=churn", "BYTES=\xFF", "EMPTY="};
  order_.command = {"env", "-0"};
  Run([] { setenv("SECRET_OF_THE_CONDUCTOR", "1", 1); });
  const std::string log = Log();
  const std::string expected =
      std::string("PATH=/usr/bin:/bin\0NAME=churn\0BYTES=\xFF\0EMPTY=\0", 45);
  EXPECT_EQ(log.substr(22, expected.size()), expected);
  EXPECT_EQ(log.find("SECRET"), std::string::npos);
}

TEST_F(CommandTest, InheritsNothingElse) {
  Run("ls -l /proc/self/fd | grep -c -- '->'; grep -E '^(NoNewPrivs|SigBlk|SigIgn)' "
      "/proc/self/status;"
      "cat /proc/self/oom_score_adj; ulimit -c; umask; ps -o sid= -p $$ | tr -d ' '; echo $$; wc "
      "-c;"
      "readlink /proc/self/fd/0");
  const auto lines = Split(Log(), '\n');
  ASSERT_GE(lines.size(), 12U) << Log();
  EXPECT_EQ(lines[1], "4");  // 0, 1, 2, and the one by which ls reads the folder
  EXPECT_EQ(lines[2].substr(0, 6), "SigBlk");
  EXPECT_EQ(lines[2].substr(8), "0000000000000000");
  // Without the two that belong to the C library, 32 and 33.
  EXPECT_EQ(std::stoull(lines[3].substr(8), nullptr, 16) & ~0x180000000ULL, 0U) << lines[3];
  EXPECT_EQ(lines[4], "NoNewPrivs:\t" + std::to_string(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
  const int own = std::atoi(io::ReadFile("/proc/self/oom_score_adj").value().c_str());
  EXPECT_EQ(std::atoi(lines[5].c_str()), std::min(1000, own + 500));
  EXPECT_EQ(lines[6], "0");
  EXPECT_EQ(lines[7], "0022");
  EXPECT_EQ(lines[8], lines[9]);  // it leads a session
  EXPECT_EQ(lines[10], "0");      // nothing to read
  EXPECT_EQ(lines[11], "/dev/null");
}

// sudo, ping and fusermount did not work in tasks, and no page said so.
TEST_F(CommandTest, MayGainPrivilegesAsItMayOutside) {
  order_.output.reset();
  order_.required_outputs.clear();
  Command("grep NoNewPrivs /proc/self/status");
  Run();
  const int here = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  EXPECT_NE(Log().find("NoNewPrivs:\t" + std::to_string(here)), std::string::npos) << Log();
  io::fs::remove_all(attempt_);
  io::fs::create_directory(attempt_);
  Run([] { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); });
  EXPECT_NE(Log().find("NoNewPrivs:\t1"), std::string::npos) << Log();
}

// A parent that ignored SIGCHLD left it ignored, and then no exit status is kept for the runner.
TEST_F(CommandTest, WhatTheRunnersParentDidToSignalsDoesNotMatter) {
  Command("exit 5");
  const attempt::ExitRecord record = Run([] {
    signal(SIGCHLD, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
  });
  EXPECT_EQ(record.ending, attempt::Ending::kExited);
  EXPECT_EQ(record.exit_code, 5);
}

TEST_F(CommandTest, CpuTimeOfChildrenCounts) {
  Command("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; exit 1");
  const attempt::ExitRecord record = Run();
  EXPECT_GT(record.cpu_user + record.cpu_system, Milliseconds(50));
  EXPECT_LT(record.cpu_user + record.cpu_system, Milliseconds(60'000));
}

TEST_F(CommandTest, MemoryPeakIsThatOfItsLargestProcess) {
  const attempt::ExitRecord record =
      Run("head -c 60000000 /dev/zero | tail -c 60000000 > /dev/null; exit 1");
  EXPECT_GT(record.memory_peak_bytes, 50'000'000U);
  EXPECT_LT(record.memory_peak_bytes, 500'000'000U);
}

}  // namespace
}  // namespace busker::runner

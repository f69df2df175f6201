// kill -9 of the runner, at random moments and at each of its system calls that change something;
// and each of these calls failing.
//
// The witness is a file outside Busker's reach, to which the command adds a line when it starts.
// After each kill: no version is visible that is not whole; a second runner settles the attempt;
// the command was started at most once; nothing that it had started still runs; and the record
// tells the truth.
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <random>
#include <set>

#include "attempt/channel.h"
#include "attempt/exit_record.h"
#include "attempt/order.h"
#include "io/boot.h"
#include "runner/attempt_fixture.h"
#include "runner/call_tracer.h"
#include "runner/memory_group.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

// The system calls of the runner that change a file, a process or the kernel's state for it.
bool Changes(std::uint64_t call) {
  static const std::set<std::uint64_t> kCalls = {
      SYS_write,  SYS_pwrite64, SYS_fsync,     SYS_fdatasync, SYS_open,   SYS_openat,  SYS_rename,
      SYS_unlink, SYS_unlinkat, SYS_ftruncate, SYS_fallocate, SYS_clone,  SYS_clone3,  SYS_vfork,
      SYS_mkdir,  SYS_rmdir,    SYS_link,      SYS_symlink,   SYS_flock,  SYS_wait4,   SYS_pipe2,
      SYS_close,  SYS_kill,     SYS_prctl,     SYS_signalfd4, SYS_sendto, SYS_recvfrom};
  return kCalls.contains(call);
}

class Killed : public AttemptTest {
 protected:
  // Is a memory cgroup of the attempt there? Its name ends with the inode of the attempt's folder.
  bool HasGroup() {
    struct stat info {};
    if (stat(attempt_.c_str(), &info) != 0) return false;
    const MemoryCgroup ours = FindMemoryCgroup(io::ReadFile("/proc/self/cgroup").value_or(""),
                                               io::ReadFile("/proc/self/mountinfo").value_or(""));
    std::error_code error;
    return fs::exists(ours.folder / fmt::format("busker-attempt-{:x}-{}", info.st_dev, info.st_ino),
                      error);
  }

  void NewAttempt(int number, const std::string& script) {
    fs::remove_all(attempt_);
    fs::remove_all(folder_ / "store");
    fs::remove(folder_ / "witness");
    fs::remove(folder_ / "child");
    fs::create_directory(attempt_);
    order_.number = number;
    Command("echo started >> " + PathOf("witness") + "; " + script);
  }

  // What must hold once a runner has been killed, and after a second one.
  void Settle() {
    const std::size_t visible = Versions().size();
    const auto starts = [&] {
      const std::string text = fs::exists(folder_ / "witness") ? folder_.Read("witness") : "";
      return std::count(text.begin(), text.end(), '\n');
    };
    if (!HasExit()) {
      const bool was_started = WasStarted();
      ASSERT_EQ(WaitFor(StartRunner()), 0) << Errors();
      ASSERT_LE(starts(), 1);
      const attempt::Ending ending = Exit().ending;
      if (visible == 1) {
        ASSERT_EQ(ending, attempt::Ending::kSucceeded) << Exit().message;
      }
      if (was_started && visible == 0) {
        ASSERT_EQ(ending, attempt::Ending::kLost) << Exit().message;
      }
      if (!was_started) {
        ASSERT_EQ(ending, attempt::Ending::kSucceeded) << Exit().message;
      }
    }
    const auto versions = Versions();
    ASSERT_EQ(versions.size(), Exit().ending == attempt::Ending::kSucceeded ? 1U : 0U);
    if (Exit().ending == attempt::Ending::kSucceeded) {
      ASSERT_EQ(starts(), 1);
      ASSERT_EQ(Exit().output, order_.output);
      ASSERT_EQ(versions[0].attempt, order_.number);
    }
    if (PidIn("child") != 0) {
      ASSERT_TRUE(Soon([&] { return IsGone(PidIn("child")); })) << "a child of the command is left";
    }
    ASSERT_FALSE(HasGroup()) << "a cgroup of the attempt is left";
    ASSERT_EQ(WaitFor(StartRunner()), 78);  // what has ended has ended
    ASSERT_LE(starts(), 1);
  }
};

TEST_F(Killed, AtRandomTheRunnerLosesNothingAndRepeatsNothing) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int trial = 1; trial <= 60; ++trial) {
    SCOPED_TRACE("trial " + std::to_string(trial));
    NewAttempt(
        trial,
        "echo trees > output/model; head -c 200000 /dev/zero > output/more; setsid sleep 100 & "
        "echo $! > " +
            PathOf("child") + "; sleep 0.02");
    const pid_t runner = StartRunner();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 250'000));
    kill(runner, SIGKILL);
    WaitFor(runner);
    Settle();
    if (HasFatalFailure()) return;
  }
}

TEST_F(Killed, AtEachChangingCallTheRunnerLosesNothingAndRepeatsNothing) {
  int kills = 0;
  for (const bool after : {false, true}) {
    for (int n = 0;; n += kCallsApart) {
      SCOPED_TRACE((after ? "after call " : "before call ") + std::to_string(n));
      // A child that stays behind costs a moment each time; every third trial has one.
      const std::string child = "; setsid sleep 100 & echo $! > " + PathOf("child");
      NewAttempt(n + 1, "echo trees > output/model" + (n % 3 == 0 ? child : ""));
      int calls = 0;
      bool killed = false;
      TraceCalls(StartRunner(BeTraced), 0, [&](const CallStep& step) {
        if (!Changes(step.number) || step.entering == after || calls++ != n) return CallDeed::kGoOn;
        killed = true;
        return CallDeed::kKill;
      });
      Settle();
      if (HasFatalFailure() || !killed) break;
      ++kills;
    }
  }
  EXPECT_GT(kills, 150 / kCallsApart);
}

// The same for an order that is not synced, sent to a runner that waits.
TEST_F(Killed, AtEachChangingCallAWaitingRunnerRepeatsNothing) {
  order_.root = order_.config = "";
  order_.output.reset();
  order_.required_outputs.clear();
  order_.synced = false;
  order_.boot = io::BootId();
  int kills = 0;
  for (const bool after : {false, true}) {
    for (int n = 0;; n += kCallsApart) {
      SCOPED_TRACE((after ? "after call " : "before call ") + std::to_string(n));
      const std::string child = "; setsid sleep 100 & echo $! > " + PathOf("child");
      NewAttempt(n + 1, n % 3 == 0 ? "true" + child + "; exit 3" : "exit 3");
      fs::remove_all(attempt_);
      int ends[2];
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
      io::Descriptor ours(ends[0]);
      const std::string message = attempt::OrderMessage(attempt_, Sealed());
      ASSERT_GT(send(ours.get(), message.data(), message.size(), MSG_NOSIGNAL), 0);
      const pid_t runner = fork();
      if (runner == 0) {
        dup2(ends[1], 0);
        BeTraced();
        execl(BUSKER_RUNNER_PATH, "busker-runner", "--orders", nullptr);
        _exit(126);
      }
      ::close(ends[1]);
      shutdown(ours.get(), SHUT_WR);  // no further order comes
      int calls = 0;
      bool killed = false;
      TraceCalls(runner, 0, [&](const CallStep& step) {
        if (!Changes(step.number) || step.entering == after || calls++ != n) return CallDeed::kGoOn;
        killed = true;
        return CallDeed::kKill;
      });
      char answer[attempt::kAnswerBytesMax];
      const ssize_t answered = recv(ours.get(), answer, sizeof answer, MSG_DONTWAIT);
      if (answered > 0) {  // then it is so
        ASSERT_EQ(
            attempt::ExitFromJson({answer, static_cast<std::size_t>(answered)}).value().exit_code,
            3);
        ASSERT_TRUE(HasExit());
      }
      fs::create_directories(attempt_);
      const bool had_exit = HasExit();
      const bool was_started = WasStarted();
      if (!had_exit) {
        ASSERT_EQ(WaitFor(StartRunner()), 0) << Errors();
      }
      const std::string witness = fs::exists(folder_ / "witness") ? folder_.Read("witness") : "";
      const bool lost = !had_exit && was_started;
      ASSERT_EQ(Exit().ending, lost ? attempt::Ending::kLost : attempt::Ending::kExited)
          << Exit().message;
      if (!lost) {
        ASSERT_EQ(witness, "started\n");
      }
      ASSERT_LE(witness.size(), std::string("started\n").size());
      if (PidIn("child") != 0) {
        ASSERT_TRUE(Soon([&] { return IsGone(PidIn("child")); })) << "a child is left";
      }
      ASSERT_EQ(WaitFor(StartRunner()), 78);
      if (!killed) break;
      ++kills;
    }
  }
  EXPECT_GT(kills, 80 / kCallsApart);
}

// A sanitizer makes calls of its own when a program starts, and ends it when one of them fails.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// The calls that the file system can refuse.
bool MayFail(std::uint64_t call) {
  static const std::set<std::uint64_t> kCalls = {
      SYS_write,  SYS_fsync,    SYS_fdatasync, SYS_openat,    SYS_rename,
      SYS_unlink, SYS_unlinkat, SYS_ftruncate, SYS_fallocate, SYS_mkdir,
      SYS_link,   SYS_symlink,  SYS_flock,     SYS_read};
  return kCalls.contains(call);
}

// A manifest whose folder could not be synced was visible, although the record said that nothing
// had been saved, and every later attempt was refused because of it.
TEST_F(Killed, EachCallThatFailsIsToldOrMadeUpFor) {
  int failures = 0;
  for (const int reason : {EIO, ENOSPC}) {
    for (int n = 0;; ++n) {
      SCOPED_TRACE("call " + std::to_string(n) + " fails with " + std::to_string(reason));
      NewAttempt(n + 1, "echo trees > output/model");
      int calls = 0;
      bool failed = false;
      const int code = TraceCalls(StartRunner(BeTraced), reason, [&](const CallStep& step) {
        if (!MayFail(step.number) || !step.entering || calls++ != n) return CallDeed::kGoOn;
        failed = true;
        return CallDeed::kFail;
      });
      ASSERT_TRUE(code == 0 || code == 75 || code == 78) << code;
      ASSERT_TRUE(code != 0 || HasExit());
      if (code != 0) {
        ASSERT_EQ(Split(Trim(Errors()), '\n').size(), 1U) << Errors();
      }
      if (HasExit()) {
        ASSERT_EQ(Exit().ending == attempt::Ending::kSucceeded, Versions().size() == 1)
            << Exit().message;
        ASSERT_EQ(Exit().ending == attempt::Ending::kSucceeded, Exit().message.empty());
      }
      Settle();
      if (HasFatalFailure() || !failed) break;
      ++failures;
    }
  }
  EXPECT_GT(failures, 150);
}

#endif

TEST_F(Killed, WhatTheCommandWroteIsDurableASecondLater) {
  using Clock = std::chrono::steady_clock;
  NewAttempt(1, "echo a line; sleep 1.6; echo x > output/model");
  Clock::time_point written, synced;
  TraceCalls(StartRunner(BeTraced), 0, [&](const CallStep& step) {
    if (step.entering) return CallDeed::kGoOn;
    if (step.number == SYS_write && Log().ends_with("a line\n")) {
      if (written == Clock::time_point{}) written = Clock::now();
    }
    if (step.number == SYS_fdatasync && written != Clock::time_point{}) {
      if (synced == Clock::time_point{}) synced = Clock::now();
    }
    return CallDeed::kGoOn;
  });
  ASSERT_NE(synced, Clock::time_point{});
  EXPECT_GE(synced - written, std::chrono::milliseconds(900));
  EXPECT_LE(synced - written, std::chrono::milliseconds(1300));
}

TEST_F(Killed, TheCommandDiesWithItsRunnerAndItsChildrenWithTheNext) {
  NewAttempt(1, "setsid sh -c 'trap \"\" TERM; echo $$ > " + PathOf("child") +
                    "; while :; do sleep 1; done' & "
                    "echo $$ > " +
                    PathOf("command") + "; wait");
  const pid_t runner = StartRunner();
  ASSERT_TRUE(Soon([&] { return PidIn("child") > 0 && PidIn("command") > 0; }));
  kill(runner, SIGKILL);
  WaitFor(runner);
  EXPECT_TRUE(Soon([&] { return IsGone(PidIn("command")); }));
  EXPECT_FALSE(IsGone(PidIn("child")));
  EXPECT_EQ(WaitFor(StartRunner()), 0);
  EXPECT_TRUE(Soon([&] { return IsGone(PidIn("child")); }));
  EXPECT_EQ(Exit().ending, attempt::Ending::kLost);
  EXPECT_EQ(Exit().message,
            "an earlier runner of this attempt vanished while the command ran; it is "
            "not started a second time");
  EXPECT_EQ(folder_.Read("witness"), "started\n");
}

// The lock file with one wrong byte in it passed for that of an attempt that had not begun, and its
// program was started a second time.
TEST_F(Killed, ADamagedMarkerDoesNotStartTheCommandAgain) {
  NewAttempt(1, "setsid sleep 100 & echo $! > " + PathOf("child") + "; wait");
  const pid_t runner = StartRunner();
  ASSERT_TRUE(Soon([&] { return PidIn("child") > 0; }));
  kill(runner, SIGKILL);
  WaitFor(runner);
  std::string lock = folder_.Read("attempt/lock");
  lock[lock.find("session_started")] = 'S';
  folder_.Write("attempt/lock", lock);
  EXPECT_EQ(WaitFor(StartRunner()), 0) << Errors();
  EXPECT_EQ(Exit().ending, attempt::Ending::kLost);
  EXPECT_NE(Exit().message.find("is damaged"), std::string::npos) << Exit().message;
  EXPECT_EQ(folder_.Read("witness"), "started\n");
  EXPECT_TRUE(IsGone(PidIn("child")));
}

// One of Busker's own steps was carried out again beside what its dead runner had left running.
TEST_F(Killed, ARepeatableAttemptStartsOnlyWhenWhatWasLeftHasEnded) {
  order_.repeatable = true;
  // Twenty that ignore SIGTERM; half of them in sessions of their own.
  NewAttempt(1, "if [ -e " + PathOf("children") + " ]; then for p in $(cat " + PathOf("children") +
                    "); do kill -0 $p 2> /dev/null && grep -q '^State:.*[RSD] ' /proc/$p/status && "
                    "exit 9; done; echo x > output/model; exit; fi; trap '' TERM; "
                    "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 100 & a=$!; setsid sleep 100 & "
                    "echo $a $! >> " +
                    PathOf("started") + "; done; mv " + PathOf("started") + " " +
                    PathOf("children") + "; wait");
  const pid_t runner = StartRunner();
  ASSERT_TRUE(SoonThere("children"));
  kill(runner, SIGKILL);
  WaitFor(runner);
  EXPECT_EQ(WaitFor(StartRunner()), 0) << Errors();
  EXPECT_EQ(Exit().ending, attempt::Ending::kSucceeded) << Exit().message;
  EXPECT_EQ(folder_.Read("witness"), "started\nstarted\n");
}

// A copy of an attempt's folder, with the start marker in it, made the copy's runner kill what the
// original ran.
TEST_F(Killed, WhatAnotherHomeStartedIsLeftAlone) {
  NewAttempt(1, "echo $$ > " + PathOf("command") + "; while ! test -e " + PathOf("gate") +
                    "; do sleep 0.02; done; echo x > output/model");
  instance_ = "original-" + std::to_string(getpid());
  const pid_t runner = StartRunner();
  ASSERT_TRUE(Soon([&] { return PidIn("command") > 0; }));
  const fs::path kept = folder_ / "kept";
  fs::rename(attempt_, kept);
  fs::copy(kept, attempt_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  instance_ = "copy-" + std::to_string(getpid());
  EXPECT_EQ(Run().ending, attempt::Ending::kLost);
  EXPECT_NE(Exit().message.find("copied from another home"), std::string::npos) << Exit().message;
  EXPECT_FALSE(IsGone(PidIn("command")));
  fs::remove_all(attempt_);
  fs::rename(kept, attempt_);
  folder_.Write("gate", "");
  EXPECT_EQ(WaitFor(runner), 0) << Errors();
  EXPECT_EQ(Exit().ending, attempt::Ending::kSucceeded);
}

TEST_F(Killed, AnotherAttemptsVersionIsNoEvidence) {
  NewAttempt(1, "echo x > output/model");
  Run();
  const std::string lock = folder_.Read("attempt/lock");
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  folder_.Write("attempt/lock", lock);
  order_.number = 2;
  EXPECT_EQ(Run().ending, attempt::Ending::kLost);
}

}  // namespace
}  // namespace busker::runner

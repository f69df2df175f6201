// Runs a program call by call, to kill it or to let a call fail at a chosen one. For tests only.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <functional>
#include <optional>

namespace busker::runner {

// A program is killed at each of its calls; one with a sanitizer, which begins twenty times as
// slowly, at so many apart.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kCallsApart = 7;
#else
inline constexpr int kCallsApart = 1;
#endif

// For the child, before its exec.
inline void BeTraced() { ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }

struct CallStep {
  std::uint64_t number = 0;  // SYS_...
  bool entering = true;      // else it has just been carried out
  std::uint64_t first_argument = 0;
};

enum class CallDeed {
  kGoOn,
  kKill,  // the program, here
  kFail,  // entering: the call is not carried out and returns `fail_with`
};

// Follows the traced child until it ends, asking `decide` at each call, twice. Its children are not
// followed. Returns its exit code, or minus the signal that ended it.
inline int TraceCalls(pid_t program, int fail_with,
                      const std::function<CallDeed(const CallStep&)>& decide) {
  int status = 0;
  const auto next = [&]() -> bool {  // is it still there?
    while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSTOPPED(status);
  };
  if (!next()) return -1;  // it stops at its exec
  ptrace(PTRACE_SETOPTIONS, program, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool entering = true;
  bool failing = false;
  int signal = 0;
  for (;;) {
    ptrace(PTRACE_SYSCALL, program, nullptr, signal);
    if (!next()) return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    signal = WSTOPSIG(status);
    if (signal != (SIGTRAP | 0x80)) {
      if (signal == SIGTRAP) signal = 0;
      continue;
    }
    signal = 0;
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, program, nullptr, &registers);
    const CallDeed deed =
        failing ? CallDeed::kGoOn : decide({registers.orig_rax, entering, registers.rdi});
    if (deed == CallDeed::kKill) kill(program, SIGKILL);
    if (deed == CallDeed::kFail && entering) {
      registers.orig_rax = ~0ULL;  // no call has this number
      ptrace(PTRACE_SETREGS, program, nullptr, &registers);
      failing = true;
    } else if (failing) {
      registers.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(fail_with));
      ptrace(PTRACE_SETREGS, program, nullptr, &registers);
      failing = false;
    }
    entering = !entering;
  }
}

}  // namespace busker::runner

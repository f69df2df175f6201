#include "runner/process_tree.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "io/boot.h"
#include "io/file.h"
#include "io/processes.h"

namespace busker::runner {
namespace {

using Clock = std::chrono::steady_clock;

// Kills every process but this one for which `is_meant` holds, and waits for their end until then.
template <typename IsMeant>
Killed KillOnce(const IsMeant& is_meant, Clock::time_point until) {
  Killed result;
  std::vector<io::Descriptor> killed;
  for (const pid_t process : io::AllProcesses()) {
    if (process == getpid() || !is_meant(process)) continue;
    io::Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    // Asked again: before the handle was there, the number could have gone to another process.
    if (!handle.valid() || !is_meant(process)) continue;
    if (syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) == 0) {
      killed.push_back(std::move(handle));
    } else if (errno != ESRCH) {
      ++result.left;
    }
  }
  for (const io::Descriptor& handle : killed) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd wait{handle.get(), POLLIN, 0};
    const bool ended =
        poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) > 0;
    ++(ended ? result.ended : result.left);
  }
  return result;
}

// One round is not enough: a process can have been forked while the others were looked up.
template <typename IsMeant>
Killed KillWhere(const IsMeant& is_meant) {
  const auto until = Clock::now() + std::chrono::seconds(5);
  Killed all;
  for (bool again = true; again && Clock::now() < until;) {
    const Killed round = KillOnce(is_meant, until);
    all = {all.ended + round.ended, round.left};
    again = round.ended > 0;
  }
  return all;
}

}  // namespace

Result<void> BecomeSubreaper() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return SystemError("become a subreaper", errno);
  return {};
}

std::vector<pid_t> Descendants() {
  std::vector<pid_t> living = io::DescendantsOf(getpid());
  std::erase_if(living, [](pid_t process) {
    const auto stat = io::StatOf(process);
    return !stat || stat->state == 'Z' || stat->state == 'X';
  });
  return living;
}

void SignalAll(const std::vector<pid_t>& processes, int signal) {
  for (const pid_t process : processes) {
    kill(process, signal);
    if (signal != SIGKILL) kill(process, SIGCONT);
  }
}

SessionId SessionOf(pid_t leader) {
  const auto stat = io::StatOf(leader);
  return {leader, stat ? stat->started : 0, io::BootId()};
}

Killed KillSession(const SessionId& session) {
  if (session.leader <= 1 || session.boot.empty() || session.boot != io::BootId()) return {};
  // The number of a session is not given away while a process is in it. So either its leader is the
  // one that we know, or it is gone and the others are its rest.
  const auto leader = io::StatOf(session.leader);
  // Whoever was given its number later has started later, too.
  if (leader && leader->started > session.leader_started) return {};
  return KillWhere([&](pid_t process) {
    const auto stat = io::StatOf(process);
    return stat && stat->session == session.leader && stat->state != 'Z';
  });
}

Killed KillMarked(const std::string& entry) {
  return KillWhere([&](pid_t process) { return io::HasInEnvironment(process, entry); });
}

}  // namespace busker::runner

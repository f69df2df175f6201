#include "runner/process_tree.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>

#include "base/text.h"
#include "io/boot.h"
#include "io/file.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

template <typename Number>
std::optional<Number> NumberIn(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string ReadProc(const fs::path& path) { return io::ReadFile(path).value_or(std::string()); }

// proc(5), /proc/PID/stat: the fields behind the name, which is in parentheses and may hold any.
struct Stat {
  char state = '?';
  pid_t parent = 0, session = 0;
  std::uint64_t started = 0;
};

std::optional<Stat> StatOf(pid_t process) {
  const std::string text = ReadProc("/proc/" + std::to_string(process) + "/stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = Split(Trim(std::string_view(text).substr(name_end + 1)), ' ');
  if (fields.size() < 20 || fields[0].size() != 1) return std::nullopt;
  const auto parent = NumberIn<pid_t>(fields[1]);
  const auto session = NumberIn<pid_t>(fields[3]);
  const auto started = NumberIn<std::uint64_t>(fields[19]);
  if (!parent || !session || !started) return std::nullopt;
  return Stat{fields[0][0], *parent, *session, *started};
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> all;
  std::error_code error;
  fs::directory_iterator entry("/proc", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (const auto process = NumberIn<pid_t>(entry->path().filename().string())) {
      all.push_back(*process);
    }
  }
  return all;
}

// The children of each thread of `process`; nullopt when the kernel does not list children.
std::optional<std::vector<pid_t>> ChildrenOf(pid_t process) {
  std::vector<pid_t> children;
  std::error_code error;
  const fs::path threads = "/proc/" + std::to_string(process) + "/task";
  fs::directory_iterator entry(threads, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto text = io::ReadFile(entry->path() / "children");
    if (!text && process == getpid()) return std::nullopt;
    if (!text) continue;
    for (const std::string& word : Split(*text, ' ')) {
      if (const auto child = NumberIn<pid_t>(word)) children.push_back(*child);
    }
  }
  return children;
}

// For kernels without /proc/PID/task/TID/children: by the parents of all processes.
std::vector<pid_t> ChildrenByParents(pid_t process) {
  std::vector<pid_t> children;
  for (const pid_t each : AllProcesses()) {
    const auto stat = StatOf(each);
    if (stat && stat->parent == process) children.push_back(each);
  }
  return children;
}

using Clock = std::chrono::steady_clock;

// Kills every process but this one for which `is_meant` holds, and waits for their end until then.
template <typename IsMeant>
Killed KillOnce(const IsMeant& is_meant, Clock::time_point until) {
  Killed result;
  std::vector<io::Descriptor> killed;
  for (const pid_t process : AllProcesses()) {
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
  std::vector<pid_t> found;
  std::set<pid_t> seen = {getpid()};
  std::vector<pid_t> open = {getpid()};
  while (!open.empty()) {
    const pid_t process = open.back();
    open.pop_back();
    auto children = ChildrenOf(process);
    if (!children) children = ChildrenByParents(process);
    for (const pid_t child : *children) {
      if (!seen.insert(child).second) continue;
      open.push_back(child);
      const auto stat = StatOf(child);
      if (stat && stat->state != 'Z' && stat->state != 'X') found.push_back(child);
    }
  }
  return found;
}

void SignalAll(const std::vector<pid_t>& processes, int signal) {
  for (const pid_t process : processes) {
    kill(process, signal);
    if (signal != SIGKILL) kill(process, SIGCONT);
  }
}

SessionId SessionOf(pid_t leader) {
  const auto stat = StatOf(leader);
  return {leader, stat ? stat->started : 0, io::BootId()};
}

Killed KillSession(const SessionId& session) {
  if (session.leader <= 1 || session.boot.empty() || session.boot != io::BootId()) return {};
  // The number of a session is not given away while a process is in it. So either its leader is the
  // one that we know, or it is gone and the others are its rest.
  const auto leader = StatOf(session.leader);
  // Whoever was given its number later has started later, too.
  if (leader && leader->started > session.leader_started) return {};
  return KillWhere([&](pid_t process) {
    const auto stat = StatOf(process);
    return stat && stat->session == session.leader && stat->state != 'Z';
  });
}

Killed KillMarked(const std::string& entry) {
  const std::string whole =
      entry + '\0';  // each entry ends with NUL; before the first there is none
  return KillWhere([&](pid_t process) {
    const std::string environment = ReadProc("/proc/" + std::to_string(process) + "/environ");
    return environment.starts_with(whole) || environment.find('\0' + whole) != std::string::npos;
  });
}

}  // namespace busker::runner

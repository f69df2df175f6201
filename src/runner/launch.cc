#include "runner/launch.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "io/subprocess.h"
#include "runner/signals.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

// What the child needs, made before the fork: until exec it shares the memory of this process,
// which waits for it, and makes system calls only.
struct Child {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;
  int input, output, error;
  pid_t parent;
  const char* oom_score_adj;
  std::size_t oom_score_adj_bytes;
  const MemoryGroup* group;
  const PendingMarker* marker;
  int* marker_fault;  // errno is left here when the marker could not be written
  int* fault;         // or here when the program could not be started
};

void CloseFrom(int first) {
  if (close_range(static_cast<unsigned>(first), ~0U, 0) == 0) return;
  for (int fd = first; fd < 4096; ++fd) ::close(fd);  // Linux before 5.9
}

[[noreturn]] void FailChild(int* fault) {
  *fault = errno;
  _exit(127);
}

[[noreturn]] void BecomeCommand(const Child& child) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) _exit(127);  // it died before that took effect
  child.group->Enter();
  // Too small for any core; and for one that would be piped to a program 1 is what forbids it, not
  // 0.
  const rlimit none{1, 1};
  setrlimit(RLIMIT_CORE, &none);
  umask(022);
  if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
    if (::write(fd, child.oom_score_adj, child.oom_score_adj_bytes) < 0) errno = 0;  // a wish only
  }
  ResetSignals();
  if (chdir(child.folder) != 0) FailChild(child.fault);
  if (!child.marker->Write()) FailChild(child.marker_fault);
  if (dup2(child.input, 0) < 0 || dup2(child.output, 1) < 0 || dup2(child.error, 2) < 0) {
    FailChild(child.fault);
  }
  CloseFrom(3);
  execve(child.program, child.arguments, child.environment);
  FailChild(child.fault);
}

// Apart, so that nothing of the caller is on the stack that the child works on.
[[gnu::noinline]] pid_t Fork(const Child& child) {
  const pid_t pid = vfork();
  if (pid == 0) BecomeCommand(child);
  return pid;
}

// /dev/null, or where there is none (an empty container) a pipe that nobody writes to.
Result<io::Descriptor> EmptyInput() {
  auto null = io::Open("/dev/null", O_RDONLY);
  if (null) return null;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("make a pipe", errno);
  const io::Descriptor write_end(ends[1]);
  return io::Descriptor(ends[0]);
}

std::string RaisedOomScore() {
  const std::string own = io::ReadFile("/proc/self/oom_score_adj").value_or("0");
  return std::to_string(std::min(1000, std::atoi(own.c_str()) + 500));
}

// As the command's own process would, which cannot when this one is closed to its user: then the
// score is this one's for as long as the child takes it over.
class LentOomScore {
 public:
  LentOomScore(int file, const std::string& raised) : file_(file) {
    if (file_ < 0) return;
    before_ = io::ReadFile("/proc/self/oom_score_adj").value_or("0");
    Write(raised);
  }
  ~LentOomScore() {
    if (file_ >= 0) Write(before_);
  }
  LentOomScore(const LentOomScore&) = delete;
  LentOomScore& operator=(const LentOomScore&) = delete;

 private:
  void Write(const std::string& score) const {
    if (::pwrite(file_, score.data(), score.size(), 0) < 0) errno = 0;  // a wish only
  }
  const int file_;
  std::string before_;
};

std::string BeginningOf(const fs::path& path) {
  char bytes[256];
  auto fd = io::Open(path, O_RDONLY);
  const ssize_t count = fd ? ::read(fd->get(), bytes, sizeof bytes) : 0;
  return std::string(bytes, static_cast<std::size_t>(std::max<ssize_t>(0, count)));
}

// Why exec failed, in words that say what to do.
std::string ExecFault(const std::string& name, const fs::path& program, int reason) {
  if (reason == ENOEXEC) {
    return fmt::format(
        "the program {} is neither a binary for this machine nor a script that "
        "begins with #!",
        name);
  }
  const std::string text = BeginningOf(program);
  if (reason == ENOENT && text.starts_with("#!")) {
    const std::string line(Trim(text.substr(2, text.find('\n') - 2)));
    return fmt::format(
        "the program {} is there, but the interpreter that its first line names is "
        "not: {}",
        name, Printable(line));
  }
  if (reason == ENOENT) {
    return fmt::format("the program {} is there, but the dynamic loader that it needs is not",
                       name);
  }
  if (reason == E2BIG)
    return fmt::format("start {}: its arguments and environment are too large", name);
  return SystemError("start " + name, reason).value().message;
}

}  // namespace

// Many a Linux has python3 and no python, which the command by convention names.
Result<fs::path> FindCommand(const std::string& name, const std::vector<std::string>& environment,
                             const fs::path& folder) {
  const std::string path = io::SearchPathIn(environment);
  auto found = io::FindProgram(name, path, folder);
  if (found || name != "python") return found;
  auto instead = io::FindProgram("python3", path, folder);
  return instead ? instead : found;
}

Result<pid_t> StartCommand(const Launch& launch, const MemoryGroup& group,
                           const PendingMarker& marker) {
  const std::string& name = launch.command.front();
  TRY_ASSIGN(const fs::path program, FindCommand(name, launch.environment, launch.folder));
  static const Result<io::Descriptor> input = EmptyInput();  // nobody's position in it matters
  if (!input) return tl::unexpected(input.error());
  const std::vector<char*> arguments = io::PointersTo(launch.command);
  const std::vector<char*> environment = io::PointersTo(launch.environment);
  static const std::string oom_score_adj = RaisedOomScore();
  const LentOomScore lent(launch.oom_score, oom_score_adj);
  int marker_fault = 0;
  int fault = 0;
  const pid_t pid =
      Fork({program.c_str(), arguments.data(), environment.data(), launch.folder.c_str(),
            input->get(), launch.output, launch.error, getpid(), oom_score_adj.c_str(),
            oom_score_adj.size(), &group, &marker, &marker_fault, &fault});
  if (pid < 0) return SystemError("start " + name, errno);
  if (marker_fault == 0 && fault == 0) return pid;
  waitpid(pid, nullptr, 0);
  if (marker_fault != 0) return SystemError("note that the command starts", marker_fault);
  return Failed(ExecFault(name, program, fault));
}

}  // namespace busker::runner

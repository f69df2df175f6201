#include "runner/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
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

struct Pipe {
  io::Descriptor read_end, write_end;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("make a pipe", errno);
  return Pipe{io::Descriptor(ends[0]), io::Descriptor(ends[1])};
}

// What the child needs, made before the fork: between fork and exec only system calls are made.
struct Child {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;
  int input, output;
  int go;     // one byte comes when the program may start
  int fault;  // errno is written here when it could not
  pid_t parent;
  const char* oom_score_adj;
  const MemoryGroup* group;
};

void CloseFrom(int first) {
  if (close_range(static_cast<unsigned>(first), ~0U, 0) == 0) return;
  for (int fd = first; fd < 4096; ++fd) ::close(fd);  // Linux before 5.9
}

[[noreturn]] void FailChild(int fault_fd) {
  const int reason = errno;
  if (::write(fault_fd, &reason, sizeof reason) != sizeof reason) _exit(126);
  _exit(127);
}

[[noreturn]] void BecomeCommand(const Child& child) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) _exit(127);  // it died before that took effect
  child.group->Enter();
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(022);
  if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
    if (::write(fd, child.oom_score_adj, std::char_traits<char>::length(child.oom_score_adj)) < 0) {
      errno = 0;  // a wish only
    }
  }
  ResetSignals();
  char byte = 0;
  if (::read(child.go, &byte, 1) != 1) _exit(127);
  // Descriptor 3 is the only one to stay until exec.
  if (child.fault != 3 && dup3(child.fault, 3, O_CLOEXEC) != 3) FailChild(child.fault);
  if (dup2(child.input, 0) < 0 || dup2(child.output, 1) < 0 || dup2(1, 2) < 0) FailChild(3);
  CloseFrom(4);
  if (chdir(child.folder) != 0) FailChild(3);
  execve(child.program, child.arguments, child.environment);
  FailChild(3);
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::string PathOf(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

// /dev/null, or where there is none (an empty container) a pipe that nobody writes to.
Result<io::Descriptor> EmptyInput() {
  auto null = io::Open("/dev/null", O_RDONLY);
  if (null) return null;
  TRY_ASSIGN(Pipe pipe, MakePipe());
  return std::move(pipe.read_end);
}

std::string RaisedOomScore() {
  const std::string own = io::ReadFile("/proc/self/oom_score_adj").value_or("0");
  return std::to_string(std::min(1000, std::atoi(own.c_str()) + 500));
}

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

// What the child wrote before it failed; 0 when it has become the program.
int FaultFrom(int fd) {
  int reason = 0;
  ssize_t count = 0;
  do {
    count = ::read(fd, &reason, sizeof reason);
  } while (count < 0 && errno == EINTR);
  return count == sizeof reason ? reason : 0;
}

}  // namespace

Result<pid_t> StartCommand(const Launch& launch, const MemoryGroup& group,
                           const std::function<Result<void>(pid_t)>& before_exec) {
  const std::string& name = launch.command.front();
  TRY_ASSIGN(const fs::path program,
             io::FindProgram(name, PathOf(launch.environment), launch.folder));
  TRY_ASSIGN(const io::Descriptor input, EmptyInput());
  TRY_ASSIGN(Pipe go, MakePipe());
  TRY_ASSIGN(Pipe fault, MakePipe());
  const std::vector<char*> arguments = Pointers(launch.command);
  const std::vector<char*> environment = Pointers(launch.environment);
  const std::string oom_score_adj = RaisedOomScore();
  const Child child{program.c_str(),
                    arguments.data(),
                    environment.data(),
                    launch.folder.c_str(),
                    input.get(),
                    launch.output,
                    go.read_end.get(),
                    fault.write_end.get(),
                    getpid(),
                    oom_score_adj.c_str(),
                    &group};
  const pid_t pid = fork();
  if (pid < 0) return SystemError("start " + name, errno);
  if (pid == 0) {
    ::close(go.write_end.get());  // so that the end of this process ends the wait for its byte
    BecomeCommand(child);
  }
  fault.write_end.Close();
  auto ready = before_exec(pid);
  const bool released = ready && ::write(go.write_end.get(), "", 1) == 1;
  go.write_end.Close();
  const int reason = released ? FaultFrom(fault.read_end.get()) : 0;
  if (released && reason == 0) return pid;
  waitpid(pid, nullptr, 0);
  if (!ready) return tl::unexpected(std::move(ready).error());
  if (!released) return Failed("start " + name + ": its process has ended before it began");
  return Failed(ExecFault(name, program, reason));
}

}  // namespace busker::runner

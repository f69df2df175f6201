// Finding the processes of an attempt: its runner by the lock, leftovers by their environment.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "base/text.h"
#include "execute/process_executor.h"

namespace busker::execute {
namespace {

io::Descriptor OpenProcess(pid_t process) {
  return io::Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

bool Carries(pid_t process, const std::string& mark) {
  const auto environment = io::ReadFile("/proc/" + std::to_string(process) + "/environ", 4u << 20);
  if (!environment) return false;
  // Entries end with NUL; before the first there is none.
  const std::string entry = mark + '\0';
  return environment->starts_with(entry) ||
         environment->find('\0' + entry) != std::string::npos;
}

std::vector<pid_t> Processes() {
  std::vector<pid_t> processes;
  std::error_code error;
  for (io::fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t process = 0;
    const auto [rest, fault] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (fault == std::errc() && rest == name.data() + name.size()) processes.push_back(process);
  }
  return processes;
}

}  // namespace

std::string MarkOf(const AttemptName& name) { return "BUSKER_ATTEMPT=" + name.Text(); }

Result<std::optional<LivingRunner>> FindRunner(const io::fs::path& attempt_folder) {
  const io::fs::path path = attempt_folder / runner::kLockFile;
  const auto text = io::ReadFile(path, 64);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  const std::string digits(Trim(*text));
  pid_t process = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), process);
  LivingRunner runner{process > 0 ? OpenProcess(process) : io::Descriptor(), process};
  // Only now ask for the lock: while it is held, its holder lives and the pidfd is the holder's, for
  // the id it wrote cannot have gone to another process.
  TRY_ASSIGN(const auto lock, io::FileLock::TryTake(path));
  if (lock) return std::nullopt;
  if (!runner.pidfd.valid()) {
    return Temporary("the attempt in " + attempt_folder.string() + " is just starting");
  }
  return runner;
}

void KillLeftovers(const AttemptName& name) {
  const std::string mark = MarkOf(name);
  std::vector<io::Descriptor> killed;
  for (const pid_t process : Processes()) {
    if (process == getpid() || !Carries(process, mark)) continue;
    io::Descriptor pidfd = OpenProcess(process);
    if (!pidfd.valid() || !Carries(process, mark)) continue;
    syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    killed.push_back(std::move(pidfd));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (const io::Descriptor& pidfd : killed) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{pidfd.get(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
  }
}

}  // namespace busker::execute

#include "execute/process_executor.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/subprocess.h"

namespace busker::execute {
namespace {

constexpr int kSettlesMax = 3;
constexpr int kAdoptTriesMax =
    50;  // of 20 ms: a runner needs a moment to write its id into the lock

}  // namespace

Result<std::unique_ptr<ProcessExecutor>> ProcessExecutor::Start(io::fs::path runner,
                                                                io::fs::path folder,
                                                                OnEnded on_ended) {
  std::unique_ptr<ProcessExecutor> executor(
      new ProcessExecutor(std::move(runner), std::move(folder), std::move(on_ended)));
  executor->epoll_ = io::Descriptor(epoll_create1(EPOLL_CLOEXEC));
  executor->wake_ = io::Descriptor(eventfd(0, EFD_CLOEXEC));
  if (!executor->epoll_.valid() || !executor->wake_.valid()) {
    return SystemError("watch processes", errno);
  }
  epoll_event event{EPOLLIN, {.fd = executor->wake_.get()}};
  epoll_ctl(executor->epoll_.get(), EPOLL_CTL_ADD, executor->wake_.get(), &event);
  executor->waiter_ = std::thread([raw = executor.get()] { raw->WaitLoop(); });
  return executor;
}

ProcessExecutor::~ProcessExecutor() {
  eventfd_write(wake_.get(), 1);
  if (waiter_.joinable()) waiter_.join();
}

io::fs::path ProcessExecutor::FolderOf(const AttemptName& name) const {
  return folder_ / name.run / (name.task + "." + std::to_string(name.number));
}

Result<void> ProcessExecutor::Launch(const AttemptName& name, const runner::AttemptOrder& order) {
  const io::fs::path folder = FolderOf(name);
  TRY(io::MakeFolders(folder, 0700));
  TRY(io::WriteFileAtomically(folder / runner::kOrderFile, runner::OrderToJson(order), 0600));
  return StartRunner(name, 0);
}

Result<void> ProcessExecutor::Recover(const AttemptName& name, const runner::AttemptOrder& order) {
  const io::fs::path folder = FolderOf(name);
  TRY_ASSIGN(const bool adopted, Adopt(name));
  if (adopted) return {};
  std::error_code error;
  if (!io::fs::exists(folder / runner::kExitFile, error)) {
    if (!io::fs::exists(folder / runner::kOrderFile, error)) return Launch(name, order);
    return StartRunner(name, 1);
  }
  TakeEnd({name, 0, false, kSettlesMax});
  return {};
}

Result<void> ProcessExecutor::Stop(const AttemptName& name) {
  const std::lock_guard lock(mutex_);
  stopped_.insert(name);  // for a runner that is yet to come
  for (const auto& [fd, entry] : watched_) {
    if (entry.second.name != name) continue;
    if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0) != 0 && errno != ESRCH) {
      return SystemError("stop " + name.Text(), errno);
    }
  }
  return {};
}

// Starts a runner on the attempt's folder. One that finds an earlier runner's traces settles the
// attempt instead of starting the command again.
Result<void> ProcessExecutor::StartRunner(const AttemptName& name, int settles) {
  const io::fs::path folder = FolderOf(name);
  const io::Command command{{runner_.string(), folder.string()}, {}, {}};
  TRY_ASSIGN(const pid_t process, io::SpawnDetached(command, folder / "runner.err"));
  io::Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!pidfd.valid()) return SystemError("watch " + name.Text(), errno);
  return Watch(std::move(pidfd), {name, process, true, settles});
}

// Begins to wait for a runner that lives already; false when none does.
Result<bool> ProcessExecutor::Adopt(const AttemptName& name) {
  auto runner = FindRunner(FolderOf(name));
  for (int tries = 1; !runner && runner.error().kind == ErrorKind::kTemporary; ++tries) {
    if (tries == kAdoptTriesMax) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    runner = FindRunner(FolderOf(name));
  }
  if (!runner) return tl::unexpected(runner.error());
  if (!*runner) return false;
  TRY(Watch(std::move((*runner)->pidfd), {name, (*runner)->process, false, 0}));
  return true;
}

Result<void> ProcessExecutor::Watch(io::Descriptor pidfd, Watched watched) {
  const int fd = pidfd.get();
  const std::lock_guard lock(mutex_);
  if (stopped_.contains(watched.name)) syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0);
  watched_.insert_or_assign(fd, std::pair(std::move(pidfd), std::move(watched)));
  epoll_event event{EPOLLIN, {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    watched_.erase(fd);
    return SystemError("watch a process", errno);
  }
  return {};
}

void ProcessExecutor::WaitLoop() {
  for (;;) {
    epoll_event ready[64];
    const int count = epoll_wait(epoll_.get(), ready, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == wake_.get()) return;
      std::unique_lock lock(mutex_);
      auto node = watched_.extract(fd);
      if (node.empty()) continue;
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      lock.unlock();
      TakeEnd(std::move(node.mapped().second));
    }
  }
}

// The runner is gone: reads what it left; settles the attempt when it left nothing.
void ProcessExecutor::TakeEnd(Watched watched) {
  if (watched.is_child) {
    while (waitpid(watched.process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  const io::fs::path folder = FolderOf(watched.name);
  auto text = io::ReadFile(folder / runner::kExitFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    // Another runner may have been faster to the lock: then that one is waited for.
    if (const auto adopted = Adopt(watched.name); adopted && *adopted) return;
    if (watched.settles < kSettlesMax && StartRunner(watched.name, watched.settles + 1)) return;
    text = io::ReadFile(folder / runner::kExitFile);
  }
  {
    const std::lock_guard lock(mutex_);
    stopped_.erase(watched.name);
  }
  if (text) {
    on_ended_(watched.name, runner::ExitFromJson(*text));
    return;
  }
  const auto said = io::ReadFile(folder / "runner.err", 4096);
  on_ended_(watched.name, Failed("the runner left no exit record" +
                                 (said && !said->empty() ? ": " + *said : std::string())));
}

}  // namespace busker::execute

#include "execute/process_executor.h"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "attempt/folder.h"
#include "attempt/handed_secrets.h"
#include "attempt/runner_environment.h"
#include "attempt/scratch.h"
#include "execute/exit_of.h"
#include "execute/secret_values.h"
#include "io/boot.h"
#include "io/subprocess.h"

namespace busker::execute {
namespace {

constexpr int kSettlesMax = 3;
constexpr int kAdoptTriesMax = 200;  // of 1 ms: a runner writes its id right after it has the lock
constexpr std::size_t kWaitingMax = 8;  // more than cores for most; each has about 1 MB of its own
constexpr int kGoodbyeMs = 1000;

std::vector<std::string> RunnerEnvironment(const io::OpenFilesRaised& open_files) {
  std::vector<std::string> environment = attempt::RunnerEnvironment(io::OwnEnvironment());
  environment.push_back(open_files.Entry());
  return environment;
}

}  // namespace

Result<std::unique_ptr<ProcessExecutor>> ProcessExecutor::Start(io::fs::path runner,
                                                                io::fs::path folder,
                                                                OnEnded on_ended,
                                                                SecretOf secret_of) {
  std::unique_ptr<ProcessExecutor> executor(new ProcessExecutor(
      std::move(runner), std::move(folder), std::move(on_ended), std::move(secret_of)));
  TRY(io::MakeFolders(executor->folder_, 0700));
  io::SpreadFolders(executor->folder_);
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
  // Those that wait end when their channel does, all at the same time. Who has an attempt ends
  // after it.
  std::vector<std::pair<pid_t, io::Descriptor>> leaving;
  for (const int fd : waiting_) {
    const Watched watched = Forget(fd);
    leaving.emplace_back(watched.process, io::OpenProcess(watched.process));
  }
  for (const auto& [process, descriptor] : leaving) {
    pollfd wait{descriptor.get(), POLLIN, 0};
    if (poll(&wait, 1, kGoodbyeMs) > 0) waitpid(process, nullptr, 0);
  }
}

io::fs::path ProcessExecutor::FolderOf(const attempt::Name& name) const {
  return attempt::FolderOf(folder_, name);
}

Result<void> ProcessExecutor::Launch(const Attempt& attempt) {
  return Begin({attempt.name, attempt.order, attempt.secrets, 0});
}

Result<void> ProcessExecutor::Recover(const Attempt& attempt) {
  const attempt::Name& name = attempt.name;
  Job job{name, attempt.order, attempt.secrets, 1};
  TRY_ASSIGN(const bool adopted, Adopt(job));
  if (adopted) return {};
  const io::fs::path folder = FolderOf(name);
  auto ended = ReadExitOf(name, folder);
  if (!ended || *ended) {
    {
      const Lock lock(mutex_);
      stopped_.erase(name);
    }
    on_ended_(name,
              ended ? Result<attempt::ExitRecord>(**std::move(ended)) : Unknown(ended.error()));
    return {};
  }
  return Begin(std::move(job));  // the runner itself finds out how far an earlier one came
}

// What is in the folders of attempts is theirs; beside them lie working folders of runners.
Result<void> ProcessExecutor::Sweep(std::span<const attempt::Name>) {
  attempt::Scratch::RemoveOfTheDead(folder_);
  return {};
}

Result<void> ProcessExecutor::Stop(const attempt::Name& name) {
  const Lock lock(mutex_);
  stopped_.insert(name);  // for a runner that is yet to come
  const auto place = attempts_.find(name);
  if (place == attempts_.end()) return {};
  return Signal(watched_.at(place->second));
}

Result<void> ProcessExecutor::Begin(Job job) {
  return job.secrets.empty() ? HandOver(std::move(job)) : StartRunner(std::move(job));
}

// Gives the attempt to a runner that waits, or to a new one.
Result<void> ProcessExecutor::HandOver(Job job) {
  const std::string message = attempt::OrderMessage(FolderOf(job.name), job.order);
  if (message.size() > attempt::kOrderBytesMax) return StartRunner(std::move(job));
  {
    const Lock lock(mutex_);
    while (!waiting_.empty()) {
      const int fd = waiting_.back();
      waiting_.pop_back();
      Watched& watched = watched_.at(fd);
      // Assigned first: a stop may wait for it.
      Assign(watched, job);
      if (send(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
      attempts_.erase(job.name);  // it has died, which is noticed soon
      watched.job.reset();
    }
  }
  return StartWithOrder(message, std::move(job));
}

// The file in memory with the values; none without names.
Result<io::Descriptor> ProcessExecutor::HandSecrets(const std::vector<std::string>& names) const {
  if (names.empty()) return io::Descriptor();
  auto values = ValuesOf(names, secret_of_);
  auto file = attempt::HandOver(values);
  if (values) {
    for (std::string& value : *values) attempt::Wipe(value);
  }
  return file;
}

// Starts a runner on the attempt's folder alone, with the order in it: the record has that for
// whoever finds the folder after a power cut. One that finds an earlier runner's traces settles the
// attempt instead of starting the command again.
Result<void> ProcessExecutor::StartRunner(Job job) {
  const io::fs::path folder = FolderOf(job.name);
  std::error_code error;
  io::fs::create_directories(folder, error);
  TRY(io::WriteFileUnsynced(folder / attempt::kOrderFile, job.order, 0600));
  const io::Command command{
      {runner_.string(), folder.string()}, RunnerEnvironment(open_files_), {}};
  TRY_ASSIGN(const io::Descriptor secrets, HandSecrets(job.secrets));
  // The place of the descriptor by which it is watched: none is left, and it is not started.
  io::Descriptor place(eventfd(0, EFD_CLOEXEC));
  if (!place.valid()) return SystemError("watch " + job.name.Text(), errno);
  TRY_ASSIGN(const pid_t process,
             io::SpawnDetached(command, folder / attempt::kErrorFile, secrets.get()));
  place.Close();
  return WatchNew({io::OpenProcess(process), false, process, true, false, std::move(job)});
}

// Starts a runner that takes orders; the first is there before it.
Result<void> ProcessExecutor::StartWithOrder(const std::string& message, Job job) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return SystemError("make a socket", errno);
  }
  io::Descriptor ours(ends[0]);
  const io::Descriptor theirs(ends[1]);
  if (send(ends[0], message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return SystemError("hand an order to a runner", errno);
  }
  TRY(io::MakeFolders(folder_, 0700));
  const io::Command command{{runner_.string(), "--orders"}, RunnerEnvironment(open_files_), {}};
  TRY_ASSIGN(const pid_t process,
             io::SpawnDetached(command, folder_ / attempt::kErrorFile, theirs.get()));
  return WatchNew({std::move(ours), true, process, true, false, std::move(job)});
}

// A runner that was just started and cannot be watched is ended, as nobody would hear of its end.
// It may have begun, so its attempt is not launched once more under this name.
Result<void> ProcessExecutor::WatchNew(Watched watched) {
  const pid_t process = watched.process;
  const auto watches = Watch(std::move(watched));
  if (watches) return {};
  kill(process, SIGKILL);
  while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Failed(watches.error().message);
}

// Begins to wait for a runner that lives already; false when none does.
Result<bool> ProcessExecutor::Adopt(const Job& job) {
  const io::fs::path folder = FolderOf(job.name);
  auto runner = FindRunner(folder);
  for (int tries = 1; !runner && runner.error().kind == ErrorKind::kTemporary; ++tries) {
    if (tries == kAdoptTriesMax) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    runner = FindRunner(folder);
  }
  if (!runner) return tl::unexpected(runner.error());
  if (!*runner) return false;
  const pid_t process = (*runner)->process;
  Job adopted{job.name, job.order, job.secrets, 0};
  TRY(Watch({std::move((*runner)->pidfd), false, process, false, false, std::move(adopted)}));
  return true;
}

Result<void> ProcessExecutor::Watch(Watched watched) {
  const int fd = watched.fd.get();
  const Lock lock(mutex_);
  Watched& place = watched_[fd];
  place = std::move(watched);
  if (place.job) Assign(place, *place.job);
  epoll_event event{EPOLLIN, {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const int reason = errno;
    Forget(fd);
    return SystemError("watch a process", reason);
  }
  return {};
}

void ProcessExecutor::Assign(Watched& watched, Job job) {
  attempts_[job.name] = watched.fd.get();
  const bool stopped = stopped_.contains(job.name);
  watched.job = std::move(job);
  // Its own child, as a rule; one that it may not signal ends by its time limit.
  if (stopped) (void)Signal(watched);
}

// A child of ours keeps its number until it is reaped, which comes after it is forgotten.
Result<void> ProcessExecutor::Signal(Watched& watched) {
  watched.signalled = true;
  const long told = watched.is_child
                        ? kill(watched.process, SIGTERM)
                        : syscall(SYS_pidfd_send_signal, watched.fd.get(), SIGTERM, nullptr, 0);
  if (told == 0 || errno == ESRCH) return {};  // it has ended, which is noticed soon
  return SystemError(fmt::format("tell process {} to stop", watched.process), errno);
}

// The mutex is held, or the waiter is gone.
ProcessExecutor::Watched ProcessExecutor::Forget(int fd) {
  auto node = watched_.extract(fd);
  if (node.empty()) return {};
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  Watched watched = std::move(node.mapped());
  if (watched.job) {
    const auto place = attempts_.find(watched.job->name);
    if (place != attempts_.end() && place->second == fd) attempts_.erase(place);
  }
  return watched;
}

void ProcessExecutor::WaitLoop() {
  for (;;) {
    epoll_event ready[64];
    const int count = epoll_wait(epoll_.get(), ready, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == wake_.get()) return;
      Lock lock(mutex_);
      const auto place = watched_.find(fd);
      if (place == watched_.end()) continue;
      if (place->second.is_channel) {
        lock.unlock();
        TakeAnswer(fd);
      } else {
        Watched watched = Forget(fd);
        lock.unlock();
        TakeDeath(std::move(watched));
      }
    }
  }
}

// A runner that takes orders says how its attempt ended, or has gone.
void ProcessExecutor::TakeAnswer(int fd) {
  const ssize_t count = recv(fd, answer_.data(), answer_.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  Lock lock(mutex_);
  Watched& watched = watched_.at(fd);
  if (count <= 0 || !watched.job) return WatchProcess(std::move(lock), fd);
  const std::string text(answer_.data(), static_cast<std::size_t>(count));
  const attempt::Name name = std::exchange(watched.job, std::nullopt)->name;
  attempts_.erase(name);
  stopped_.erase(name);
  if (!watched.signalled && waiting_.size() < kWaitingMax) {
    waiting_.push_back(fd);
  } else {
    shutdown(fd, SHUT_WR);  // and so it goes
  }
  lock.unlock();
  auto ended = attempt::ExitFromJson(text);
  on_ended_(name, ended ? std::move(ended) : Unknown(ended.error()));
}

// Its channel has ended, so it takes no order any more: its death, which is near, tells the rest.
void ProcessExecutor::WatchProcess(Lock lock, int fd) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), fd), waiting_.end());
  Watched watched = Forget(fd);
  lock.unlock();
  watched.fd = io::OpenProcess(watched.process);
  watched.is_channel = false;
  if (!watched.fd.valid()) return TakeDeath(std::move(watched));  // out of descriptors
  (void)Watch(std::move(watched));
}

// The runner is gone: reads what it left; settles the attempt when it left nothing.
void ProcessExecutor::TakeDeath(Watched watched) {
  if (watched.is_child) {
    while (waitpid(watched.process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (!watched.job) return;
  const attempt::Name name = watched.job->name;
  const io::fs::path folder = FolderOf(name);
  auto ended = ReadExitOf(name, folder);
  if (ended && !*ended) {
    // Another runner may have been faster to the lock: then that one is waited for.
    if (const auto adopted = Adopt(*watched.job); adopted && *adopted) return;
    if (++watched.job->settles <= kSettlesMax && StartRunner(*watched.job)) return;
    ended = ReadExitOf(name, folder);
  }
  {
    const Lock lock(mutex_);
    stopped_.erase(name);
  }
  if (!ended) return on_ended_(name, Unknown(ended.error()));
  if (*ended) return on_ended_(name, **std::move(ended));
  const auto said = io::ReadFile(folder / attempt::kErrorFile, 4096);
  on_ended_(name, Failed("the runner left no exit record" +
                         (said && !said->empty() ? ": " + *said : std::string())));
}

}  // namespace busker::execute

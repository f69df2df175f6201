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

#include "base/text.h"
#include "io/boot.h"
#include "io/subprocess.h"
#include "runner/handed_secrets.h"
#include "runner/scratch.h"
#include "runner/serve.h"

namespace busker::execute {
namespace {

constexpr int kSettlesMax = 3;
constexpr int kAdoptTriesMax = 200;  // of 1 ms: a runner writes its id right after it has the lock
constexpr std::size_t kWaitingMax = 8;  // more than cores for most; each has about 1 MB of its own
constexpr int kGoodbyeMs = 1000;

io::Descriptor OpenProcess(pid_t process) {
  return io::Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

// How the attempt ended, by its folder; nullopt: it has not.
Result<std::optional<runner::ExitRecord>> ReadExitOf(const AttemptName& name,
                                                     const io::fs::path& folder) {
  TRY_ASSIGN(auto ended, runner::ReadExit(folder));
  if (!ended) return std::nullopt;
  const AttemptName of{ended->run, ended->task, ended->number};
  if (of == name) return ended;
  return Unusable(fmt::format("{} is that of {}, and how this attempt ended is not known",
                              (folder / runner::kExitFile).string(), Printable(of.Text())));
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
  runner::Scratch::RemoveOfTheDead(executor->folder_);
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
  // Those that wait end when their channel does. Who has an attempt ends after it.
  for (const int fd : waiting_) {
    Watched watched = Forget(fd);
    const io::Descriptor process = OpenProcess(watched.process);
    watched.fd.Close();
    pollfd wait{process.get(), POLLIN, 0};
    if (poll(&wait, 1, kGoodbyeMs) > 0) waitpid(watched.process, nullptr, 0);
  }
}

io::fs::path ProcessExecutor::FolderOf(const AttemptName& name) const {
  return folder_ / name.run / (name.task + "." + std::to_string(name.number));
}

Result<void> ProcessExecutor::Launch(const AttemptName& name, const runner::AttemptOrder& order) {
  if (order.synced) {
    const io::fs::path folder = FolderOf(name);
    TRY(io::MakeFolders(folder, 0700));
    TRY(io::WriteFileAtomically(folder / runner::kOrderFile, runner::OrderToJson(order), 0600));
    return order.secrets.empty() ? HandOver(name, "", 0) : StartRunner(name, "", 0);
  }
  runner::AttemptOrder dated = order;
  dated.boot = io::BootId();
  const std::string json = runner::OrderToJson(dated);
  return order.secrets.empty() ? HandOver(name, json, 0) : StartRunner(name, json, 0);
}

Result<void> ProcessExecutor::Recover(const AttemptName& name, const runner::AttemptOrder& order) {
  TRY_ASSIGN(const bool adopted, Adopt(name));
  if (adopted) return {};
  const io::fs::path folder = FolderOf(name);
  auto ended = ReadExitOf(name, folder);
  if (!ended || *ended) {
    {
      const Lock lock(mutex_);
      stopped_.erase(name);
    }
    on_ended_(name, ended ? Result<runner::ExitRecord>(**std::move(ended))
                          : tl::unexpected(std::move(ended).error()));
    return {};
  }
  // The runner itself finds out how far an earlier one came.
  if (!order.synced) {
    const std::string json = runner::OrderToJson(order);
    return order.secrets.empty() ? HandOver(name, json, 1) : StartRunner(name, json, 1);
  }
  std::error_code error;
  if (!io::fs::exists(folder / runner::kOrderFile, error)) return Launch(name, order);
  return StartRunner(name, "", 1);
}

Result<void> ProcessExecutor::Stop(const AttemptName& name) {
  const Lock lock(mutex_);
  stopped_.insert(name);  // for a runner that is yet to come
  const auto place = attempts_.find(name);
  if (place == attempts_.end()) return {};
  return Signal(watched_.at(place->second));
}

// Gives the attempt to a runner that waits, or to a new one. `order` is empty when it is in the
// attempt's folder.
Result<void> ProcessExecutor::HandOver(const AttemptName& name, std::string order, int settles) {
  const std::string message = runner::OrderMessage(FolderOf(name), order);
  if (message.size() > runner::kOrderBytesMax) return StartRunner(name, std::move(order), settles);
  {
    const Lock lock(mutex_);
    while (!waiting_.empty()) {
      const int fd = waiting_.back();
      waiting_.pop_back();
      Watched& watched = watched_.at(fd);
      // Assigned first: a stop may wait for it.
      Assign(watched, name, order, settles);
      if (send(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
      attempts_.erase(name);  // it has died, which is noticed soon
      watched.name.reset();
    }
  }
  return StartWithOrder(message, {{}, true, 0, true, false, name, std::move(order), settles});
}

// The file in memory with the values that the order in the folder names; none when it names none.
Result<io::Descriptor> ProcessExecutor::SecretsFor(const io::fs::path& attempt_folder) const {
  const auto text = io::ReadFile(attempt_folder / runner::kOrderFile);
  if (!text || text->find("\"secrets\"") == std::string::npos) return io::Descriptor();
  const auto order = runner::OrderFromJson(*text);
  if (!order || order->secrets.empty()) return io::Descriptor();  // the runner tells the fault
  auto values = ValuesOf(order->secrets);
  auto file = runner::HandOver(values);
  if (values) {
    for (std::string& value : *values) runner::Wipe(value);
  }
  return file;
}

Result<std::vector<std::string>> ProcessExecutor::ValuesOf(
    const std::vector<runner::SecretUse>& secrets) const {
  std::vector<std::string> values;
  for (const runner::SecretUse& use : secrets) {
    if (!secret_of_) return NotFound("there are no secrets here");
    TRY_ASSIGN(std::string value, secret_of_(use.name));
    values.push_back(std::move(value));
  }
  return values;
}

// Starts a runner on the attempt's folder alone. One that finds an earlier runner's traces settles
// the attempt instead of starting the command again.
Result<void> ProcessExecutor::StartRunner(const AttemptName& name, std::string order, int settles) {
  const io::fs::path folder = FolderOf(name);
  if (!order.empty()) {
    std::error_code error;
    io::fs::create_directories(folder, error);
    TRY(io::WriteFileUnsynced(folder / runner::kOrderFile, order, 0600));
  }
  const io::Command command{{runner_.string(), folder.string()}, {open_files_.Entry()}, {}};
  TRY_ASSIGN(const io::Descriptor secrets, SecretsFor(folder));
  // The place of the descriptor by which it is watched: none is left, and it is not started.
  io::Descriptor place(eventfd(0, EFD_CLOEXEC));
  if (!place.valid()) return SystemError("watch " + name.Text(), errno);
  TRY_ASSIGN(const pid_t process,
             io::SpawnDetached(command, folder / runner::kErrorFile, secrets.get()));
  place.Close();
  return WatchNew({OpenProcess(process), false, process, true, false, name, "", settles});
}

// Starts a runner that takes orders; the first is there before it.
Result<void> ProcessExecutor::StartWithOrder(const std::string& message, Watched watched) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return SystemError("make a socket", errno);
  }
  watched.fd = io::Descriptor(ends[0]);
  const io::Descriptor theirs(ends[1]);
  if (send(ends[0], message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return SystemError("hand an order to a runner", errno);
  }
  TRY(io::MakeFolders(folder_, 0700));
  const io::Command command{{runner_.string(), "--orders"}, {open_files_.Entry()}, {}};
  TRY_ASSIGN(watched.process,
             io::SpawnDetached(command, folder_ / runner::kErrorFile, theirs.get()));
  return WatchNew(std::move(watched));
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
Result<bool> ProcessExecutor::Adopt(const AttemptName& name) {
  auto runner = FindRunner(FolderOf(name));
  for (int tries = 1; !runner && runner.error().kind == ErrorKind::kTemporary; ++tries) {
    if (tries == kAdoptTriesMax) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    runner = FindRunner(FolderOf(name));
  }
  if (!runner) return tl::unexpected(runner.error());
  if (!*runner) return false;
  const pid_t process = (*runner)->process;
  TRY(Watch({std::move((*runner)->pidfd), false, process, false, false, name, "", 0}));
  return true;
}

Result<void> ProcessExecutor::Watch(Watched watched) {
  const int fd = watched.fd.get();
  const Lock lock(mutex_);
  Watched& place = watched_[fd];
  place = std::move(watched);
  if (place.name) Assign(place, *place.name, std::move(place.order), place.settles);
  epoll_event event{EPOLLIN, {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const int reason = errno;
    Forget(fd);
    return SystemError("watch a process", reason);
  }
  return {};
}

void ProcessExecutor::Assign(Watched& watched, const AttemptName& name, std::string order,
                             int settles) {
  watched.name = name;
  watched.order = std::move(order);
  watched.settles = settles;
  attempts_[name] = watched.fd.get();
  // Its own child, as a rule; one that it may not signal ends by its time limit.
  if (stopped_.contains(name)) (void)Signal(watched);
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
  if (watched.name) {
    const auto place = attempts_.find(*watched.name);
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
  if (count <= 0 || !watched.name) return WatchProcess(std::move(lock), fd);
  const std::string text(answer_.data(), static_cast<std::size_t>(count));
  const AttemptName name = *std::exchange(watched.name, std::nullopt);
  watched.order.clear();
  attempts_.erase(name);
  stopped_.erase(name);
  if (!watched.signalled && waiting_.size() < kWaitingMax) {
    waiting_.push_back(fd);
  } else {
    shutdown(fd, SHUT_WR);  // and so it goes
  }
  lock.unlock();
  on_ended_(name, runner::ExitFromJson(text));
}

// Its channel has ended, so it takes no order any more: its death, which is near, tells the rest.
void ProcessExecutor::WatchProcess(Lock lock, int fd) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), fd), waiting_.end());
  Watched watched = Forget(fd);
  lock.unlock();
  watched.fd = OpenProcess(watched.process);
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
  if (!watched.name) return;
  const AttemptName& name = *watched.name;
  const io::fs::path folder = FolderOf(name);
  auto ended = ReadExitOf(name, folder);
  if (ended && !*ended) {
    // Another runner may have been faster to the lock: then that one is waited for.
    if (const auto adopted = Adopt(name); adopted && *adopted) return;
    if (watched.settles < kSettlesMax && StartRunner(name, watched.order, watched.settles + 1)) {
      return;
    }
    ended = ReadExitOf(name, folder);
  }
  {
    const Lock lock(mutex_);
    stopped_.erase(name);
  }
  if (!ended) return on_ended_(name, tl::unexpected(std::move(ended).error()));
  if (*ended) return on_ended_(name, **std::move(ended));
  const auto said = io::ReadFile(folder / runner::kErrorFile, 4096);
  on_ended_(name, Failed("the runner left no exit record" +
                         (said && !said->empty() ? ": " + *said : std::string())));
}

}  // namespace busker::execute

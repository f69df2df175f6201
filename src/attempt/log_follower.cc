#include "attempt/log_follower.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "attempt/folder.h"

namespace busker::attempt {
namespace {

constexpr std::uint64_t kLookBytesMax = 4u << 20;
constexpr std::chrono::milliseconds kLookAgain{100}, kAskAgain{1000};
constexpr int kNice = 10;
constexpr int kAllMayHaveNews = -1;  // in place of a watch: more happened than the kernel kept

// Whether the kernel hears of what is written there: not of what another machine writes. Numbers of
// statfs(2), of which linux/magic.h has not all.
bool TellsOfChanges(const io::fs::path& folder) {
  constexpr std::array<std::uint32_t, 9> kElsewhere = {
      NFS_SUPER_MAGIC,       SMB_SUPER_MAGIC,  0xFF534D42 /* CIFS */,
      0xFE534D42 /* SMB2 */, CEPH_SUPER_MAGIC, V9FS_MAGIC,
      FUSE_SUPER_MAGIC,      AFS_SUPER_MAGIC,  0x0BD00BD0 /* Lustre */};
  struct statfs info {};
  if (statfs(folder.c_str(), &info) != 0) return false;
  const auto kind = static_cast<std::uint32_t>(info.f_type);
  return std::find(kElsewhere.begin(), kElsewhere.end(), kind) == kElsewhere.end();
}

}  // namespace

LogFollower::~LogFollower() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    ends_.notify_all();
  }
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

bool LogFollower::Follow(const std::string& key, Log log) {
  auto followed = std::make_shared<Followed>(std::move(log));
  followed->look_at = Clock::now() + limits_.begin_after;
  const std::lock_guard lock(mutex_);
  if (logs_.size() >= limits_.logs_max || ending_) return false;
  const Clock::time_point look_at = followed->look_at;
  logs_.insert_or_assign(key, std::move(followed));
  if (!thread_.joinable()) {
    wake_ = io::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    changes_ = io::Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    thread_ = std::thread([this] { Run(); });
  } else if (look_at < wakes_at_) {
    wakes_at_ = look_at;  // so that the next of many does not wake it again
    eventfd_write(wake_.get(), 1);
  }
  return true;
}

bool LogFollower::End(const std::string& key) {
  std::shared_ptr<Followed> log;
  {
    const std::lock_guard lock(mutex_);
    const auto found = logs_.find(key);
    if (found == logs_.end()) return false;
    log = std::move(found->second);
    logs_.erase(found);
  }
  const std::lock_guard lock(log->reading);
  if (std::exchange(log->over, true)) return false;
  (void)log->log.reader.ReadNew(log->log.use);
  if (log->watch >= 0) inotify_rm_watch(changes_.get(), log->watch);
  return true;
}

void LogFollower::Run() {
  // What runs comes first: of the kernel's scheduler each thread has a priority of its own.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  for (;;) {
    const Logs due = TakeDue(TakeNews());
    for (const auto& [_, log] : due) Look(*log);
    RemoveOver(due);
    std::unique_lock lock(mutex_);
    if (!due.empty()) ends_.wait_for(lock, limits_.gather, [this] { return ending_; });
    if (ending_) return;
    const Clock::time_point next = wakes_at_ = NextLook();
    lock.unlock();
    AwaitNews(next);
  }
}

LogFollower::Logs LogFollower::TakeDue(const std::set<int>& news) {
  Logs due;
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const auto& [key, log] : logs_) {
    const bool has_news =
        log->watch >= 0 && (news.contains(log->watch) || news.contains(kAllMayHaveNews));
    if (has_news || log->look_at <= now) due.emplace_back(key, log);
  }
  return due;
}

void LogFollower::Look(Followed& log) {
  const std::lock_guard lock(log.reading);
  if (log.over) return;
  if (log.watch < 0) Watch(log);
  // First whether it is over, then what there is: so nothing that was written before is missed.
  log.over = IsOver(log);
  std::uint64_t bytes = 0;
  const auto use = [&](std::string_view some) {
    bytes += some.size();
    log.log.use(some);
  };
  (void)log.log.reader.ReadNew(use, log.over ? UINT64_MAX : kLookBytesMax);
  if (bytes > 0 && log.log.caught_up) log.log.caught_up();
  if (log.over) {
    if (log.watch >= 0) inotify_rm_watch(changes_.get(), log.watch);
    if (log.log.ended) log.log.ended();
    return;
  }
  const Clock::time_point now = Clock::now();
  log.look_at = bytes >= kLookBytesMax ? now
                : log.watch < 0        ? now + kLookAgain
                : log.log.goes_on      ? log.ask_at
                                       : Clock::time_point::max();
}

// Its folder may not be there yet, and watches may be used up: then it is tried again.
void LogFollower::Watch(Followed& log) const {
  const io::fs::path& folder = log.log.reader.folder();
  if (!changes_.valid() || !TellsOfChanges(folder)) return;
  log.watch = inotify_add_watch(changes_.get(), folder.c_str(),
                                IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
}

bool LogFollower::IsOver(Followed& log) {
  const io::fs::path& folder = log.log.reader.folder();
  std::error_code error;
  if (io::fs::exists(folder / kExitFile, error)) return true;
  const bool is_there = io::fs::exists(folder, error);
  if (std::exchange(log.was_there, is_there) && !is_there) return true;
  const Clock::time_point now = Clock::now();
  if (!log.log.goes_on || now < log.ask_at) return false;
  log.ask_at = now + kAskAgain;
  return !log.log.goes_on();
}

void LogFollower::RemoveOver(const Logs& looked_at) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, log] : looked_at) {
    const auto found = logs_.find(key);
    // One that is there is this thread's alone: End takes it out first.
    if (found != logs_.end() && found->second == log && log->over) logs_.erase(found);
  }
}

LogFollower::Clock::time_point LogFollower::NextLook() const {
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [_, log] : logs_) next = std::min(next, log->look_at);
  return next;
}

// Something was written, or this was woken; or it is late enough.
void LogFollower::AwaitNews(Clock::time_point until) const {
  int limit_ms = -1;
  if (until != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    limit_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
  }
  pollfd waits[2] = {{wake_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}};
  poll(waits, 2, limit_ms);
  eventfd_t count = 0;
  eventfd_read(wake_.get(), &count);
}

std::set<int> LogFollower::TakeNews() const {
  std::set<int> watches;
  alignas(inotify_event) char buffer[4096];
  for (ssize_t size; (size = ::read(changes_.get(), buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      watches.insert(event->wd);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return watches;
}

}  // namespace busker::attempt

#include "cli/log_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace busker::cli {
namespace {

// An attempt that has run so long is looked at while it runs; and so long, what comes gathers.
constexpr int kMomentMs = 40;
constexpr int kLookingNice = 10;

}  // namespace

LogWatch::~LogWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void LogWatch::Begin(const std::string& name, io::fs::path attempt_folder, Use use) {
  const std::lock_guard lock(mutex_);
  attempt::LogReader reader(attempt_folder);
  logs_.insert_or_assign(
      name, Log{std::move(attempt_folder), std::move(use), std::move(reader), Clock::now(), -1});
  if (!thread_.joinable()) {
    wake_ = io::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    changes_ = io::Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    thread_ = std::thread([this] { Look(); });
  } else if (std::exchange(asleep_, false)) {
    eventfd_write(wake_.get(), 1);
  }
}

bool LogWatch::End(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(name);
  if (found == logs_.end()) return false;
  Read(found->second);
  if (found->second.watch >= 0) inotify_rm_watch(changes_.get(), found->second.watch);
  logs_.erase(found);
  return true;
}

void LogWatch::Look() {
  // What runs comes first: of the kernel's scheduler each thread has a priority of its own.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLookingNice);
  for (;;) {
    const std::set<int> news = TakeNews();
    const bool all = news.contains(-1);  // more happened than the kernel kept
    bool asleep = true;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      for (auto& [name, log] : logs_) {
        const bool watched = log.watch >= 0;
        asleep = asleep && watched;
        if (watched && !all && !news.contains(log.watch)) continue;
        if (!watched && Clock::now() - log.begun < std::chrono::milliseconds(kMomentMs)) continue;
        if (!watched) {  // its folder may not be there yet, and watches may be used up
          log.watch = inotify_add_watch(changes_.get(), log.folder.c_str(), IN_MODIFY | IN_CREATE);
        }
        Read(log);
      }
      asleep_ = asleep;
    }
    if (asleep && AwaitWake(true, -1)) continue;
    AwaitWake(false, kMomentMs);
  }
}

// Until this is woken, or `limit` has passed, or, with `news`, something was written; true: woken.
bool LogWatch::AwaitWake(bool news, int limit_ms) const {
  pollfd waits[2] = {{wake_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}};
  poll(waits, news ? 2 : 1, limit_ms);
  eventfd_t count = 0;
  return eventfd_read(wake_.get(), &count) == 0;
}

std::set<int> LogWatch::TakeNews() const {
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

void LogWatch::Read(Log& log) const { (void)log.reader.ReadNew(log.use); }

}  // namespace busker::cli

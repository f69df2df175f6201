#include "catalogue/folder_watch.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace busker::catalogue {
namespace {

constexpr Milliseconds kQuiet{200};
constexpr Milliseconds kQuietMax{2000};
constexpr std::size_t kCreatedMax = 10'000;
constexpr std::uint32_t kWriting =
    IN_OPEN | IN_MODIFY;  // tells of writers, and is no news by itself
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

Result<FolderWatch> FolderWatch::Make(Milliseconds later) {
  io::Descriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return SystemError("watch folders", errno);
  FolderWatch watch(std::move(stop), later);
  if (later == Milliseconds(0)) TRY(watch.Begin());
  return watch;
}

Result<void> FolderWatch::Begin() {
  const std::lock_guard lock(*mutex_);
  changes_ = io::Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes_.valid()) return SystemError("watch folders", errno);
  Apply(std::exchange(wanted_, {}));
  return {};
}

void FolderWatch::Watch(const std::vector<std::string>& folders,
                        const std::vector<std::string>& closely) {
  Masks wanted;
  for (const std::string& folder : folders) wanted[folder] = kEvents;
  for (const std::string& folder : closely) wanted[folder] = kEvents | kWriting;
  const std::lock_guard lock(*mutex_);
  if (changes_.valid()) {
    Apply(wanted);
  } else {
    wanted_ = std::move(wanted);
  }
}

void FolderWatch::Apply(const Masks& wanted) {
  for (auto watch = watches_.begin(); watch != watches_.end();) {
    if (wanted.contains(watch->first)) {
      ++watch;
      continue;
    }
    inotify_rm_watch(changes_.get(), watch->second);
    folders_.erase(watch->second);
    watch = watches_.erase(watch);
  }
  for (const auto& [folder, mask] : wanted) {
    if (watches_.contains(folder) && masks_[folder] == mask) continue;
    const int watch = inotify_add_watch(changes_.get(), folder.c_str(), mask);
    if (watch < 0) continue;
    watches_[folder] = watch;
    masks_[folder] = mask;
    folders_[watch] = folder;
  }
}

bool FolderWatch::Await(Milliseconds longest) {
  pollfd waits[2] = {{changes_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  if (poll(waits, 2, static_cast<int>(longest.count())) < 0) return false;
  stopped_ = stopped_ || waits[1].revents != 0;
  return !stopped_ && waits[0].revents != 0;
}

FolderWatch::News FolderWatch::Wait(Milliseconds longest) {
  News news;
  if (!changes_.valid()) {
    (void)Await(std::min(later_, longest));
    // Where nothing can be watched, everything is looked at now and then.
    if (!stopped_ && !Begin()) later_ = longest;
    news.changed = true;
    return news;
  }
  const auto until = std::chrono::steady_clock::now() + longest;
  do {  // as long as all that happens is that files are written
    const auto left =
        std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
    if (stopped_ || !Await(std::max(left, Milliseconds(0)))) return news;
    Take(news);
  } while (!news.changed && std::chrono::steady_clock::now() < until);
  const auto begun = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begun < kQuietMax && Await(kQuiet)) Take(news);
  return news;
}

void FolderWatch::Take(News& news) {
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const ssize_t count = ::read(changes_.get(), buffer, sizeof buffer);
    if (count <= 0) return;
    const std::lock_guard lock(*mutex_);
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & ~kWriting) != 0) news.changed = true;
      const auto folder = folders_.find(event->wd);
      if (folder == folders_.end()) continue;
      if (event->len > 0) Take(folder->second + "/" + event->name, event->mask, news);
      // The folder is gone: when it comes back it is watched anew.
      if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        watches_.erase(folder->second);
        folders_.erase(folder);
      }
    }
  }
}

// A file that is made by opening it is opened next; one that is linked into the folder is not.
void FolderWatch::Take(const std::string& file, std::uint32_t what, News& news) {
  if ((what & IN_CREATE) != 0) {
    if (created_.size() >= kCreatedMax) created_.clear();
    created_.insert(file);
    written_.erase(file);
  } else if ((what & IN_MODIFY) != 0 || ((what & IN_OPEN) != 0 && created_.contains(file))) {
    written_.insert(file);
    created_.erase(file);
  } else if ((what & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0) {
    written_.erase(file);
    created_.erase(file);
  }
  if ((what & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) news.completed.insert(file);
}

void FolderWatch::Stop() { eventfd_write(stop_.get(), 1); }

}  // namespace busker::catalogue

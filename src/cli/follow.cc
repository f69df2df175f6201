#include "cli/follow.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "base/time.h"

namespace busker::cli {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;  // a longer line is handed on in pieces
constexpr Milliseconds kLookAfter{200};

}  // namespace

Result<void> FollowLog(const io::fs::path& attempt_folder, int stop_fd,
                       const std::function<void(std::string_view)>& use,
                       const std::function<void()>& looked) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> look_at;
  const auto handed_on = [&](std::string_view bytes) {
    use(bytes);
    if (looked && !look_at) look_at = Clock::now() + kLookAfter;
  };
  const io::Descriptor changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes.valid() ||
      inotify_add_watch(changes.get(), attempt_folder.c_str(),
                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0) {
    return SystemError("follow " + attempt_folder.string(), errno);
  }
  attempt::LogReader reader(attempt_folder);
  for (;;) {
    // First ask whether it has ended, then read: so nothing written before the end is missed.
    std::error_code error;
    const bool ended = io::fs::exists(attempt_folder / attempt::kExitFile, error) ||
                       !io::fs::exists(attempt_folder, error);
    TRY(reader.ReadNew(handed_on));
    if (ended) return {};
    if (look_at && Clock::now() >= *look_at) {
      looked();
      look_at.reset();
    }
    const int wait_ms =
        look_at ? static_cast<int>(std::chrono::ceil<Milliseconds>(*look_at - Clock::now()).count())
                : -1;
    pollfd waits[2] = {{changes.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
    if (poll(waits, stop_fd >= 0 ? 2 : 1, std::max(wait_ms, look_at ? 0 : -1)) < 0 &&
        errno != EINTR) {
      return SystemError("follow " + attempt_folder.string(), errno);
    }
    if (stop_fd >= 0 && waits[1].revents != 0) return reader.ReadNew(use);
    char buffer[4096];
    while (::read(changes.get(), buffer, sizeof buffer) > 0) {
    }
  }
}

void LineCutter::Add(std::string_view bytes) {
  rest_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    use_(std::string_view(rest_).substr(begin, end - begin));
  }
  rest_.erase(0, begin);
  if (rest_.size() <= kLineBytesMax) return;
  // Of a progress bar only the last state is shown.
  const auto restart = rest_.find_last_not_of(" \t\r");
  const auto before = restart == std::string::npos ? restart : rest_.rfind('\r', restart);
  if (before == std::string::npos) return Flush();
  rest_.erase(0, before + 1);
  if (rest_.size() > kLineBytesMax) Flush();
}

void LineCutter::Flush() {
  if (!rest_.empty()) use_(rest_);
  rest_.clear();
}

}  // namespace busker::cli

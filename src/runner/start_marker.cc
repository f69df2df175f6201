#include "runner/start_marker.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "artifact/json_object.h"
#include "io/boot.h"
#include "runner/attempt_file.h"
#include "runner/memory_group.h"

namespace busker::runner {
namespace {

constexpr int kHolderBytes = 11;  // the first line of the lock file; the marker begins behind it
constexpr long long kTicksPerSecond = 100;  // in /proc/PID/stat, on every machine that we run on

// Since boot. A process that asks has started before, or in the same tick.
std::uint64_t TicksNow() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec * kTicksPerSecond +
                                    now.tv_nsec / (1'000'000'000 / kTicksPerSecond));
}

// Adds text to a buffer that is large enough.
char* Put(char* to, std::string_view text) {
  for (const char c : text) *to++ = c;
  return to;
}
char* Put(char* to, std::uint64_t number) { return std::to_chars(to, to + 20, number).ptr; }

}  // namespace

Result<AttemptLock> AttemptLock::Take(const io::fs::path& attempt_folder) {
  const io::fs::path path = attempt_folder / kLockFile;
  TRY_ASSIGN(auto at_once, io::FileLock::TryTake(path));
  auto lock = at_once ? Result<io::FileLock>(*std::move(at_once))
                      : io::FileLock::Take(path, Milliseconds(300));
  if (!lock && lock.error().kind == ErrorKind::kTimedOut) {
    return Temporary(fmt::format("this attempt has a runner already, process {}",
                                 HolderIn(io::ReadFile(path).value_or(""))));
  }
  if (!lock) return tl::unexpected(std::move(lock).error());
  char before[kHolderBytes];
  const ssize_t count = ::pread(lock->fd(), before, sizeof before, 0);
  const pid_t holder_before = count > 0 ? HolderIn({before, static_cast<std::size_t>(count)}) : 0;
  const std::string holder = fmt::format("{:<{}}\n", getpid(), kHolderBytes - 1);
  if (::pwrite(lock->fd(), holder.data(), holder.size(), 0) != kHolderBytes) {
    return SystemError("write " + path.string(), errno);
  }
  return AttemptLock(*std::move(lock), holder_before);
}

Result<PendingMarker> PendingMarker::Prepare(const AttemptLock& lock,
                                             const io::fs::path& attempt_folder,
                                             const StartMarker& marker, bool synced) {
  PendingMarker pending;
  pending.lock_ = lock.fd();
  if (lseek(lock.fd(), 0, SEEK_END) > kHolderBytes && ftruncate(lock.fd(), kHolderBytes) != 0) {
    return SystemError("write " + (attempt_folder / kLockFile).string(), errno);
  }
  if (synced) {
    TRY_ASSIGN(pending.folder_, io::Open(attempt_folder, O_RDONLY | O_DIRECTORY));
  }
  pending.text_ = fmt::format(
      "{{\n  \"started_at\": \"{}\",\n  \"command_started_at\": \"{}\",\n  \"boot\": \"{}\",\n"
      "  \"memory_group\": {}",
      FormatRfc3339(marker.started_at), FormatRfc3339(marker.command_started_at), io::BootId(),
      artifact::JsonBytes(marker.memory_group.string()).dump());
  return pending;
}

bool PendingMarker::Write() const {
  char rest[128];
  char* end = Put(rest, ",\n  \"session\": ");
  end = Put(end, static_cast<std::uint64_t>(getpid()));
  end = Put(end, ",\n  \"session_started_ticks\": ");
  end = Put(end, TicksNow());
  end = Put(end, "\n}\n");
  // Whole only with its last line, which comes with the second call.
  const auto size = static_cast<ssize_t>(text_.size());
  if (::pwrite(lock_, text_.data(), text_.size(), kHolderBytes) != size) return false;
  if (::pwrite(lock_, rest, static_cast<std::size_t>(end - rest), kHolderBytes + size) !=
      end - rest) {
    return false;
  }
  return !folder_.valid() || (fsync(lock_) == 0 && fsync(folder_.get()) == 0);
}

Result<std::optional<StartMarker>> ReadStartMarker(const io::fs::path& attempt_folder) {
  const auto text = io::ReadFile(attempt_folder / kLockFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  if (text->size() <= kHolderBytes) return std::nullopt;
  const auto value =
      artifact::ParseOwnJson(std::string_view(*text).substr(kHolderBytes), kLockFile);
  if (!value) return std::nullopt;
  StartMarker marker;
  std::string memory_group;  // any bytes
  artifact::JsonObject in(*value, kLockFile);
  in.Get("started_at", marker.started_at);
  in.Get("command_started_at", marker.command_started_at);
  in.Get("session", marker.session.leader);
  in.Get("session_started_ticks", marker.session.leader_started);
  in.Get("boot", marker.session.boot);
  in.GetBytes("memory_group", memory_group);
  if (!in.Done()) return std::nullopt;
  marker.memory_group = memory_group;
  return marker;
}

pid_t HolderIn(const std::string& lock_text) {
  pid_t holder = 0;
  std::from_chars(lock_text.data(), lock_text.data() + lock_text.size(), holder);
  return holder;
}

int EndLeftovers(const StartMarker& marker, const std::string& mark) {
  int ended = 0;
  std::error_code error;
  if (!marker.memory_group.empty() && io::fs::is_directory(marker.memory_group, error)) {
    ended += MemoryGroup::KillAll(marker.memory_group);
    MemoryGroup::Remove(marker.memory_group);
  }
  ended += KillSession(marker.session);
  return mark.empty() ? ended : ended + KillMarked(mark);
}

}  // namespace busker::runner

#include "runner/start_marker.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "attempt/folder.h"
#include "base/json_object.h"
#include "io/boot.h"
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

// What is there when the marker's process was ended between its two writes, or the machine before
// either was on disk: the command had not been started. A whole marker that lost a bit does not
// look like this, for what comes last would have to be missing.
bool IsBeginning(std::string_view json) {
  while (!json.empty() && json.back() == '\0') json.remove_suffix(1);
  if (json.empty()) return true;
  const auto value = ParseOwnJson(std::string(json) + "}", attempt::kLockFile);
  return value && value->is_object() && value->contains("memory_group") &&
         !value->contains("session");
}

}  // namespace

Result<AttemptLock> AttemptLock::Take(const io::fs::path& attempt_folder) {
  const io::fs::path path = attempt_folder / attempt::kLockFile;
  auto lock = io::FileLock::Take(path, Milliseconds(300));
  if (!lock && lock.error().kind == ErrorKind::kTimedOut) {
    return Temporary(fmt::format("this attempt has a runner already, process {}",
                                 attempt::HolderIn(io::ReadFile(path).value_or(""))));
  }
  if (!lock) return tl::unexpected(std::move(lock).error());
  char before[kHolderBytes];
  const ssize_t count = ::pread(lock->fd(), before, sizeof before, 0);
  const pid_t holder_before =
      count > 0 ? attempt::HolderIn({before, static_cast<std::size_t>(count)}) : 0;
  const std::string holder = fmt::format("{:<{}}\n", getpid(), kHolderBytes - 1);
  if (::pwrite(lock->fd(), holder.data(), holder.size(), 0) != kHolderBytes) {
    return SystemError("write " + path.string(), errno);
  }
  return AttemptLock(*std::move(lock), holder_before);
}

Result<PendingMarker> PendingMarker::Prepare(const AttemptLock& lock,
                                             const io::fs::path& attempt_folder,
                                             const StartMarker& marker, Durable durable) {
  PendingMarker pending;
  pending.lock_ = lock.fd();
  if (lseek(lock.fd(), 0, SEEK_END) > kHolderBytes && ftruncate(lock.fd(), kHolderBytes) != 0) {
    return SystemError("write " + (attempt_folder / attempt::kLockFile).string(), errno);
  }
  pending.synced_ = durable != Durable::kNothing;
  const int folders = durable == Durable::kWithPath ? 3 : durable == Durable::kInFolder ? 1 : 0;
  io::fs::path folder = attempt_folder;
  for (int i = 0; i < folders; ++i, folder = folder.parent_path()) {
    TRY_ASSIGN(io::Descriptor fd, io::Open(folder, O_RDONLY | O_DIRECTORY));
    pending.folders_.push_back(std::move(fd));
  }
  pending.text_ = fmt::format(
      "{{\n  \"started_at\": \"{}\",\n  \"command_started_at\": \"{}\",\n  \"boot\": \"{}\",\n"
      "  \"memory_group\": {},\n  \"mark\": {}",
      FormatRfc3339(marker.started_at), FormatRfc3339(marker.command_started_at), io::BootId(),
      JsonBytes(marker.memory_group.string()).dump(), JsonBytes(marker.mark).dump());
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
  if (synced_ && fsync(lock_) != 0) return false;
  return std::all_of(folders_.begin(), folders_.end(),
                     [](const io::Descriptor& folder) { return fsync(folder.get()) == 0; });
}

Result<std::optional<StartMarker>> ReadStartMarker(const io::fs::path& attempt_folder) {
  const auto text = io::ReadFile(attempt_folder / attempt::kLockFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  if (text->size() <= kHolderBytes) return std::nullopt;
  const std::string json = text->substr(kHolderBytes);
  if (IsBeginning(json)) return std::nullopt;
  StartMarker marker;
  marker.damaged = true;
  const auto value = ParseOwnJson(json, attempt::kLockFile);
  if (!value) return marker;
  StartMarker whole;
  std::string memory_group;  // any bytes
  JsonObject in(*value, attempt::kLockFile);
  in.Get("started_at", whole.started_at);
  in.Get("command_started_at", whole.command_started_at);
  in.Get("session", whole.session.leader);
  in.Get("session_started_ticks", whole.session.leader_started);
  in.Get("boot", whole.session.boot);
  in.GetBytes("memory_group", memory_group);
  if (!in.Member("mark").is_null()) in.GetBytes("mark", whole.mark);  // of an earlier version: none
  in.RefuseOthers();
  if (!in.Done() || whole.started_at == Instant{}) return marker;
  whole.memory_group = memory_group;
  return whole;
}

int EndLeftovers(const StartMarker& marker, const std::string& mark) {
  std::error_code error;
  if (!marker.memory_group.empty() && io::fs::is_directory(marker.memory_group, error)) {
    MemoryGroup::KillAll(marker.memory_group);
    MemoryGroup::Remove(marker.memory_group);
  }
  const Killed session = KillSession(marker.session);
  return mark.empty() ? session.left : std::max(session.left, KillMarked(mark).left);
}

}  // namespace busker::runner

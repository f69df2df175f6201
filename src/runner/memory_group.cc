#include "runner/memory_group.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

constexpr std::string_view kProcessPrefix = "busker-runner-";
constexpr auto kPatience = std::chrono::milliseconds(5);

std::string TextOf(const fs::path& path) { return io::ReadFile(path).value_or(std::string()); }

// The number behind `name` in lines like "oom_kill 3".
std::optional<std::uint64_t> CountIn(const std::string& text, std::string_view name) {
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') continue;
    std::uint64_t count = 0;
    const char* const begin = line.data() + name.size() + 1;
    if (std::from_chars(begin, line.data() + line.size(), count).ec == std::errc()) return count;
  }
  return std::nullopt;
}

bool HasWord(const std::string& text, char separator, std::string_view word) {
  const auto words = Split(Trim(text), separator);
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool PassesMemoryOn(const fs::path& cgroup) {
  return HasWord(TextOf(cgroup / "cgroup.subtree_control"), ' ', "memory");
}

bool IsDelegated(const fs::path& cgroup) {
  char value[8];
  return getxattr(cgroup.c_str(), "user.delegate", value, sizeof value) > 0 ||
         getxattr(cgroup.c_str(), "trusted.delegate", value, sizeof value) > 0;
}

// Where a group for the command can be made without leaving the limits that we are under.
std::optional<fs::path> ParentFor(const MemoryCgroup& ours) {
  if (ours.version == 1) return ours.folder;
  if (ours.version == 0) return std::nullopt;
  if (PassesMemoryOn(ours.folder)) return ours.folder;
  const fs::path parent = ours.folder.parent_path();
  if (ours.folder != ours.mount && IsDelegated(parent) && PassesMemoryOn(parent)) return parent;
  return std::nullopt;
}

fs::path CountFile(const fs::path& cgroup, int version) {
  return cgroup / (version == 1 ? "memory.oom_control" : "memory.events");
}

std::optional<std::string> NameFor(const fs::path& attempt_folder) {
  struct stat info {};
  if (stat(attempt_folder.c_str(), &info) != 0) return std::nullopt;
  return fmt::format("busker-attempt-{:x}-{}", info.st_dev, info.st_ino);
}

// Removes the groups of processes that live no more; one that still holds any stays.
void RemoveOfTheDead(const fs::path& parent) {
  std::error_code error;
  fs::directory_iterator entry(parent, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kProcessPrefix)) continue;
    pid_t process = 0;
    std::from_chars(name.data() + kProcessPrefix.size(), name.data() + name.size(), process);
    if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) ::rmdir(entry->path().c_str());
  }
}

// A new, empty group, in place of what an earlier runner left.
bool MakeAnew(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0755) == 0) return true;
  if (errno != EEXIST) return false;
  MemoryGroup::KillAll(folder);
  MemoryGroup::Remove(folder);
  return ::mkdir(folder.c_str(), 0755) == 0;
}

}  // namespace

MemoryCgroup FindMemoryCgroup(const std::string& cgroup, const std::string& mountinfo) {
  std::string path;  // /proc/PID/cgroup: "ID:CONTROLLERS:PATH", no controllers for v2
  int version = 0;
  for (const std::string& line : Split(cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v1 = HasWord(controllers, ',', "memory");
    if (!v1 && (!controllers.empty() || version != 0)) continue;
    version = v1 ? 1 : 2;
    path = line.substr(second + 1);
  }
  // proc(5), mountinfo: ID PARENT DEVICE ROOT MOUNT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS
  for (const std::string& line : Split(mountinfo, '\n')) {
    const auto words = Split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const bool right = version == 1 ? dash[1] == "cgroup" && HasWord(dash[3], ',', "memory")
                                    : version == 2 && dash[1] == "cgroup2";
    const std::string& root = words[3];
    if (!right || (root != "/" && !path.starts_with(root))) continue;
    const fs::path below = fs::path(root == "/" ? path : path.substr(root.size())).relative_path();
    return {words[4], below.empty() ? fs::path(words[4]) : words[4] / below, version};
  }
  return {};
}

MemoryGroup MemoryGroup::Make(const fs::path& attempt_folder, bool is_contained) {
  return MakeNamed(NameFor(attempt_folder), is_contained);
}

MemoryGroup MemoryGroup::MakeForProcess() {
  MemoryGroup group = MakeNamed(fmt::format("{}{}", kProcessPrefix, getpid()));
  if (!group.folder_.empty()) RemoveOfTheDead(group.folder_.parent_path());
  return group;
}

MemoryGroup MemoryGroup::MakeNamed(const std::optional<std::string>& name, bool is_contained) {
  MemoryGroup group;
  const MemoryCgroup ours =
      FindMemoryCgroup(TextOf("/proc/self/cgroup"), TextOf("/proc/self/mountinfo"));
  const auto parent = ParentFor(ours);
  const auto open_counts = [&](const fs::path& file) {
    auto counts = io::Open(file, O_RDONLY);
    group.counts_ = counts ? std::move(*counts) : io::Descriptor();
    return group.Count();
  };
  if (parent && name && MakeAnew(*parent / *name)) {
    const fs::path folder = *parent / *name;
    // A thread that moves itself by way of v1's `tasks` does not wait for the grace period (10 ms
    // here) that a move by cgroup.procs costs.
    auto entry = io::Open(folder / (ours.version == 1 ? "tasks" : "cgroup.procs"), O_WRONLY);
    if (entry && open_counts(CountFile(folder, ours.version))) {
      group.folder_ = folder;
      group.entry_ = std::move(*entry);
      return group;
    }
    ::rmdir(folder.c_str());
  }
  const fs::path own = CountFile(ours.folder, ours.version);
  for (const fs::path& file : {own, fs::path("/proc/vmstat")}) {
    const auto count = open_counts(file);
    if (!count) continue;
    group.is_ours_alone_ = is_contained && file == own;
    group.kills_before_ = group.kills_seen_ = *count;
    break;
  }
  return group;
}

void MemoryGroup::Enter() const {
  // A failure leaves the command in our own group, where a kill is still seen by its signal.
  if (entry_.valid() && ::write(entry_.get(), "0", 1) != 1) return;
}

std::uint64_t MemoryGroup::Kills() {
  const auto count = Count();
  if (count) kills_seen_ = *count;
  return kills_seen_ > kills_before_ ? kills_seen_ - kills_before_ : 0;
}

void MemoryGroup::Restart() {
  if (!own()) (void)Kills();  // others are counted, too, and go on meanwhile
  kills_before_ = kills_seen_;
}

std::optional<std::uint64_t> MemoryGroup::Count() const {
  char text[16 << 10];  // /proc/vmstat is the largest
  std::size_t size = 0;
  std::optional<std::uint64_t> found;
  while (counts_.valid() && !found && size < sizeof text) {
    const ssize_t count =
        ::pread(counts_.get(), text + size, sizeof text - size, static_cast<off_t>(size));
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
    // A number at the very end could go on with the next read: it ends with its line.
    const auto whole = std::string_view(text, size).rfind('\n');
    if (whole != std::string_view::npos) found = CountIn(std::string(text, whole), "oom_kill");
  }
  return found;
}

int MemoryGroup::KillAll(const fs::path& folder) {
  int killed = 0;
  for (int round = 0; round < 200; ++round) {
    const auto processes = Split(Trim(TextOf(folder / "cgroup.procs")), '\n');
    if (processes.size() == 1 && processes.front().empty()) return killed;
    for (const std::string& text : processes) {
      pid_t process = 0;
      std::from_chars(text.data(), text.data() + text.size(), process);
      if (process > 1 && process != getpid() && kill(process, SIGKILL) == 0 && round == 0) ++killed;
    }
    std::this_thread::sleep_for(kPatience);
  }
  return killed;
}

void MemoryGroup::Remove(const fs::path& folder) {
  // A process that was just reaped can hold the group for a moment.
  for (int round = 0; round < 20; ++round) {
    if (::rmdir(folder.c_str()) == 0 || errno != EBUSY) return;
    std::this_thread::sleep_for(kPatience);
  }
}

}  // namespace busker::runner

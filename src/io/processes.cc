#include "io/processes.h"

#include <unistd.h>

#include <charconv>
#include <set>

#include "base/text.h"
#include "io/file.h"

namespace busker::io {
namespace {

template <typename Number>
std::optional<Number> NumberIn(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

fs::path FolderOf(pid_t process) { return "/proc/" + std::to_string(process); }
std::string Read(const fs::path& path) { return ReadFile(path).value_or(std::string()); }

// The children of each thread of `process`; nullopt when the kernel does not list children.
std::optional<std::vector<pid_t>> ChildrenOf(pid_t process) {
  std::vector<pid_t> children;
  std::error_code error;
  fs::directory_iterator entry(FolderOf(process) / "task", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto text = ReadFile(entry->path() / "children");
    if (!text && process == getpid()) return std::nullopt;
    if (!text) continue;
    for (const std::string& word : Split(*text, ' ')) {
      if (const auto child = NumberIn<pid_t>(word)) children.push_back(*child);
    }
  }
  return children;
}

// For kernels without /proc/PID/task/TID/children: by the parents of all processes.
std::vector<pid_t> ChildrenByParents(pid_t process) {
  std::vector<pid_t> children;
  for (const pid_t each : AllProcesses()) {
    const auto stat = StatOf(each);
    if (stat && stat->parent == process) children.push_back(each);
  }
  return children;
}

}  // namespace

// The fields behind the name, which is in parentheses and may hold any.
std::optional<ProcessStat> StatOf(pid_t process) {
  static const long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
  const std::string text = Read(FolderOf(process) / "stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = Split(Trim(std::string_view(text).substr(name_end + 1)), ' ');
  if (fields.size() < 22 || fields[0].size() != 1) return std::nullopt;
  const auto parent = NumberIn<pid_t>(fields[1]);
  const auto session = NumberIn<pid_t>(fields[3]);
  const auto started = NumberIn<std::uint64_t>(fields[19]);
  if (!parent || !session || !started) return std::nullopt;
  ProcessStat stat{fields[0][0], *parent, *session, *started, {}, 0};
  std::int64_t used = 0;
  for (std::size_t i = 11; i <= 14; ++i) used += NumberIn<std::int64_t>(fields[i]).value_or(0);
  stat.cpu = std::chrono::milliseconds(used * 1000 / ticks);
  stat.resident_bytes =
      NumberIn<std::uint64_t>(fields[21]).value_or(0) * static_cast<std::uint64_t>(page);
  return stat;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> all;
  std::error_code error;
  fs::directory_iterator entry("/proc", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (const auto process = NumberIn<pid_t>(entry->path().filename().string())) {
      all.push_back(*process);
    }
  }
  return all;
}

std::vector<pid_t> DescendantsOf(pid_t process) {
  std::vector<pid_t> found;
  std::set<pid_t> seen = {process};
  std::vector<pid_t> open = {process};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    auto children = ChildrenOf(parent);
    if (!children) children = ChildrenByParents(parent);
    for (const pid_t child : *children) {
      if (!seen.insert(child).second) continue;
      open.push_back(child);
      found.push_back(child);
    }
  }
  return found;
}

// A line of proc_locks(5): "1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF".
std::vector<pid_t> LockHolders(ino_t inode) {
  const std::string wanted = ':' + std::to_string(inode);
  std::vector<pid_t> holders;
  for (const std::string& line : Split(Read("/proc/locks"), '\n')) {
    std::vector<std::string> fields = Split(line, ' ');
    std::erase(fields, "");
    // One that waits has an arrow before its kind.
    if (fields.size() < 6 || fields[1] != "FLOCK" || !fields[5].ends_with(wanted)) continue;
    const auto holder = NumberIn<pid_t>(fields[4]);
    if (holder && *holder > 0) holders.push_back(*holder);  // 0: it is not seen from here
  }
  return holders;
}

bool HasInEnvironment(pid_t process, std::string_view entry) {
  const std::string environment = Read(FolderOf(process) / "environ");
  const std::string whole =
      std::string(entry) + '\0';  // each entry ends with NUL; before the first there is none
  return environment.starts_with(whole) || environment.find('\0' + whole) != std::string::npos;
}

}  // namespace busker::io

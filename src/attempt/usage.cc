#include "attempt/usage.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "attempt/folder.h"
#include "io/processes.h"

namespace busker::attempt {

namespace {

// The first process of a container has noted the number that it has there, which is that of this
// machine's own first process: then the kernel knows who holds the lock.
std::vector<pid_t> RunnersBy(const io::fs::path& lock) {
  constexpr pid_t kFirst = 1;
  const pid_t noted = HolderIn(io::ReadFile(lock).value_or(""));
  if (noted <= 0) return {};
  if (noted != kFirst) return {noted};
  struct stat info {};
  if (::stat(lock.c_str(), &info) != 0) return {};
  return io::LockHolders(info.st_ino);
}

// What descends from `runner`; nothing where that is not the attempt's, as its number may be
// another's by now: what a runner started for this attempt, and nobody else, says so in its
// environment.
std::vector<pid_t> CommandOf(const Name& name, pid_t runner) {
  std::vector<pid_t> processes = io::DescendantsOf(runner);
  const std::string entry = EntryOf(name);
  const bool is_its = std::any_of(processes.begin(), processes.end(), [&](pid_t process) {
    return io::HasInEnvironment(process, entry);
  });
  if (!is_its) processes.clear();
  return processes;
}

}  // namespace

std::optional<Usage> UsageOf(const Name& name, const io::fs::path& folder) {
  std::vector<pid_t> processes;
  for (const pid_t runner : RunnersBy(folder / kLockFile)) {
    processes = CommandOf(name, runner);
    if (!processes.empty()) break;
  }
  if (processes.empty()) return std::nullopt;
  Usage usage;
  for (const pid_t process : processes) {
    const auto stat = io::StatOf(process);
    if (!stat) continue;
    usage.cpu += stat->cpu;
    usage.memory_bytes += stat->resident_bytes;
    ++usage.processes;
  }
  return usage;
}

}  // namespace busker::attempt

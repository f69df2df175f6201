#include "attempt/usage.h"

#include <algorithm>
#include <vector>

#include "attempt/folder.h"
#include "io/processes.h"

namespace busker::attempt {

std::optional<Usage> UsageOf(const Name& name, const io::fs::path& folder) {
  const pid_t runner = HolderIn(io::ReadFile(folder / kLockFile).value_or(""));
  if (runner <= 0) return std::nullopt;
  // The number may be another process's by now, or one of a container: what the runner started for
  // this attempt, and nobody else, says so in its environment.
  const std::vector<pid_t> processes = io::DescendantsOf(runner);
  const std::string entry = EntryOf(name);
  const bool is_its = std::any_of(processes.begin(), processes.end(), [&](pid_t process) {
    return io::HasInEnvironment(process, entry);
  });
  if (!is_its) return std::nullopt;
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

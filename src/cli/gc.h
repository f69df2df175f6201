// busker gc: removes what is left of versions that were never published, copies of busker-runner
// that no machine fetches any more, and, where it is told of what age, versions that nothing needs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cli/verbs.h"

namespace busker::cli {

struct GcOptions {
  bool dry_run = false;                   // only looks
  std::optional<std::string> older_than;  // versions of that age, a duration such as 90d
  std::size_t keep = 10;                  // so many of each action stay, whatever their age
  std::optional<std::string> take_back;   // a retired version, and nothing else is done
};
Result<int> Gc(const Common& common, const GcOptions& options);

}  // namespace busker::cli

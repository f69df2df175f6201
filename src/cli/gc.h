// busker gc: removes what is left of versions that were never published, and copies of
// busker-runner that no machine fetches any more.
#pragma once

#include "cli/verbs.h"

namespace busker::cli {

struct GcOptions {
  bool dry_run = false;
};
Result<int> Gc(const Common& common, const GcOptions& options);

}  // namespace busker::cli

// What an attempt that runs on this machine uses at the moment, asked of the kernel: it costs the
// runner nothing, and whoever does not ask nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "attempt/name.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::attempt {

struct Usage {
  // Of the command and all that descends from it, as far as their end was waited for: what was
  // orphaned and has ended is missing, so it may become less.
  Milliseconds cpu{};
  std::uint64_t memory_bytes = 0;  // resident in all of them; what two share counts twice
  std::uint64_t processes = 0;
};

// `folder`: of the attempt. nullopt: its command does not run, or runs where it is not seen from
// here (another machine, or a container whose engine has a kernel of its own). Any thread.
std::optional<Usage> UsageOf(const Name& name, const io::fs::path& folder);

}  // namespace busker::attempt

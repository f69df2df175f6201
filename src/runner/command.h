// Running the command to its end: output, limits, and everything that it started.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "attempt/log.h"
#include "base/result.h"
#include "base/time.h"
#include "runner/launch.h"
#include "runner/masker.h"
#include "runner/signals.h"

namespace busker::runner {

struct Limits {
  std::optional<Milliseconds> timeout;  // of the command's own process
  Milliseconds grace{};                 // from SIGTERM to SIGKILL
};

struct CommandEnd {
  int wait_status = 0;  // of the command's own process, as of wait(2)
  bool timed_out = false, cancelled = false;
  bool killed = false;          // its own process was sent SIGKILL by us
  std::size_t left_behind = 0;  // processes that lived on after it and were ended
  std::size_t stuck = 0;        // processes that even SIGKILL did not end
  Instant started_at{}, ended_at{};
  Milliseconds cpu_user{}, cpu_system{};
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t output_bytes = 0;
  std::string last_output;  // when it failed: what it wrote that says why (runner/last_output.h)
};

// Starts the command (where its output goes is made here) and returns when it and all its
// descendants have ended. Its output goes to `log`, durable at most a second later, without what
// `secrets` match; nothing else ever sees it with them.
//
// When `limits.timeout` has passed, or `signals` says cancel, all processes get SIGTERM, and
// SIGKILL after `limits.grace`. Those that live on after the command's own process has ended get a
// moment to end by themselves, then the same with at most 5 s of grace.
//
// `marker` is written right before it starts; `meanwhile` is called once it runs. An Error means
// that the program was not started. Output that could not be stored counts as cut in the log, and
// the command goes on.
Result<CommandEnd> RunCommand(Launch launch, const MemoryGroup& group, const Limits& limits,
                              Signals& signals, const Patterns& secrets, attempt::LogWriter& log,
                              const PendingMarker& marker, const std::function<void()>& meanwhile);

}  // namespace busker::runner

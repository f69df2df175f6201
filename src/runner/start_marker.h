// `started`: written durably right before the command runs, so that no later runner runs it again,
// and with what is needed to end what it left running.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"
#include "runner/process_tree.h"

namespace busker::runner {

inline constexpr char kStartedFile[] = "started";

struct StartMarker {
  Instant started_at{};  // the runner began
  Instant command_started_at{};
  SessionId session;          // of the command
  io::fs::path memory_group;  // its cgroup; empty without one
};

Result<void> WriteStartMarker(const io::fs::path& attempt_folder, const StartMarker& marker);

// nullopt when the command was never started.
Result<std::optional<StartMarker>> ReadStartMarker(const io::fs::path& attempt_folder);

// Kills what an earlier runner left running when it died: the command's cgroup, its session, and
// what carries `mark` (an environment entry; empty: none). Returns how many processes there were.
int EndLeftovers(const StartMarker& marker, const std::string& mark);

}  // namespace busker::runner

// The folder of an attempt: what is in it, and what it tells.
//
//   attempt.json  conductor -> runner: what to do (attempt/order.h); there where the runner is
//                 started for this attempt alone. Any other is sent it (attempt/channel.h)
//   lock          held (flock) by the runner while it lives; holds its process id and, once the
//                 command was about to start, the start marker (runner/start_marker.h)
//   log, log.*    the output of the command (attempt/log.h)
//   work/         the working folder of the command; one of Busker's own steps leaves there, in
//                 result.json, what it came to
//   runner.err    what the runner itself had to complain of
//   exit.json     runner -> conductor: how it ended (attempt/exit_record.h); written last, durable
//
// The lock tells whether the runner lives; exit.json tells how the attempt ended. When the runner
// died in between, a manifest that names the same run, task and attempt is the evidence instead.
#pragma once

#include <sys/types.h>

#include <string>

#include "attempt/name.h"
#include "io/file.h"

namespace busker::attempt {

inline constexpr char kOrderFile[] = "attempt.json";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kLogFile[] = "log";
inline constexpr char kWorkFolder[] = "work";
inline constexpr char kResultFile[] = "result.json";
inline constexpr char kErrorFile[] = "runner.err";
inline constexpr char kExitFile[] = "exit.json";

// RUNS/RUN/TASK.NUMBER.
io::fs::path FolderOf(const io::fs::path& runs_folder, const Name& name);

// The process that held the attempt's lock last, from the text of the lock file; 0: none.
pid_t HolderIn(const std::string& lock_text);

}  // namespace busker::attempt

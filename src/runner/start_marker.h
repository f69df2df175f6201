// The start marker: written right before the command runs, so that no later runner runs it again,
// and with what is needed to end what it left running. It stands in the attempt's lock file, behind
// the line with the runner's process id.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"
#include "runner/process_tree.h"

namespace busker::runner {

struct StartMarker {
  Instant started_at{};  // the runner began
  Instant command_started_at{};
  SessionId session;          // of the command
  io::fs::path memory_group;  // its cgroup; empty without one
  std::string mark = {};      // of the order; empty: not known
  bool damaged = false;       // it was written, and cannot be read any more: the rest is not known
};

// The lock of an attempt, held by its runner while it lives.
class AttemptLock {
 public:
  // Takes it and notes this process's id in it; a marker that is there stays. The child of a runner
  // that was killed right between fork and exec holds the lock, too, for the moment until it has
  // died: so it is waited for a little. kTemporary when another runner holds it.
  static Result<AttemptLock> Take(const io::fs::path& attempt_folder);

  int fd() const { return lock_.fd(); }
  pid_t holder_before() const { return holder_before_; }  // 0: none

 private:
  AttemptLock(io::FileLock lock, pid_t holder_before)
      : lock_(std::move(lock)), holder_before_(holder_before) {}
  io::FileLock lock_;
  pid_t holder_before_;
};

// A marker that the command's own process completes: only it knows its id in time.
class PendingMarker {
 public:
  // What is on disk when Write returns.
  enum class Durable {
    kNothing,
    kInFolder,  // the marker, in the attempt's folder
    kWithPath,  // and that folder, RUN/TASK.N, in the one of all attempts
  };
  // In place of a marker that is there.
  static Result<PendingMarker> Prepare(const AttemptLock& lock, const io::fs::path& attempt_folder,
                                       const StartMarker& marker, Durable durable);

  // Notes the calling process as the session. Makes system calls only; false: see errno.
  bool Write() const;

 private:
  PendingMarker() = default;
  int lock_ = -1;
  bool synced_ = false;
  std::vector<io::Descriptor> folders_;  // to be synced, too
  std::string text_;                     // up to the session
};

// nullopt when the command was never started: then there is no marker, or the beginning of one,
// which is what the end of its runner or of the machine leaves. What is neither that nor a whole
// one is `damaged`.
Result<std::optional<StartMarker>> ReadStartMarker(const io::fs::path& attempt_folder);

// Kills what an earlier runner left running when it died: the command's cgroup, its session, and
// what carries `mark` (an environment entry; empty: none). Returns how many processes could not be
// ended.
int EndLeftovers(const StartMarker& marker, const std::string& mark);

}  // namespace busker::runner

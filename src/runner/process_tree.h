// All processes that descend from this one. As a subreaper, this process becomes the parent of
// every descendant whose own parent has ended, so that none leaves the tree, whatever it forked or
// setsid.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace busker::runner {

// Makes this process the reaper of its orphaned descendants.
Result<void> BecomeSubreaper();

// The living descendants (zombies are none), from /proc. A process that is just being forked can be
// missed: who wants to end all asks again until no child is left.
std::vector<pid_t> Descendants();

// Sends `signal` to each; a stopped process is continued unless it is killed anyway. Those that
// have ended meanwhile are passed over (their ids stay theirs until their parent has reaped them).
void SignalAll(const std::vector<pid_t>& processes, int signal);

// A session, as it is found again by another process after a crash.
struct SessionId {
  pid_t leader = 0;
  std::uint64_t leader_started = 0;  // in clock ticks since boot: not before the leader's own start
  std::string boot;                  // of the kernel's boot
};
SessionId SessionOf(pid_t leader);

struct Killed {
  int ended = 0;
  int left = 0;  // those that even SIGKILL did not end, or that belong to another user
};

// Kills what still lives of the session, and what it starts meanwhile. A session of another boot,
// or one whose number has been given to a new leader, is left alone. Waits for their end, at most 5
// s.
Killed KillSession(const SessionId& session);

// The same for every process with this entry ("NAME=value") in its environment: for those that have
// left the session.
Killed KillMarked(const std::string& entry);

}  // namespace busker::runner

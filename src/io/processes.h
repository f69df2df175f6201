// The processes of this machine, as the kernel tells of them in /proc (proc(5)). Of another user's
// process, or where there is no /proc, less is known, or nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace busker::io {

struct ProcessStat {
  char state = '?';  // 'Z': it has ended, and its parent was not told yet
  pid_t parent = 0, session = 0;
  std::uint64_t started = 0;        // in clock ticks since boot
  std::chrono::milliseconds cpu{};  // of it, and of its children that it has waited for
  std::uint64_t resident_bytes = 0;
};

// nullopt: there is no such process.
std::optional<ProcessStat> StatOf(pid_t process);

std::vector<pid_t> AllProcesses();

// All that descend from `process`, zombies too, without itself. One that is just being forked can
// be missed.
std::vector<pid_t> DescendantsOf(pid_t process);

// Whether the process was started with this entry ("NAME=value") in its environment; false also
// when that cannot be read.
bool HasInEnvironment(pid_t process, std::string_view entry);

// Those that hold a lock (flock) on a file with this inode, whose number alone is compared: file
// systems do not agree with the kernel on the other half of a file's name.
std::vector<pid_t> LockHolders(ino_t inode);

}  // namespace busker::io

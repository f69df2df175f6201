// A cgroup of the command's own, so that the kernel's count of out-of-memory kills is about it
// alone.
//
// With cgroup v1 that is a child of our own memory cgroup; with v2 a child of our own cgroup where
// the memory controller is enabled for its children, or of its parent where that was delegated to
// us (systemd's Delegate=yes). It has no limits of its own: those of the cgroups above hold for it,
// too. Where no such cgroup can be made, the count of our own cgroup, or of the whole machine, is
// watched instead; it is shared with others and therefore only evidence. But a container's cgroup
// is the attempt's own already.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

class MemoryGroup {
 public:
  // For the attempt in this folder: the group's name is made of the folder's device and inode, so
  // that one that a killed runner of the same attempt left behind is found, emptied and made anew.
  // Never fails: what cannot be made is done without.
  // `is_contained`: we are the first process of a container that has nothing but this attempt.
  static MemoryGroup Make(const io::fs::path& attempt_folder, bool is_contained = false);
  // For one attempt after another of this process. Those of such processes that have died are
  // removed, when nothing is left in them.
  static MemoryGroup MakeForProcess();
  MemoryGroup(MemoryGroup&&) = default;
  MemoryGroup& operator=(MemoryGroup&&) = default;

  // Moves the calling process into the group, when there is one. For the child between fork and
  // exec: makes system calls only.
  void Enter() const;

  // Does the count tell about the command alone?
  bool own() const { return is_ours_alone_ || !folder_.empty(); }

  // Out-of-memory kills since Make, or since the last Restart.
  std::uint64_t Kills();
  void Restart();

  // Where it is; empty without one. For who has to find it again after a crash.
  const io::fs::path& folder() const { return folder_; }

  // SIGKILL to every process in the group at `folder`. Returns how many there were.
  static int KillAll(const io::fs::path& folder);

  // Removes the group; its processes must have ended.
  static void Remove(const io::fs::path& folder);

 private:
  MemoryGroup() = default;
  static MemoryGroup MakeNamed(const std::optional<std::string>& name, bool is_contained = false);
  std::optional<std::uint64_t> Count() const;

  io::fs::path folder_;         // of the group that was made
  bool is_ours_alone_ = false;  // the cgroup that we were started in
  io::Descriptor counts_;       // the file with the count; none: there is none
  std::uint64_t kills_before_ = 0, kills_seen_ = 0;
  io::Descriptor entry_;  // writing "0" here moves the writer in
};

// The memory cgroups that a process is in, read from the texts of its /proc/PID/cgroup and
// /proc/PID/mountinfo. For tests apart.
struct MemoryCgroup {
  io::fs::path mount;   // where the hierarchy is mounted
  io::fs::path folder;  // ours, below mount
  int version = 0;      // 1 or 2; 0: there is none
};
MemoryCgroup FindMemoryCgroup(const std::string& cgroup, const std::string& mountinfo);

}  // namespace busker::runner

// Disks that are full or cannot be written, for tests only. They are mounted where the rights for
// it are there; a mount is seen by this process and its children alone.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>

#include "io/file.h"

namespace busker::io {

// Mounts of this process are its own from now on. False without the rights.
inline bool OwnMounts() {
  static const bool own = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                          mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return own;
}

// An empty disk of the size ("1m") at the existing `folder`.
class SmallDisk {
 public:
  SmallDisk(const fs::path& folder, const std::string& size) : folder_(folder) {
    mounted_ =
        OwnMounts() && mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  const fs::path folder_;
  bool mounted_ = false;
};

// A folder that cannot be written: mounted read-only, which holds for root, too, else by
// permissions.
class ReadOnlyFolder {
 public:
  explicit ReadOnlyFolder(const fs::path& folder) : folder_(folder) {
    mounted_ =
        OwnMounts() && mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
        mount("none", folder.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
    if (!mounted_) fs::permissions(folder_, fs::perms(0555));
  }
  ReadOnlyFolder(const ReadOnlyFolder&) = delete;
  ReadOnlyFolder& operator=(const ReadOnlyFolder&) = delete;
  ~ReadOnlyFolder() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
    if (!mounted_) fs::permissions(folder_, fs::perms(0755));
  }

 private:
  const fs::path folder_;
  bool mounted_ = false;
};

}  // namespace busker::io

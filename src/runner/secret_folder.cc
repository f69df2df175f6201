#include "runner/secret_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "io/digest.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

// Writes nothing to a disk but what is swapped.
bool IsInMemory(const fs::path& place) {
  struct statfs info {};
  if (statfs(place.c_str(), &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

}  // namespace

SecretFolder::SecretFolder(const fs::path& attempt_folder, const fs::path& place) : place_(place) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(attempt_folder, error);
  path_ = place / ("busker-" + io::Sha256Of(real.string()).substr(0, 32));
}

Result<void> SecretFolder::Make() const {
  if (!IsInMemory(place_)) {
    return Failed(
        fmt::format("{} is not in memory (a tmpfs), so secrets cannot be put there as files; mount "
                    "one there, or "
                    "take them as = \"environment\"",
                    place_.string()));
  }
  TRY(Remove());
  // Others can make folders in the place, but not in ours, and not ours once it is there.
  if (::mkdir(path_.c_str(), 0700) == 0 && ::chmod(path_.c_str(), 0700) == 0) return {};
  return SystemError("make the folder of secrets " + path_.string(), errno);
}

Result<fs::path> SecretFolder::Put(const std::string& name, std::string_view value) const {
  const fs::path path = path_ / name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
  if (fd < 0 && errno == EEXIST) return path;
  if (fd < 0) return SystemError("write " + path.string(), errno);
  const io::Descriptor file(fd);
  TRY(io::WriteAll(fd, value, path));
  if (fchmod(fd, 0400) != 0) return SystemError("write " + path.string(), errno);
  return path;
}

Result<void> SecretFolder::Remove() const {
  struct stat info {};
  if (lstat(path_.c_str(), &info) != 0) return {};
  return io::RemoveTree(path_);
}

}  // namespace busker::runner

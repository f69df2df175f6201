#include "runner/secret_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

// Writes nothing to a disk but what is swapped.
bool IsInMemory(const fs::path& place) {
  struct statfs info {};
  if (statfs(place.c_str(), &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

constexpr std::string_view kPrefix = "busker-";
constexpr std::size_t kRandomBytes = 16;

std::string RandomName() {
  unsigned char bytes[kRandomBytes];
  CHECK(getrandom(bytes, sizeof bytes, 0) == sizeof bytes, "the system has random numbers");
  std::string name(kPrefix);
  for (const unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

// One that RandomName made, and so none that leads elsewhere.
bool IsOurs(std::string_view name) {
  return name.size() == kPrefix.size() + 2 * kRandomBytes && name.starts_with(kPrefix) &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string::npos;
}

}  // namespace

SecretFolder::SecretFolder(const fs::path& attempt_folder, const fs::path& place)
    : place_(place), note_(attempt_folder / kSecretsNote) {
  const std::string name = io::ReadFile(note_, 256).value_or("");
  if (IsOurs(name)) path_ = place_ / name;
}

Result<void> SecretFolder::Make() {
  if (!IsInMemory(place_)) {
    return Failed(
        fmt::format("{} is not in memory (a tmpfs), so secrets cannot be put there as files; mount "
                    "one there, or "
                    "take them as = \"environment\"",
                    place_.string()));
  }
  TRY(Remove());
  const std::string name = RandomName();
  TRY(io::WriteFileUnsynced(note_, name, 0600));  // what is in memory goes with the power, too
  path_ = place_ / name;
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

Result<void> SecretFolder::Remove() {
  if (path_.empty()) return {};
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0) TRY(io::RemoveTree(path_));
  path_.clear();
  ::unlink(note_.c_str());
  return {};
}

}  // namespace busker::runner

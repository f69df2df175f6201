#include "io/temporary_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace busker::io {
namespace {

// Another process may take one that is not locked yet for one that was left, so this many times.
constexpr int kTriesMax = 20;

bool IsSame(const fs::path& path, int fd) {
  struct stat by_name {
  }, by_descriptor{};
  return lstat(path.c_str(), &by_name) == 0 && fstat(fd, &by_descriptor) == 0 &&
         by_name.st_dev == by_descriptor.st_dev && by_name.st_ino == by_descriptor.st_ino;
}

// Removes the folder at the path if nobody holds it and it is this user's. Best effort.
void RemoveLeft(const fs::path& path) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!fd.valid() || fstat(fd.get(), &found) != 0 || found.st_uid != geteuid()) return;
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || !IsSame(path, fd.get())) return;
  (void)RemoveTree(path);
}

void RemoveWhatWasLeft(const fs::path& parent, std::string_view stem) {
  // As TemporaryPath names them; of "serving" and "serving-more" each its own.
  const std::string begin = TemporaryPath("", stem).string();
  const std::size_t digits = begin.size() - begin.rfind('-');
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_one = name.size() == begin.size() &&
                        name.compare(0, name.size() - digits, begin, 0, begin.size() - digits) == 0;
    if (is_one) RemoveLeft(entry->path());
  }
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::Make(const fs::path& parent, std::string_view stem) {
  TRY(MakeFolders(parent, 0700));
  RemoveWhatWasLeft(parent, stem);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const fs::path path = TemporaryPath(parent, stem);
    if (mkdir(path.c_str(), 0700) != 0) return SystemError("make " + path.string(), errno);
    TemporaryFolder made(path);
    made.held_ = Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made.held_.valid()) continue;  // somebody has removed it already
    // A file system without locks: it is in nobody's way, and is not removed by others either.
    if (flock(made.held_.get(), LOCK_EX) != 0 || IsSame(path, made.held_.get())) return made;
  }
  return Temporary("make a temporary folder in " + parent.string() +
                   ": others remove each, as if it were left over");
}

Result<TemporaryFolder> TemporaryFolder::Make(std::string_view stem) {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  return Make(error ? fs::path("/tmp") : temporary, stem);
}

}  // namespace busker::io

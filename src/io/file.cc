#include "io/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <thread>

namespace busker::io {
namespace {

std::string Named(std::string_view verb, const fs::path& path) {
  return std::string(verb) + " " + path.string();
}

Result<void> Sync(int fd, const fs::path& path) {
  if (fsync(fd) != 0) return SystemError(Named("sync", path), errno);
  return {};
}

// Writes `text` to a new temporary file beside `path` and syncs it, unless told not to. The caller
// renames or links it.
Result<fs::path> WriteTemporary(const fs::path& path, std::string_view text, mode_t mode,
                                bool synced = true) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temporary = TemporaryPath(folder, path.filename().string());
  TRY_ASSIGN(Descriptor fd, Open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
  auto written = WriteAll(fd.get(), text, path);
  if (written && synced) written = Sync(fd.get(), path);
  if (!written) {
    ::unlink(temporary.c_str());
    return tl::unexpected(std::move(written).error());
  }
  return temporary;
}

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Makes the folder and those above it that are missing, and adds them to `made`, uppermost first.
// They are synced together afterwards: a file system with a journal then writes it once.
Result<void> MakeMissing(const fs::path& path, mode_t mode, std::vector<fs::path>& made) {
  int made_it = ::mkdir(path.c_str(), mode);
  if (made_it != 0 && errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    TRY(MakeMissing(path.parent_path(), mode, made));
    made_it = ::mkdir(path.c_str(), mode);
  }
  if (made_it == 0) {
    made.push_back(path);
    return {};
  }
  const int reason = errno;
  if (reason != EEXIST) return SystemError(Named("create folder", path), reason);
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  return Failed(Named("create folder", path) + ": something else has this name");
}

// Gives their owner, who is to remove them, all rights to the folders at and below `path`. What is
// no folder, and where links lead to, stays as it is.
void OpenFolders(const fs::path& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return;
  if ((info.st_mode & S_IRWXU) != S_IRWXU) (void)::chmod(path.c_str(), info.st_mode | S_IRWXU);
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    OpenFolders(entry->path());
  }
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Descriptor::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Descriptor> Open(const fs::path& path, int flags, mode_t mode) {
  const std::string_view verb = (flags & O_CREAT) != 0 ? "create" : "open";
  // Somebody may have put a pipe in the file's place, and open(2) would wait for its other end.
  Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, mode));
  if (!fd.valid() && errno == ENXIO) return Invalid(Named(verb, path) + ": it is not a file");
  if (!fd.valid()) return SystemError(Named(verb, path), errno);
  struct stat info {};
  if ((flags & O_PATH) == 0 && fstat(fd.get(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    return Invalid(Named(verb, path) + ": it is a pipe, not a file");
  }
  return fd;
}

Result<std::string> ReadFile(const fs::path& path, std::uint64_t bytes_max) {
  TRY_ASSIGN(const Descriptor fd, Open(path, O_RDONLY | O_NOCTTY));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return SystemError(Named("read", path), errno);
  if (S_ISDIR(info.st_mode)) return Invalid(Named("read", path) + ": it is a folder");
  if (!S_ISREG(info.st_mode)) return Invalid(Named("read", path) + ": it is not a file");
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(Named("read", path), errno);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > bytes_max) {
      return Invalid(Named("read", path) + ": larger than the limit of " +
                     std::to_string(bytes_max) + " bytes");
    }
  }
}

Result<void> WriteAll(int fd, std::string_view text, const fs::path& path_for_errors) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(Named("write", path_for_errors), errno);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> WriteFileAtomically(const fs::path& path, std::string_view text, mode_t mode) {
  TRY_ASSIGN(const fs::path temporary, WriteTemporary(path, text, mode));
  auto renamed = Rename(temporary, path);
  if (!renamed) ::unlink(temporary.c_str());
  return renamed;
}

Result<void> WriteFileUnsynced(const fs::path& path, std::string_view text, mode_t mode) {
  TRY_ASSIGN(const fs::path temporary, WriteTemporary(path, text, mode, false));
  if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int reason = errno;
  ::unlink(temporary.c_str());
  return SystemError(Named("write", path), reason);
}

Result<bool> CreateFileAtomically(const fs::path& path, std::string_view text, mode_t mode) {
  TRY_ASSIGN(const Descriptor folder, Open(FolderOf(path), O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(const fs::path temporary, WriteTemporary(path, text, mode));
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int reason = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && reason == EEXIST) return false;
  if (linked != 0) return SystemError(Named("create", path), reason);
  if (auto synced = Sync(folder.get(), path); !synced) {
    ::unlink(path.c_str());  // not created, says the error: so it is not to be there
    return tl::unexpected(std::move(synced).error());
  }
  return true;
}

Result<void> MakeFolders(const fs::path& wanted, mode_t mode) {
  // "a/b/" is "a/b": else the folder that holds the new entry would be taken for a/b itself.
  const fs::path path =
      wanted.has_filename() || !wanted.has_relative_path() ? wanted : wanted.parent_path();
  std::vector<fs::path> made;
  TRY(MakeMissing(path, mode, made));
  for (const fs::path& folder : made) TRY(SyncFolder(FolderOf(folder)));
  return {};
}

void SpreadFolders(const fs::path& folder) {
  const auto fd = Open(folder, O_RDONLY | O_DIRECTORY);
  int flags = 0;  // an int, whatever the ioctl's number says
  if (!fd || ioctl(fd->get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)ioctl(fd->get(), FS_IOC_SETFLAGS, &flags);
}

Result<void> SyncFolder(const fs::path& path) {
  TRY_ASSIGN(const Descriptor fd, Open(path, O_RDONLY | O_DIRECTORY));
  return Sync(fd.get(), path);
}

Result<void> Rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return SystemError(Named("write", to), errno);
  return SyncFolder(FolderOf(to));
}

Result<void> RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error == std::errc::permission_denied) {
    // Copies of repositories and of module caches have folders that their owner may not write to.
    OpenFolders(path);
    error.clear();
    fs::remove_all(path, error);
  }
  if (error) return Failed(Named("remove", path) + ": " + error.message());
  return {};
}

Result<std::vector<std::string>> ListFiles(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return NotFound(Named("list", folder) + ": no such folder");
  }
  const fs::path root = fs::canonical(folder, error);
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::file_status status = entry->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) continue;
    const std::string name = entry->path().lexically_relative(folder).generic_string();
    bool is_file = fs::is_regular_file(status);
    if (fs::is_symlink(status)) {
      std::error_code broken;
      const fs::path target = fs::canonical(entry->path(), broken);
      const auto [inside, _] =
          std::mismatch(root.begin(), root.end(), target.begin(), target.end());
      is_file = !broken && inside == root.end() && fs::is_regular_file(target, broken);
    }
    if (!is_file) {
      return Invalid(Named("list", folder) + ": " + name +
                     " is neither a regular file nor a link to one in the same folder");
    }
    files.push_back(name);
  }
  if (error) return Failed(Named("list", folder) + ": " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

fs::path TemporaryPath(const fs::path& folder, std::string_view stem) {
  std::uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random)
    random = static_cast<std::uint64_t>(getpid());
  char name[32];
  std::snprintf(name, sizeof name, "-%016llx", static_cast<unsigned long long>(random));
  // A long stem is cut, so that every file whose name is allowed can have a temporary beside it.
  return folder / (".tmp-" + std::string(stem.substr(0, 200)) + name);
}

Result<std::optional<FileLock>> FileLock::TryTake(const fs::path& path) {
  TRY_ASSIGN(Descriptor fd, Open(path, O_RDWR | O_CREAT, 0600));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK || errno == EINTR) return std::nullopt;
    return SystemError(Named("lock", path), errno);
  }
  struct stat held {};
  struct stat there {};
  const bool same = fstat(fd.get(), &held) == 0 && stat(path.c_str(), &there) == 0 &&
                    held.st_ino == there.st_ino && held.st_dev == there.st_dev;
  if (!same) return std::nullopt;
  return FileLock(std::move(fd));
}

Result<FileLock> FileLock::Take(const fs::path& path, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kPauseMax{20};
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + limit;
  std::chrono::milliseconds pause{1};
  for (;;) {
    TRY_ASSIGN(auto lock, TryTake(path));
    if (lock) return *std::move(lock);
    const Clock::duration left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) {
      return TimedOut(Named("lock", path) + ": still held by another process");
    }
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, left));
    pause = std::min(2 * pause, kPauseMax);
  }
}

}  // namespace busker::io

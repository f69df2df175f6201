// Files that are either there, whole and durable, or not there.
//
// "Durable" below means: survives a power cut once the call has returned, as far as the file system
// keeps what fsync promises. Every error names the path and what the system said.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace busker::io {

namespace fs = std::filesystem;

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// Opens with O_CLOEXEC; `flags`, `mode` as for open(2). A pipe is kInvalid, and never waited for.
Result<Descriptor> Open(const fs::path& path, int flags, mode_t mode = 0644);

// The whole file. More than `bytes_max` bytes is an error (kInvalid), as is a folder.
Result<std::string> ReadFile(const fs::path& path, std::uint64_t bytes_max = 64u << 20);

// Writes all of `text` at the descriptor's position.
Result<void> WriteAll(int fd, std::string_view text, const fs::path& path_for_errors);

// Replaces `path` by a file that holds `text`, durably: temporary file beside it, fsync, rename,
// fsync of the folder. A reader sees the old file or the new one. Creates no folders.
Result<void> WriteFileAtomically(const fs::path& path, std::string_view text, mode_t mode = 0644);

// The same without the syncs: survives the death of this process, but after a power cut the file
// can be gone, empty, or hold zeros.
Result<void> WriteFileUnsynced(const fs::path& path, std::string_view text, mode_t mode = 0644);

// As WriteFileAtomically, except that an existing `path` is left alone and false is returned.
Result<bool> CreateFileAtomically(const fs::path& path, std::string_view text, mode_t mode = 0644);

// Creates the folder and its parents, each durably linked into its parent; existing ones are fine.
Result<void> MakeFolders(const fs::path& path, mode_t mode = 0755);

// A hint: the folders in this one have nothing to do with each other, so their contents need not be
// near each other on the disk (ext4's attribute T, chattr(1)). Where other files were removed
// lately, ext4 looks long for room for a new one (300 us where 30 would do), and by this it looks
// elsewhere. A file system that knows nothing of it does without.
void SpreadFolders(const fs::path& folder);

Result<void> SyncFolder(const fs::path& path);                  // fsync of a folder
Result<void> Rename(const fs::path& from, const fs::path& to);  // then fsync of to's folder
Result<void> RemoveTree(const fs::path& path);                  // nothing there is fine

// The regular files below `folder`, as sorted relative paths with '/'. Symbolic links to regular
// files below `folder` itself count as files; other links, sockets and devices are an error
// (kInvalid) that names the entry. A missing folder is kNotFound.
Result<std::vector<std::string>> ListFiles(const fs::path& folder);

// A path that no other process uses, in `folder`: ".tmp-<stem>-<random>". Nothing is created.
fs::path TemporaryPath(const fs::path& folder, std::string_view stem);

// An exclusive advisory lock on a file (flock), created when missing; held until destruction or the
// death of the process, never inherited by children. Any thread; two threads exclude each other,
// too.
class FileLock {
 public:
  // nullopt when another holds it. So it is when the file was removed or replaced before it could
  // be locked: a lock on a file that is no longer at `path` excludes nobody.
  static Result<std::optional<FileLock>> TryTake(const fs::path& path);
  // Tries at once and then again after pauses that grow from 1 ms to 20 ms; kTimedOut after
  // `limit`.
  static Result<FileLock> Take(const fs::path& path, std::chrono::milliseconds limit);

  int fd() const { return fd_.get(); }  // of the file, open for reading and writing

 private:
  explicit FileLock(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace busker::io

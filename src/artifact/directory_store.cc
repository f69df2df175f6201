#include "artifact/directory_store.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "artifact/clearable_store.h"
#include "artifact/key.h"
#include "artifact/store_faults.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kUnfinished = ".tmp-";
constexpr char kLockName[] = ".tmp-lock";
constexpr std::chrono::milliseconds kLockWait = std::chrono::seconds(30);

bool IsUnfinished(const fs::path& path) {
  return path.filename().native().starts_with(kUnfinished);
}

Instant WrittenAt(const struct stat& info) {
  return Instant(std::chrono::duration_cast<Milliseconds>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

// A value that is written anew is another file.
std::uint64_t MarkOf(const struct stat& info) {
  constexpr std::uint64_t kBillion = 1'000'000'000, kSpread = 0x9E3779B97F4A7C15;
  const auto written = static_cast<std::uint64_t>(info.st_mtim.tv_sec) * kBillion +
                       static_cast<std::uint64_t>(info.st_mtim.tv_nsec);
  return written + static_cast<std::uint64_t>(info.st_ino) * kSpread;
}

// nullopt: there is none any more.
std::optional<struct stat> LookAt(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  return info;
}

// Of a file, or of all that is in a folder.
Instant NewestIn(const fs::path& path) {
  const auto info = LookAt(path);
  Instant newest = info ? WrittenAt(*info) : Instant{};
  if (!info || !S_ISDIR(info->st_mode)) return newest;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (const auto one = LookAt(entry.path())) newest = std::max(newest, WrittenAt(*one));
  }
  return newest;
}

bool IsGone(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// Held for a few writes only, so who finds it taken tries again soon.
Result<io::FileLock> TakeLock(const fs::path& path, const io::Interrupt& interrupt) {
  constexpr std::chrono::milliseconds kSlice{200};
  for (auto left = kLockWait; left > left.zero(); left -= kSlice) {
    TRY(io::CheckStillWanted(interrupt));
    auto lock = io::FileLock::Take(path, kSlice);
    if (lock || lock.error().kind != ErrorKind::kTimedOut) return lock;
  }
  return Temporary("lock " + path.string() + ": still held by another process");
}

class DirectoryStore : public ClearableStore {
 public:
  explicit DirectoryStore(fs::path root) : root_(std::move(root)) {}

  std::string Url() const override { return "file://" + root_.string(); }

  Result<std::string> UrlOf(const std::string& key) const override {
    TRY(CheckKey(key));
    return "file://" + (root_ / key).string();
  }

  Result<io::FileDigest> PutFile(const std::string& key, const fs::path& from,
                                 const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const fs::path path, PathToWrite(key, interrupt));
    const fs::path temporary = io::TemporaryPath(path.parent_path(), "put");
    TRY_ASSIGN(io::FileDigest digest, io::CopyFile(from, temporary, interrupt));
    if (auto renamed = io::Rename(temporary, path); !renamed) {
      ::unlink(temporary.c_str());
      return tl::unexpected(std::move(renamed).error());
    }
    return digest;
  }

  Result<FileDigests> PutFiles(const std::string& prefix, const fs::path& folder,
                               std::span<const std::string> files,
                               const io::Interrupt& interrupt) override {
    FileDigests digests;
    for (const std::string& file : files) {
      TRY_ASSIGN(digests[file], PutFile(prefix + "/" + file, folder / file, interrupt));
    }
    return digests;
  }

  Result<void> PutText(const std::string& key, const std::string& text,
                       const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const fs::path path, PathToWrite(key, interrupt));
    return io::WriteFileAtomically(path, text);
  }

  Result<bool> CreateText(const std::string& key, const std::string& text,
                          const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const fs::path path, PathToWrite(key, interrupt));
    return io::CreateFileAtomically(path, text);
  }

  Result<bool> ReplaceText(const std::string& key, const std::optional<std::string>& expected,
                           const std::string& text, const io::Interrupt& interrupt) override {
    if (!expected) return CreateText(key, text, interrupt);
    TRY(CheckKey(key));
    const fs::path path = root_ / key;
    TRY_ASSIGN(const io::FileLock lock, TakeLock(root_ / kLockName, interrupt));
    auto present = GetText(key, interrupt, expected->size());
    if (!present && present.error().kind == ErrorKind::kNotFound) return false;
    if (!present && present.error().kind == ErrorKind::kInvalid) return false;  // longer
    if (!present) return tl::unexpected(std::move(present).error());
    if (*present != *expected) return false;
    TRY(io::WriteFileAtomically(path, text));
    return true;
  }

  Result<io::FileDigest> GetFile(const std::string& key, const fs::path& to,
                                 const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const fs::path path, PathToRead(key, interrupt));
    if (to.has_parent_path()) TRY(io::MakeFolders(to.parent_path()));
    TRY_ASSIGN(io::FileDigest digest, io::CopyFile(path, to, interrupt));
    if (auto synced = io::SyncFolder(to.has_parent_path() ? to.parent_path() : "."); !synced) {
      ::unlink(to.c_str());
      return tl::unexpected(std::move(synced).error());
    }
    return digest;
  }

  Result<FileDigests> GetFiles(const std::string& prefix, std::span<const std::string> files,
                               const fs::path& folder, const io::Interrupt& interrupt) override {
    FileDigests digests;
    for (const std::string& file : files) {
      auto digest = GetFile(prefix + "/" + file, folder / file, interrupt);
      if (!digest) {
        for (const auto& [got, _] : digests) ::unlink((folder / got).c_str());
        return tl::unexpected(std::move(digest).error());
      }
      digests[file] = *std::move(digest);
    }
    return digests;
  }

  Result<io::FileDigest> Digest(const std::string& key, const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const fs::path path, PathToRead(key, interrupt));
    return io::DigestFile(path, interrupt);
  }

  Result<void> Verify(const std::string& prefix, const FileDigests& files,
                      const io::Interrupt& interrupt) override {
    for (const auto& [file, expected] : files) {
      const std::string key = prefix + "/" + file;
      TRY_ASSIGN(const io::FileDigest digest, Digest(key, interrupt));
      if (digest != expected) return NotWhatWasStored(*this, key, "its SHA-256 is another");
    }
    return {};
  }

  Result<std::string> GetText(const std::string& key, const io::Interrupt& interrupt,
                              std::uint64_t bytes_max) override {
    TRY_ASSIGN(const fs::path path, PathToRead(key, interrupt));
    return io::ReadFile(path, bytes_max);
  }

  std::vector<Result<std::string>> GetTexts(std::span<const std::string> keys,
                                            const io::Interrupt& interrupt,
                                            std::uint64_t bytes_max) override {
    std::vector<Result<std::string>> texts;
    for (const std::string& key : keys) texts.push_back(GetText(key, interrupt, bytes_max));
    return texts;
  }

  Result<std::vector<std::string>> List(const std::string& prefix,
                                        const io::Interrupt& interrupt) override {
    TRY(io::CheckStillWanted(interrupt));
    TRY_ASSIGN(const fs::path folder, FolderOf(prefix));
    std::vector<std::string> keys;
    TRY(AddKeys(folder, prefix, keys, interrupt));
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  Result<std::vector<Written>> ListWritten(const std::string& prefix,
                                           const io::Interrupt& interrupt) override {
    TRY_ASSIGN(const auto keys, List(prefix, interrupt));
    std::vector<Written> values;
    for (const std::string& key : keys) {
      const auto info = LookAt(root_ / key);
      if (!info) continue;
      values.push_back(
          {key, static_cast<std::uint64_t>(info->st_size), WrittenAt(*info), MarkOf(*info)});
    }
    return values;
  }

  Result<std::vector<std::string>> ListFolders(const std::string& prefix,
                                               const io::Interrupt& interrupt) override {
    TRY(io::CheckStillWanted(interrupt));
    TRY_ASSIGN(const fs::path folder, FolderOf(prefix));
    std::vector<std::string> names;
    TRY(ForEachEntry(folder, interrupt,
                     [&](const fs::directory_entry& entry, bool is_folder) -> Result<bool> {
                       if (!is_folder) return true;
                       TRY_ASSIGN(const bool has_key, HasKey(entry.path(), interrupt));
                       if (has_key) names.push_back(entry.path().filename().string());
                       return true;
                     }));
    std::sort(names.begin(), names.end());
    return names;
  }

  // The folder leaves under an unfinished name first, so that nobody sees a part of it, whatever
  // happens to us meanwhile.
  Result<void> RemoveAll(const std::string& prefix, const io::Interrupt& interrupt) override {
    TRY(CheckKey(prefix));
    TRY(io::CheckStillWanted(interrupt));
    const fs::path folder = root_ / prefix;
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(folder, error))) return {};
    const fs::path leaving = io::TemporaryPath(folder.parent_path(), "removed");
    auto renamed = io::Rename(folder, leaving);
    if (!renamed && renamed.error().kind == ErrorKind::kNotFound) return {};
    TRY(renamed);
    return io::RemoveTree(leaving);
  }

  // Under the lock of ReplaceText, so that what it puts there stays.
  Result<void> Remove(std::span<const Written> values, const io::Interrupt& interrupt) override {
    for (const Written& value : values) TRY(CheckKey(value.key));
    TRY_ASSIGN(const io::FileLock lock, TakeLock(root_ / kLockName, interrupt));
    for (const Written& value : values) {
      TRY(io::CheckStillWanted(interrupt));
      const fs::path path = root_ / value.key;
      const auto info = LookAt(path);
      if (!info || MarkOf(*info) != value.mark) continue;
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return SystemError("remove " + path.string(), errno);
      }
      RemoveEmptyFolders(fs::path(value.key).parent_path());
    }
    return {};
  }

  Result<std::vector<std::string>> Unfinished(Instant before, bool removes,
                                              const io::Interrupt& interrupt) override {
    std::vector<std::string> found;
    TRY(AddUnfinished(root_, before, found, interrupt));
    std::sort(found.begin(), found.end());
    if (!removes) return found;
    for (const std::string& path : found) {
      TRY(io::CheckStillWanted(interrupt));
      TRY(io::RemoveTree(path));
    }
    return found;
  }

  Result<fs::path> LocalPath(const std::string& key, const fs::path&,
                             const io::Interrupt& interrupt) override {
    return PathToRead(key, interrupt);
  }

 private:
  // Where `key` is to be written; its folders exist.
  Result<fs::path> PathToWrite(const std::string& key, const io::Interrupt& interrupt) const {
    TRY(CheckKey(key));
    TRY(io::CheckStillWanted(interrupt));
    fs::path path = root_ / key;
    TRY(io::MakeFolders(path.parent_path()));
    return path;
  }

  // Where `key` is; kNotFound unless a file is there.
  Result<fs::path> PathToRead(const std::string& key, const io::Interrupt& interrupt) const {
    TRY(CheckKey(key));
    TRY(io::CheckStillWanted(interrupt));
    fs::path path = root_ / key;
    std::error_code error;
    const auto status = fs::status(path, error);
    if (fs::is_regular_file(status)) return path;
    if (error && !IsGone(error)) return Failed("read " + path.string() + ": " + error.message());
    return NothingUnder(*this, key);
  }

  Result<fs::path> FolderOf(const std::string& prefix) const {
    if (prefix.empty()) return root_;
    TRY(CheckKey(prefix));
    return root_ / prefix;
  }

  // `folder` and what it is in, as far as they are empty; not those that many are in, where another
  // may be about to make its own.
  void RemoveEmptyFolders(fs::path folder) const {
    constexpr std::ptrdiff_t kShared = 3;  // NAME/VERSION/ACTION
    for (; std::distance(folder.begin(), folder.end()) > kShared; folder = folder.parent_path()) {
      if (::rmdir((root_ / folder).c_str()) != 0) return;
    }
  }

  Result<void> AddUnfinished(const fs::path& folder, Instant before,
                             std::vector<std::string>& found,
                             const io::Interrupt& interrupt) const {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      TRY(io::CheckStillWanted(interrupt));
      std::error_code gone;
      if (!IsUnfinished(entry->path())) {
        if (fs::is_directory(entry->symlink_status(gone))) {
          TRY(AddUnfinished(entry->path(), before, found, interrupt));
        }
      } else if (entry->path() != root_ / kLockName && NewestIn(entry->path()) < before) {
        found.push_back(entry->path().string());
      }
    }
    if (error && !IsGone(error)) return Failed("list " + folder.string() + ": " + error.message());
    return {};
  }

  // Calls use(entry, is_folder) for the folders and files right in `folder` that are no unfinished
  // ones, until it returns false. What vanishes meanwhile is passed over.
  template <typename Use>
  static Result<void> ForEachEntry(const fs::path& folder, const io::Interrupt& interrupt,
                                   Use&& use) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      TRY(io::CheckStillWanted(interrupt));
      if (IsUnfinished(entry->path())) continue;
      std::error_code gone;
      const bool is_folder = fs::is_directory(entry->symlink_status(gone));
      if (!is_folder && !entry->is_regular_file(gone)) continue;
      TRY_ASSIGN(const bool more, use(*entry, is_folder));
      if (!more) return {};
    }
    if (error && !IsGone(error)) return Failed("list " + folder.string() + ": " + error.message());
    return {};
  }

  static Result<void> AddKeys(const fs::path& folder, const std::string& prefix,
                              std::vector<std::string>& keys, const io::Interrupt& interrupt) {
    return ForEachEntry(folder, interrupt,
                        [&](const fs::directory_entry& entry, bool is_folder) -> Result<bool> {
                          const std::string name = entry.path().filename().string();
                          const std::string key = prefix.empty() ? name : prefix + "/" + name;
                          if (is_folder) TRY(AddKeys(entry.path(), key, keys, interrupt));
                          if (!is_folder) keys.push_back(key);
                          return true;
                        });
  }

  static Result<bool> HasKey(const fs::path& folder, const io::Interrupt& interrupt) {
    bool has = false;
    TRY(ForEachEntry(folder, interrupt,
                     [&](const fs::directory_entry& entry, bool is_folder) -> Result<bool> {
                       has = !is_folder;
                       if (is_folder) {
                         TRY_ASSIGN(has, HasKey(entry.path(), interrupt));
                       }
                       return !has;
                     }));
    return has;
  }

  const fs::path root_;
};

}  // namespace

Result<std::unique_ptr<Store>> OpenDirectoryStore(const fs::path& folder) {
  fs::path root = folder.lexically_normal();
  if (!root.has_filename() && root.has_relative_path()) root = root.parent_path();  // "/a/b/"
  TRY(io::MakeFolders(root));
  return std::make_unique<DirectoryStore>(std::move(root));
}

Result<void> CheckDirectoryUrl(const std::string& url) {
  if (url.starts_with(kScheme) && url.substr(kScheme.size()).starts_with('/') &&
      url.find('\0') == std::string::npos) {
    return {};
  }
  return Invalid(
      fmt::format("\"{}\" names no folder, as file:///absolute/folder does", Printable(url)));
}

Result<std::unique_ptr<Store>> OpenDirectoryUrl(const std::string& url) {
  TRY(CheckDirectoryUrl(url));
  return OpenDirectoryStore(url.substr(kScheme.size()));
}

}  // namespace busker::artifact

#include "attempt/scratch.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace busker::attempt {
namespace {

namespace fs = io::fs;

constexpr std::string_view kPrefix = ".work-";
constexpr mode_t kMode = 0755;

bool IsEmpty(const fs::path& folder) {
  std::error_code error;
  return fs::is_empty(folder, error) && !error;
}

}  // namespace

Scratch::Scratch(const fs::path& attempts_folder, pid_t process)
    : path_(attempts_folder / (std::string(kPrefix) + std::to_string(process))) {}

Result<void> Scratch::MakeReady() {
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0) {
    const bool is_ours =
        made_ == info.st_ino && info.st_mode == (S_IFDIR | kMode) && info.st_uid == geteuid();
    if (is_ours) return {};
    TRY(io::RemoveTree(path_));
  }
  if (::mkdir(path_.c_str(), kMode) != 0 || ::chmod(path_.c_str(), kMode) != 0 ||
      lstat(path_.c_str(), &info) != 0) {
    return SystemError("create folder " + path_.string(), errno);
  }
  made_ = info.st_ino;
  return {};
}

void Scratch::Clear() {
  if (!IsEmpty(path_)) (void)io::RemoveTree(path_);
}

void Scratch::MoveTo(const fs::path& to) {
  struct stat info {};
  if (lstat(path_.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || IsEmpty(path_)) return;
  (void)::chmod(path_.c_str(), kMode);  // who may not write to a folder cannot move it either
  std::error_code error;
  fs::rename(path_, to, error);  // should it fail, MakeReady makes a new one
}

void Scratch::Remove() {
  if (made_) (void)io::RemoveTree(path_);
}

void Scratch::RemoveOfTheDead(const fs::path& attempts_folder) {
  std::error_code error;
  fs::directory_iterator entry(attempts_folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    pid_t process = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), process);
    const bool is_dead = process > 0 && kill(process, 0) != 0 && errno == ESRCH;
    if (is_dead) (void)io::RemoveTree(entry->path());
  }
}

}  // namespace busker::attempt

#include "dispatch/home.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace busker::dispatch {

namespace {

// Who may write to the home decides what is on record, and who holds a token. So one that another
// user has put there, or a link of theirs to anywhere, is not taken.
Result<void> CheckOwner(const io::fs::path& folder, const struct stat& link) {
  struct stat target = link;
  if (S_ISLNK(link.st_mode)) {
    if (link.st_uid != geteuid() && link.st_uid != 0) {
      return Failed(folder.string() +
                    " is a link that another user has made; remove it, or name a home with --home");
    }
    if (stat(folder.c_str(), &target) != 0) {
      return SystemError("look at the home " + folder.string(), errno);
    }
  }
  if (!S_ISDIR(target.st_mode)) return Invalid(folder.string() + " is no folder, so no home");
  if (target.st_uid != geteuid()) {
    return Failed(folder.string() +
                  " belongs to another user; run busker as that user, or name a home of your own "
                  "with --home");
  }
  return {};
}

// Its contents are nobody's source. Not in a folder that may hold other things, too; and what is
// there stays.
void KeepFromGit(const io::fs::path& folder) {
  std::error_code error;
  const io::fs::path file = folder / ".gitignore";
  if (!io::fs::exists(file, error)) (void)io::WriteFileUnsynced(file, "*\n", 0600);
}

}  // namespace

Result<Home> MakeHome(const io::fs::path& folder) {
  struct stat link {};
  const bool is_new = lstat(folder.c_str(), &link) != 0;
  if (!is_new) TRY(CheckOwner(folder, link));
  TRY(io::MakeFolders(folder, 0700));
  // Where a link of the owner's leads, other things may be, too.
  if (!S_ISLNK(link.st_mode) && chmod(folder.c_str(), 0700) != 0 && errno != EPERM) {
    return SystemError("protect " + folder.string(), errno);
  }
  if (is_new || folder.filename() == ".busker") KeepFromGit(folder);
  return Home{folder};
}

std::string OwnerOf(const Home& home) {
  // Nothing is written, so that a home can be looked at where nothing can be.
  const auto file = io::Open(home.OwnerFile(), O_RDONLY);
  if (!file && file.error().kind == ErrorKind::kNotFound) return {};
  if (file && flock(file->get(), LOCK_EX | LOCK_NB) == 0) return {};
  const auto text = io::ReadFile(home.OwnerFile(), 4096);
  const std::string said(text ? Trim(*text) : "");
  return said.empty() ? "another process" : said;  // it is just being written
}

Result<Ownership> Ownership::Take(const Home& home, const std::string& doing,
                                  std::chrono::milliseconds limit) {
  auto lock = io::FileLock::Take(home.OwnerFile(), limit);
  if (!lock && lock.error().kind == ErrorKind::kTimedOut) {
    return Temporary(OwnerOf(home) + " in " + home.folder.string() +
                     "; try again when it has ended, or wait longer with --wait");
  }
  if (!lock) return tl::unexpected(lock.error());
  Ownership ownership(std::move(*lock), home.OwnerFile());
  TRY(ownership.Say(doing));
  return ownership;
}

Result<void> Ownership::Say(const std::string& doing) const {
  // Only told to people, so neither synced nor atomic.
  TRY_ASSIGN(const io::Descriptor fd, io::Open(file_, O_WRONLY | O_TRUNC));
  return io::WriteAll(fd.get(), "process " + std::to_string(getpid()) + " " + doing + "\n", file_);
}

}  // namespace busker::dispatch

#include "home/home.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace busker::home {

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
  if (!S_ISDIR(target.st_mode)) return Invalid(folder.string() + " is not a folder, so not a home");
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
  if (is_new || folder.filename() == kFolder) KeepFromGit(folder);
  return Home{folder};
}

}  // namespace busker::home

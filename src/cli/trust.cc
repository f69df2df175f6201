#include "cli/trust.h"

#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "base/text.h"
#include "io/file.h"

namespace busker::cli {
namespace {

std::string UserName(uid_t user) {
  const passwd* const entry = getpwuid(user);
  return entry != nullptr ? entry->pw_name : fmt::format("number {}", user);
}

// Anybody may put another file into a folder that all may write to, unless only owners may remove
// what is in it (sticky, as /tmp is).
std::string DoubtAbout(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  const bool keeps = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & S_IWOTH) != 0 && !keeps) {
    return fmt::format(
        "every user of this machine may write to {}, and so decide what busker runs; chmod o-w {} "
        "ends that",
        path, path);
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return fmt::format("{} belongs to the user {}, who so decides what busker runs as {}", path,
                       UserName(info.st_uid), UserName(geteuid()));
  }
  return {};
}

}  // namespace

std::vector<std::string> DoubtsAbout(const std::vector<std::string>& files) {
  std::set<std::string> paths;
  for (const std::string& file : files) {
    paths.insert(file);
    paths.insert(io::fs::path(file).parent_path().string());
  }
  std::vector<std::string> doubts;
  for (const std::string& path : paths) {
    if (std::string doubt = DoubtAbout(path); !doubt.empty()) doubts.push_back(std::move(doubt));
  }
  return doubts;
}

void TellDoubts(const std::vector<std::string>& files) {
  for (const std::string& doubt : DoubtsAbout(files)) {
    std::fprintf(stderr, "busker: %s\n", Printable(doubt).c_str());
  }
}

}  // namespace busker::cli

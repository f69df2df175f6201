#include "catalogue/file_triggers.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>

namespace busker::catalogue {
namespace {

constexpr Milliseconds kStill{2000};

Instant ChangedAt(const struct stat& info) {
  return Instant(
      std::chrono::seconds(info.st_mtim.tv_sec) +
      std::chrono::duration_cast<Milliseconds>(std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

// Whether somebody has the file open for writing; nullopt: the kernel does not tell. A lease for
// reading is given when nobody has. Who opens it meanwhile waits a moment, and we hear a signal
// that nobody minds.
std::optional<bool> IsBeingWritten(const std::string& file) {
  const auto fd = io::Open(file, O_RDONLY);
  if (!fd || fcntl(fd->get(), F_SETSIG, SIGURG) != 0) return std::nullopt;
  if (fcntl(fd->get(), F_SETLEASE, F_RDLCK) != 0) {
    if (errno == EAGAIN) return true;
    return std::nullopt;
  }
  fcntl(fd->get(), F_SETLEASE, F_UNLCK);
  return false;
}

}  // namespace

std::vector<std::string> FileTriggers::Folders(const Catalogue& catalogue) {
  std::set<std::string> folders;
  for (const auto& [_, definition] : catalogue.definitions) {
    if (!definition->service || definition->Action().when_file.empty()) continue;
    folders.insert(io::fs::path(definition->Action().when_file).parent_path().string());
  }
  return {folders.begin(), folders.end()};
}

std::vector<FileArrival> FileTriggers::Look(const Catalogue& catalogue,
                                            const std::set<std::string>& completed, Instant now,
                                            const std::set<std::string>& written) {
  std::vector<FileArrival> arrivals;
  unsure_ = false;
  for (const auto& [graph, definition] : catalogue.definitions) {
    if (!definition->service || definition->Action().when_file.empty()) continue;
    const io::fs::path pattern = definition->Action().when_file;
    std::error_code error;
    for (io::fs::directory_iterator entry(pattern.parent_path(), error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string file = entry->path().string();
      struct stat info {};
      if (fnmatch(pattern.filename().c_str(), entry->path().filename().c_str(), FNM_PERIOD) != 0 ||
          stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        continue;
      }
      const std::string key = fmt::format("file:{}:{}:{}:{}.{:09}", graph, file, info.st_ino,
                                          info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
      if (told_.contains(key)) continue;
      const Instant changed_at = ChangedAt(info);
      const bool is_new = changed_at <= now && now - changed_at < kStill;
      if (is_new && !completed.contains(file)) {
        unsure_ = true;
        continue;
      }
      if (IsBeingWritten(file).value_or(written.contains(file))) {
        unsure_ = true;
        continue;
      }
      told_.insert(key);
      arrivals.push_back({graph, file, key});
    }
  }
  return arrivals;
}

}  // namespace busker::catalogue

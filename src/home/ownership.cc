#include "home/ownership.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"

namespace busker::home {

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

}  // namespace busker::home

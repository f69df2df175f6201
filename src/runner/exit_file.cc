#include "runner/exit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "attempt/folder.h"

namespace busker::runner {
namespace {

constexpr char kReservedFile[] = ".tmp-exit";  // one name: a next runner takes it over
constexpr off_t kReservedBytes = 64 << 10;
constexpr std::size_t kUnsyncedBytes = (4 << 10) - 1;
constexpr std::size_t kMessageBytesMax = 4096;

}  // namespace

std::string ExitText(const attempt::ExitRecord& record) {
  if (record.message.size() <= kMessageBytesMax) return attempt::ExitToJson(record);
  attempt::ExitRecord bounded = record;
  bounded.message.resize(kMessageBytesMax);
  bounded.message += "...";
  return attempt::ExitToJson(bounded);
}

Result<void> ExitFile::Reserve() {
  const io::fs::path path = folder_ / kReservedFile;
  TRY_ASSIGN(io::Descriptor fd, io::Open(path, O_WRONLY | O_CREAT));
  if (synced_) {
    const int reason = posix_fallocate(fd.get(), 0, kReservedBytes);
    if (reason != 0) return SystemError("reserve room in " + path.string(), reason);
  } else {
    // Writing reserves as well, and costs a tenth while nothing of it goes to the disk yet. The
    // blanks stay behind the record, which means nothing in JSON and costs nothing.
    TRY(io::WriteAll(fd.get(), std::string(kUnsyncedBytes, ' ') + '\n', path));
  }
  fd_ = std::move(fd);
  return {};
}

Result<void> ExitFile::Write(const std::string& text) {
  std::error_code error;
  if (!fd_.valid() || !io::fs::exists(folder_ / kReservedFile, error)) return WriteAnew(text);
  const io::fs::path path = folder_ / attempt::kExitFile;
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return SystemError("write " + path.string(), errno);
  TRY(io::WriteAll(fd_.get(), text, path));
  if (synced_) {
    if (ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) {
      return SystemError("write " + path.string(), errno);
    }
    if (fsync(fd_.get()) != 0) return SystemError("sync " + path.string(), errno);
    TRY(io::Rename(folder_ / kReservedFile, path));
  } else if (::rename((folder_ / kReservedFile).c_str(), path.c_str()) != 0) {
    return SystemError("write " + path.string(), errno);
  }
  return {};
}

// The command has removed it, perhaps with the whole folder.
Result<void> ExitFile::WriteAnew(const std::string& text) {
  TRY(io::MakeFolders(folder_, 0700));
  return synced_ ? io::WriteFileAtomically(folder_ / attempt::kExitFile, text)
                 : io::WriteFileUnsynced(folder_ / attempt::kExitFile, text);
}

}  // namespace busker::runner

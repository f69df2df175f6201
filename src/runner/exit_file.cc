#include "runner/exit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace busker::runner {
namespace {

constexpr char kReservedFile[] = ".tmp-exit";  // one name: a next runner takes it over
constexpr off_t kReservedBytes = 64 << 10;
constexpr std::size_t kMessageBytesMax = 4096;

}  // namespace

Result<ExitFile> ExitFile::Reserve(const io::fs::path& attempt_folder) {
  const io::fs::path path = attempt_folder / kReservedFile;
  TRY_ASSIGN(io::Descriptor fd, io::Open(path, O_WRONLY | O_CREAT));
  const int reason = posix_fallocate(fd.get(), 0, kReservedBytes);
  if (reason != 0) return SystemError("reserve room in " + path.string(), reason);
  return ExitFile(attempt_folder, std::move(fd));
}

Result<void> ExitFile::Write(const ExitRecord& record) {
  ExitRecord bounded = record;
  if (bounded.message.size() > kMessageBytesMax) {
    bounded.message.resize(kMessageBytesMax);
    bounded.message += "...";
  }
  const std::string text = ExitToJson(bounded);
  const io::fs::path path = folder_ / kExitFile;
  TRY(io::WriteAll(fd_.get(), text, path));
  if (ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) {
    return SystemError("write " + path.string(), errno);
  }
  if (fsync(fd_.get()) != 0) return SystemError("sync " + path.string(), errno);
  return io::Rename(folder_ / kReservedFile, path);
}

}  // namespace busker::runner

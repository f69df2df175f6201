#include "service/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace busker::service {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::optional<std::string>> ReadTextFile(const std::string& path, std::size_t bytes_max) {
  const OpenFile file(path);
  if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (file.get() < 0) return SystemError("read " + path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return SystemError("read " + path, errno);
  if (!S_ISREG(status.st_mode)) return Invalid(path + ": not a file");
  // The size is a hint: the file may change meanwhile, and some have none.
  const auto hint = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  std::string text(std::clamp<std::size_t>(hint, 4095, bytes_max) + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read " + path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size < text.size()) continue;
    if (size > bytes_max) break;
    text.resize(std::min(2 * size, bytes_max + 1));
  }
  text.resize(size);
  return text;
}

}  // namespace busker::service

#include "artifact/gcs_content.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace busker::artifact {
namespace {

std::size_t CopyPart(const std::string& text, std::uint64_t at, char* to, std::size_t count) {
  if (at >= text.size()) return 0;
  const std::size_t some = std::min(count, text.size() - static_cast<std::size_t>(at));
  std::copy_n(text.data() + at, some, to);
  return some;
}

}  // namespace

GcsContent ContentOf(const std::string& text) {
  GcsContent content;
  content.digest = io::DigestOf(text);
  content.type = "text/plain; charset=utf-8";
  content.read = [text](std::uint64_t at, char* to, std::size_t count) -> Result<std::size_t> {
    return CopyPart(text, at, to, count);
  };
  return content;
}

Result<GcsContent> ContentOf(const io::fs::path& file, const io::Interrupt& interrupt) {
  TRY_ASSIGN(io::Descriptor opened, io::Open(file, O_RDONLY));
  struct stat info {};
  if (fstat(opened.get(), &info) != 0) return SystemError("read " + file.string(), errno);
  if (!S_ISREG(info.st_mode)) return Invalid(file.string() + " is not a file");
  GcsContent content;
  content.type = "application/octet-stream";
  content.read = [file, fd = std::make_shared<io::Descriptor>(std::move(opened))](
                     std::uint64_t at, char* to, std::size_t count) -> Result<std::size_t> {
    for (;;) {
      const ssize_t got = ::pread(fd->get(), to, count, static_cast<off_t>(at));
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return SystemError("read " + file.string(), errno);
    }
  };
  TRY_ASSIGN(content.digest, io::DigestFile(file, interrupt));
  return content;
}

io::HttpSource SourceOf(const GcsContent& content, std::uint64_t from, std::uint64_t count,
                        const std::string& before, const std::string& behind, bool may_repeat) {
  io::HttpSource source;
  source.size_bytes = before.size() + count + behind.size();
  const auto at = std::make_shared<std::uint64_t>(0);
  source.read = [=, read = content.read, begin = before.size()](
                    char* to, std::size_t wanted) -> Result<std::size_t> {
    std::size_t some = CopyPart(before, *at, to, wanted);
    if (some == 0 && *at < begin + count) {
      const std::uint64_t gone = *at - begin;
      TRY_ASSIGN(some,
                 read(from + gone, to,
                      static_cast<std::size_t>(std::min<std::uint64_t>(wanted, count - gone))));
    } else if (some == 0) {
      some = CopyPart(behind, *at - begin - count, to, wanted);
    }
    *at += some;
    return some;
  };
  if (may_repeat) {
    source.rewind = [at]() -> Result<void> {
      *at = 0;
      return {};
    };
  }
  return source;
}

}  // namespace busker::artifact

#include "io/http_message.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace busker::io {

Result<HttpSource> FileSource(const fs::path& path) {
  TRY_ASSIGN(Descriptor opened, Open(path, O_RDONLY));
  struct stat info {};
  if (fstat(opened.get(), &info) != 0) return SystemError("read " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return Invalid(path.string() + " is not a file");
  const auto file = std::make_shared<Descriptor>(std::move(opened));
  HttpSource source;
  source.size_bytes = static_cast<std::uint64_t>(info.st_size);
  source.read = [file, path](char* to, std::size_t count) -> Result<std::size_t> {
    for (;;) {
      const ssize_t got = ::read(file->get(), to, count);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return SystemError("read " + path.string(), errno);
    }
  };
  source.rewind = [file, path]() -> Result<void> {
    if (lseek(file->get(), 0, SEEK_SET) == 0) return {};
    return SystemError("read " + path.string(), errno);
  };
  return source;
}

std::string_view HttpResponse::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const HttpHeader& header) { return header.name == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

bool IsHttpToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace busker::io

#include "attempt/handed_secrets.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

namespace busker::attempt {
namespace {

// "values\n", then each as "SIZE\n" and its bytes; or "none\n" and a sentence.
constexpr std::string_view kValues = "values\n", kNone = "none\n";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

tl::unexpected<Error> NothingHanded() {
  return Failed("the secrets of this attempt were not handed to its runner");
}

// Takes what stands up to a line end; nullopt: there is none.
std::optional<std::string_view> TakeLine(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::vector<std::string>> Unpack(std::string_view text) {
  std::vector<std::string> values;
  while (!text.empty()) {
    const auto line = TakeLine(text);
    std::size_t size = 0;
    if (!line) return std::nullopt;
    const auto [end, fault] = std::from_chars(line->data(), line->data() + line->size(), size);
    if (fault != std::errc() || end != line->data() + line->size() || size > text.size()) {
      return std::nullopt;
    }
    values.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return values;
}

}  // namespace

void Wipe(std::string& text) {
  explicit_bzero(text.data(), text.size());
  text.clear();
}

Result<io::Descriptor> HandOver(const Result<std::vector<std::string>>& values) {
  io::Descriptor file(memfd_create("secrets", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return SystemError("make a file in memory", errno);
  std::size_t bytes = 0;
  for (const std::string& value : values.value_or(std::vector<std::string>())) {
    bytes += value.size();
  }
  const bool too_many = bytes > kHandedBytesMax;
  if (!values || too_many) {
    const std::string why =
        too_many ? "the secrets of one attempt may have 128 KiB together" : values.error().message;
    TRY(io::WriteAll(file.get(), std::string(kNone) + why, "a file in memory"));
  } else {
    TRY(io::WriteAll(file.get(), kValues, "a file in memory"));
    for (const std::string& value : *values) {
      TRY(io::WriteAll(file.get(), fmt::format("{}\n", value.size()), "a file in memory"));
      TRY(io::WriteAll(file.get(), value, "a file in memory"));
    }
  }
  if (fcntl(file.get(), F_ADD_SEALS, kSeals) != 0)
    return SystemError("seal a file in memory", errno);
  return file;
}

Result<std::vector<std::string>> TakeHanded(int fd, std::size_t count) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return NothingHanded();
  std::string text(kHandedBytesMax + (64 << 10), '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size();) {
    got = ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  if (const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC); null >= 0) {
    dup2(null, fd);
    ::close(null);
  }
  const std::string_view handed(text.data(), size);
  if (handed.starts_with(kNone)) return Failed(std::string(handed.substr(kNone.size())));
  auto values = handed.starts_with(kValues) ? Unpack(handed.substr(kValues.size())) : std::nullopt;
  Wipe(text);
  if (!values || values->size() != count) return NothingHanded();
  return *std::move(values);
}

}  // namespace busker::attempt

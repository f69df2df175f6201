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

Result<io::Descriptor> InMemory(std::string_view text) {
  io::Descriptor file(memfd_create("secrets", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return SystemError("make a file in memory", errno);
  TRY(io::WriteAll(file.get(), text, "a file in memory"));
  if (fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
    return SystemError("seal a file in memory", errno);
  }
  return file;
}

}  // namespace

std::string PackSecrets(const Result<std::vector<std::string>>& values) {
  if (!values) return std::string(kNone) + values.error().message;
  std::size_t bytes = 0;
  for (const std::string& value : *values) bytes += value.size();
  if (bytes > kHandedBytesMax) {
    return std::string(kNone) + "the secrets of one attempt may have 128 KiB together";
  }
  std::string text(kValues);
  text.reserve(bytes + 64 * values->size() + 64);  // in one place: that it can be wiped
  for (const std::string& value : *values) {
    text += fmt::format("{}\n", value.size());
    text += value;
  }
  return text;
}

Result<std::vector<std::string>> UnpackSecrets(std::string_view packed) {
  if (packed.starts_with(kNone)) return Failed(std::string(packed.substr(kNone.size())));
  auto values = packed.starts_with(kValues) ? Unpack(packed.substr(kValues.size())) : std::nullopt;
  if (!values) return NothingHanded();
  return *std::move(values);
}

void Wipe(std::string& text) {
  explicit_bzero(text.data(), text.size());
  text.clear();
}

Result<io::Descriptor> HandOver(const Result<std::vector<std::string>>& values) {
  std::string text = PackSecrets(values);
  auto file = InMemory(text);
  Wipe(text);
  return file;
}

Result<void> HandOverIn(const io::fs::path& path, const Result<std::vector<std::string>>& values) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return SystemError("replace " + path.string(), errno);
  const io::Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400));
  if (!file.valid()) return SystemError("make " + path.string(), errno);
  std::string text = PackSecrets(values);
  auto written = io::WriteAll(file.get(), text, path.string());
  Wipe(text);
  return written;
}

Result<void> TakeOverFrom(const io::fs::path& path, int fd) {
  TRY_ASSIGN(std::string text, io::ReadFile(path, kHandedBytesMax + (64 << 10)));
  auto file = InMemory(text);
  Wipe(text);
  if (!file) return tl::unexpected(file.error());
  if (dup2(file->get(), fd) < 0) return SystemError("take the secrets", errno);
  return {};
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
  auto values = UnpackSecrets(std::string_view(text).substr(0, size));
  Wipe(text);
  if (values && values->size() != count) return NothingHanded();
  return values;
}

}  // namespace busker::attempt

#include "image/layer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <functional>

#include "base/check.h"
#include "io/digest.h"

namespace busker::image {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kPart = 1u << 18;
constexpr std::uint64_t kInstant = 315'532'800;        // 1980-01-01: zip archives know none before
constexpr std::uint64_t kOctalMax = (1ull << 33) - 1;  // eleven octal digits
constexpr std::size_t kNameMax = 100;
constexpr int kLevel = 6;

using Take = std::function<Result<void>(std::string_view bytes)>;

void PutOctal(char* field, std::size_t width, std::uint64_t value) {
  const std::string digits = fmt::format("{:0{}o}", value, width - 1);
  digits.copy(field, width - 1);
}

// POSIX ustar, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
std::string Header(std::string_view name, char type, std::uint64_t mode, std::uint64_t size_bytes,
                   std::string_view link) {
  std::string block(kBlock, '\0');
  name.substr(0, kNameMax).copy(&block[0], kNameMax);
  PutOctal(&block[100], 8, mode);
  PutOctal(&block[108], 8, 0);  // owner and group: root
  PutOctal(&block[116], 8, 0);
  PutOctal(&block[124], 12, size_bytes <= kOctalMax ? size_bytes : 0);
  PutOctal(&block[136], 12, kInstant);
  block.replace(148, 8, 8, ' ');  // counts as blanks in the sum
  block[156] = type;
  link.substr(0, kNameMax).copy(&block[157], kNameMax);
  block.replace(257, 8, std::string_view("ustar\00000", 8));
  PutOctal(&block[329], 8, 0);
  PutOctal(&block[337], 8, 0);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  PutOctal(&block[148], 7, sum);
  block[154] = '\0';
  return block;
}

std::string Padding(std::uint64_t size_bytes) {
  return std::string((kBlock - size_bytes % kBlock) % kBlock, '\0');
}

// "30 path=...\n": the number counts itself.
std::string Record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

// The header, and before it, for what does not fit into one, an extended header.
std::string Headers(const std::string& path, char type, std::uint64_t mode,
                    std::uint64_t size_bytes, const std::string& link) {
  std::string records;
  if (path.size() > kNameMax) records += Record("path", path);
  if (link.size() > kNameMax) records += Record("linkpath", link);
  if (size_bytes > kOctalMax) records += Record("size", std::to_string(size_bytes));
  std::string text;
  if (!records.empty()) {
    text = Header("pax_header", 'x', 0644, records.size(), "") + records + Padding(records.size());
  }
  return text + Header(path, type, mode, size_bytes, link);
}

Result<void> WriteFile(const std::string& path, const Entry& entry, const Take& take,
                       const io::Interrupt& interrupt) {
  const std::uint64_t mode = entry.is_executable ? 0755 : 0644;
  if (entry.source.empty()) {
    TRY(take(Headers(path, '0', mode, entry.text.size(), "")));
    TRY(take(entry.text));
    return take(Padding(entry.text.size()));
  }
  TRY_ASSIGN(const io::Descriptor file, io::Open(entry.source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat is {};
  if (fstat(file.get(), &is) != 0) return SystemError("look at " + entry.source.string(), errno);
  if (!S_ISREG(is.st_mode)) {
    return Temporary(entry.source.string() + " is no longer a file; build again");
  }
  const auto size_bytes = static_cast<std::uint64_t>(is.st_size);
  TRY(take(Headers(path, '0', mode, size_bytes, "")));
  std::string part(kPart, '\0');
  std::uint64_t left = size_bytes;
  for (;;) {
    TRY(io::CheckStillWanted(interrupt));
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read " + entry.source.string(), errno);
    if (count == 0 && left == 0) return take(Padding(size_bytes));
    if (count == 0 || static_cast<std::uint64_t>(count) > left) {
      return Temporary(entry.source.string() + " was changed while it was read; build again");
    }
    left -= static_cast<std::uint64_t>(count);
    TRY(take(std::string_view(part).substr(0, static_cast<std::size_t>(count))));
  }
}

Result<void> WriteArchive(const Tree& tree, const Take& take, const io::Interrupt& interrupt) {
  for (const auto& [path, entry] : tree) {
    switch (entry.kind) {
      case Entry::Kind::kFolder:
        TRY(take(Headers(path + "/", '5', 0755, 0, "")));
        break;
      case Entry::Kind::kLink:
        TRY(take(Headers(path, '2', 0777, 0, entry.text)));
        break;
      case Entry::Kind::kFile:
        TRY(WriteFile(path, entry, take, interrupt));
        break;
    }
  }
  return take(std::string(2 * kBlock, '\0'));
}

// gzip with a header that says no time and no name.
class Compressor {
 public:
  explicit Compressor(Take take) : take_(std::move(take)) {
    constexpr int kGzip = 15 + 16;
    const int made = deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY);
    CHECK(made == Z_OK, "there is memory for a compressor");
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { deflateEnd(&stream_); }

  Result<void> Add(std::string_view bytes) { return Run(bytes, Z_NO_FLUSH); }
  Result<void> Finish() { return Run({}, Z_FINISH); }

 private:
  Result<void> Run(std::string_view bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      CHECK(deflate(&stream_, flush) != Z_STREAM_ERROR, "zlib goes on");
      TRY(take_(std::string_view(out_.data(), out_.size() - stream_.avail_out)));
    } while (stream_.avail_out == 0);
    return {};
  }

  const Take take_;
  z_stream stream_{};
  std::array<char, kPart> out_{};
};

Result<Layer> WriteLayerTo(int fd, const Tree& tree, const io::fs::path& to,
                           const io::Interrupt& interrupt) {
  Layer layer;
  io::Sha256 compressed, plain;
  Compressor compressor([&](std::string_view bytes) -> Result<void> {
    compressed.Add(bytes);
    layer.size_bytes += bytes.size();
    return io::WriteAll(fd, bytes, to);
  });
  TRY(WriteArchive(
      tree,
      [&](std::string_view bytes) -> Result<void> {
        plain.Add(bytes);
        return compressor.Add(bytes);
      },
      interrupt));
  TRY(compressor.Finish());
  layer.diff_id = "sha256:" + plain.Finish();
  layer.digest = "sha256:" + compressed.Finish();
  return layer;
}

// The file `to`, as `write` fills it, whole and durable or as it was.
Result<void> WriteWhole(const io::fs::path& to, const std::function<Result<void>(int fd)>& write) {
  const io::fs::path temporary = io::TemporaryPath(to.parent_path(), to.filename().string());
  TRY_ASSIGN(const io::Descriptor file, io::Open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  auto done = write(file.get());
  if (done && fsync(file.get()) != 0) done = SystemError("sync " + to.string(), errno);
  if (done) done = io::Rename(temporary, to);
  std::error_code ignored;
  if (!done) io::fs::remove(temporary, ignored);
  return done;
}

}  // namespace

Result<std::string> DiffIdOf(const Tree& tree, const io::Interrupt& interrupt) {
  io::Sha256 plain;
  TRY(WriteArchive(
      tree,
      [&](std::string_view bytes) -> Result<void> {
        plain.Add(bytes);
        return {};
      },
      interrupt));
  return "sha256:" + plain.Finish();
}

Result<Layer> WriteLayer(const Tree& tree, const io::fs::path& to, const io::Interrupt& interrupt) {
  Layer layer;
  TRY(WriteWhole(to, [&](int fd) -> Result<void> {
    TRY_ASSIGN(layer, WriteLayerTo(fd, tree, to, interrupt));
    return {};
  }));
  return layer;
}

Result<void> WriteArchiveFile(const Tree& tree, const io::fs::path& to,
                              const io::Interrupt& interrupt) {
  return WriteWhole(to, [&](int fd) {
    return WriteArchive(
        tree, [&](std::string_view bytes) { return io::WriteAll(fd, bytes, to); }, interrupt);
  });
}

}  // namespace busker::image

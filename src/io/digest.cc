// The plain SHA-256 functions, although OpenSSL 3 calls them deprecated: the EVP ones first read
// the openssl.cnf of the machine or container that they happen to run in (3 ms), which may name
// providers that a static program cannot load, and then there is no SHA-256 at all.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "io/digest.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/check.h"
#include "io/interrupt.h"

namespace busker::io {
namespace {

constexpr std::size_t kBlockBytes = 1u << 18;

// The digest of the file, each block of which is handed to `use`, too. Without an interrupt it goes
// on to the file's end.
template <typename Use>
Result<FileDigest> DigestBlocks(int fd, const fs::path& path, const Interrupt* interrupt,
                                Use&& use) {
  const auto block = std::make_unique_for_overwrite<char[]>(kBlockBytes);
  FileHash hash;
  for (;;) {
    if (interrupt != nullptr) TRY(CheckStillWanted(*interrupt));
    const ssize_t count = ::read(fd, block.get(), kBlockBytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read " + path.string(), errno);
    if (count == 0) return hash.Finish();
    const std::string_view bytes(block.get(), static_cast<std::size_t>(count));
    hash.Add(bytes);
    TRY(use(bytes));
  }
}

Result<FileDigest> DigestFileUntil(const fs::path& path, const Interrupt* interrupt) {
  TRY_ASSIGN(const Descriptor fd, Open(path, O_RDONLY));
  return DigestBlocks(fd.get(), path, interrupt,
                      [](std::string_view) -> Result<void> { return {}; });
}

Result<FileDigest> CopyBlocks(int from_fd, const fs::path& from, int to_fd, const fs::path& to,
                              const Interrupt& interrupt) {
  TRY_ASSIGN(FileDigest digest,
             DigestBlocks(from_fd, from, &interrupt,
                          [&](std::string_view bytes) { return WriteAll(to_fd, bytes, to); }));
  if (fsync(to_fd) != 0) return SystemError("sync " + to.string(), errno);
  return digest;
}

}  // namespace

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  CHECK(SHA256_Init(&state_->context) == 1, "OpenSSL has SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::Add(std::string_view bytes) {
  CHECK(SHA256_Update(&state_->context, bytes.data(), bytes.size()) == 1, "a digest takes bytes");
}

std::string Sha256::Finish() {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  CHECK(SHA256_Final(digest, &state_->context) == 1, "a digest ends");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string Sha256Of(std::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.Finish();
}

bool operator==(const FileDigest& a, const FileDigest& b) {
  return a.size_bytes == b.size_bytes && a.sha256 == b.sha256;
}

void FileHash::Add(std::string_view bytes) {
  sha256_.Add(bytes);
  crc32c_.Add(bytes);
  size_bytes_ += bytes.size();
}

FileDigest FileHash::Finish() { return {size_bytes_, sha256_.Finish(), crc32c_.value()}; }

FileDigest DigestOf(std::string_view bytes) {
  FileHash hash;
  hash.Add(bytes);
  return hash.Finish();
}

Result<FileDigest> DigestFile(const fs::path& path) { return DigestFileUntil(path, nullptr); }

Result<FileDigest> DigestFile(const fs::path& path, const Interrupt& interrupt) {
  return DigestFileUntil(path, &interrupt);
}

Result<FileDigest> CopyFile(const fs::path& from, const fs::path& to, const Interrupt& interrupt) {
  TRY_ASSIGN(const Descriptor source, Open(from, O_RDONLY));
  struct stat info {};
  if (fstat(source.get(), &info) != 0) return SystemError("read " + from.string(), errno);
  const mode_t mode = (info.st_mode & S_IXUSR) != 0 ? 0755 : 0644;  // a program stays one
  TRY_ASSIGN(const Descriptor target, Open(to, O_WRONLY | O_CREAT | O_EXCL, mode));
  auto digest = CopyBlocks(source.get(), from, target.get(), to, interrupt);
  if (!digest) ::unlink(to.c_str());
  return digest;
}

}  // namespace busker::io

// What a file's bytes are known by: their SHA-256, as 64 lower-case hexadecimal digits, and their
// CRC-32C.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/crc32c.h"
#include "io/file.h"

namespace busker::io {

struct Interrupt;

// Feed it bytes, then Finish once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Of(std::string_view bytes);

struct FileDigest {
  std::uint64_t size_bytes = 0;
  std::string sha256;
  // What object stores keep, so that they can be asked without sending all of it. Not known of
  // files whose digest was taken before there was this.
  std::optional<std::uint32_t> crc32c = {};
};
bool operator==(const FileDigest& a, const FileDigest& b);  // by size and SHA-256

// Feed it the bytes of a file, then Finish once.
class FileHash {
 public:
  void Add(std::string_view bytes);
  std::uint64_t size_bytes() const { return size_bytes_; }  // so far
  FileDigest Finish();

 private:
  Sha256 sha256_;
  Crc32c crc32c_;
  std::uint64_t size_bytes_ = 0;
};

FileDigest DigestOf(std::string_view bytes);

Result<FileDigest> DigestFile(const fs::path& path);
Result<FileDigest> DigestFile(const fs::path& path, const Interrupt& interrupt);

// Copies `from` to the new file `to` (its folder exists), durably except for the entry in to's
// folder, and returns the digest of the bytes written. On an error nothing is left at `to`.
Result<FileDigest> CopyFile(const fs::path& from, const fs::path& to, const Interrupt& interrupt);

}  // namespace busker::io

// SHA-256 of files, as 64 lower-case hexadecimal digits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::io {

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
};
bool operator==(const FileDigest& a, const FileDigest& b);

Result<FileDigest> DigestFile(const fs::path& path);

// Copies `from` to the new file `to` (its folder exists), durably except for the entry in to's
// folder, and returns the digest of the bytes written. On an error nothing is left at `to`.
Result<FileDigest> CopyFile(const fs::path& from, const fs::path& to);

}  // namespace busker::io

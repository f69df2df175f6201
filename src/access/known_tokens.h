// The tokens in memory, for who asks at every request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "access/caller.h"
#include "access/tokens.h"
#include "base/result.h"
#include "io/file.h"

namespace busker::access {

// What was read of the file of tokens is kept for as long as the file is the same one, unchanged.
// So a token that was revoked is none for the next who asks. Any thread.
class KnownTokens {
 public:
  using Tokens = std::shared_ptr<const std::vector<Token>>;

  explicit KnownTokens(io::fs::path path) : path_(path), file_(std::move(path)) {}

  Result<Tokens> Read();  // as TokenFile::Read
  // Who has the token of that digest; nullopt: nobody. Errors as TokenFile::Read's.
  Result<std::optional<Caller>> Find(const std::string& sha256);
  std::uint64_t reads() const { return reads_; }  // of the file

 private:
  // What is another whenever the file was replaced, written to, or opened to others.
  struct Stamp {
    std::uint64_t device = 0, inode = 0, mode = 0, owner = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  // nanoseconds
    bool operator==(const Stamp&) const = default;
  };
  static std::optional<Stamp> StampOf(const io::fs::path& path);

  const io::fs::path path_;
  const TokenFile file_;
  std::atomic<std::uint64_t> reads_ = 0;
  std::mutex mutex_;  // guards what follows
  std::optional<Stamp> stamp_;
  Tokens tokens_;
};

}  // namespace busker::access

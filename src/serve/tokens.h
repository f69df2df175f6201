// Who may ask: tokens, kept in HOME/tokens.json (mode 0600) as SHA-256 digests. The token itself is
// shown once, when it is made, and nowhere kept.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"
#include "serve/scope.h"

namespace busker::serve {

struct Token {
  std::string name;  // unique; [a-z0-9][a-z0-9._-]{0,62}
  Scope scope = Scope::kViewer;
  std::string sha256;  // of the token, in hexadecimal
  Instant created_at{};
  std::string created_by;
  Confines confines;
};

// 256 random bits, as 64 hexadecimal digits.
std::string MakeSecret();

// Compares in a time that does not tell where two texts of one length differ.
bool SameSecret(std::string_view a, std::string_view b);

// What is noted of a token that was made: "ada, operator, only churn, nightly".
std::string DescribeToken(const std::string& name, std::string_view scope,
                          const Confines& confines);

// The file of tokens. Any thread and process: who changes it holds the lock beside it.
class TokenFile {
 public:
  explicit TokenFile(io::fs::path path) : path_(std::move(path)) {}

  // kUnusable for a file that others may write to, or that cannot be understood.
  Result<std::vector<Token>> Read() const;

  // Makes a token and returns it: the only time that it is seen. kInvalid for a name that is taken,
  // or confines of an administrator, or "busker", by which the record names the engine, or a file
  // that would be too large to be read; kTemporary when others keep the lock.
  Result<std::string> Add(const std::string& name, Scope scope, const std::string& by, Instant now,
                          const Confines& confines = {});
  Result<void> Revoke(const std::string& name);  // kNotFound

 private:
  Result<io::FileLock> Lock() const;
  Result<void> Write(const std::vector<Token>& tokens) const;
  const io::fs::path path_;
};

// The same file for who asks all the time: what was read is kept for as long as the file is the
// same one, unchanged. So a token that was revoked is none for the next who asks. Any thread.
class KnownTokens {
 public:
  using Tokens = std::shared_ptr<const std::vector<Token>>;

  explicit KnownTokens(io::fs::path path) : path_(path), file_(std::move(path)) {}

  Result<Tokens> Read();                          // as TokenFile::Read
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

}  // namespace busker::serve

// Who may ask: tokens, kept in HOME/tokens.json (mode 0600) as SHA-256 digests. The token itself is
// shown once, when it is made, and nowhere kept.
#pragma once

#include <string>
#include <vector>

#include "access/scope.h"
#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::access {

struct Token {
  std::string name;  // unique; [a-z0-9][a-z0-9._-]{0,62}
  Scope scope = Scope::kViewer;
  std::string sha256;  // of the token, in hexadecimal
  Instant created_at{};
  std::string created_by;
  Confines confines;
};

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
                          const Confines& confines = {}) const;
  Result<void> Revoke(const std::string& name) const;  // kNotFound

 private:
  Result<io::FileLock> Lock() const;
  Result<void> Write(const std::vector<Token>& tokens) const;
  const io::fs::path path_;
};

}  // namespace busker::access

// Who may ask: tokens, kept in HOME/tokens.json (mode 0600) as SHA-256 digests. The token itself is
// shown once, when it is made, and nowhere kept.
#pragma once

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
};

// 256 random bits, as 64 hexadecimal digits.
std::string MakeSecret();

// Compares in a time that does not tell where two texts of one length differ.
bool SameSecret(std::string_view a, std::string_view b);

// The file of tokens. Any thread; a process that changes it holds no lock, since the file is
// replaced whole: of two that change it at once, one wins.
class TokenFile {
 public:
  explicit TokenFile(io::fs::path path) : path_(std::move(path)) {}

  // kUnusable for a file that others may write to, or that cannot be understood.
  Result<std::vector<Token>> Read() const;

  // Makes a token and returns it: the only time that it is seen. kInvalid for a name that is taken.
  Result<std::string> Add(const std::string& name, Scope scope, const std::string& by, Instant now);
  Result<void> Revoke(const std::string& name);  // kNotFound

 private:
  Result<void> Write(const std::vector<Token>& tokens) const;
  const io::fs::path path_;
};

}  // namespace busker::serve

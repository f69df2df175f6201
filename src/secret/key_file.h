// The key that the secrets of a home are encrypted with. It is in a file outside of the home, so
// that who has a copy of the home has no secret.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "secret/cipher.h"

namespace busker::secret {

class KeyFile {
 public:
  // $BUSKER_SECRET_KEY_FILE, else busker/secret.key in $XDG_CONFIG_HOME or ~/.config. kInvalid:
  // none of it is said, it is no absolute path, or it is in `home`.
  static Result<KeyFile> Find(const std::vector<std::string>& environment,
                              const io::fs::path& home);

  const io::fs::path& path() const { return path_; }

  // kNotFound: it is not there. kUnusable: others may read or write it, or it holds no key (64
  // hexadecimal digits, as `openssl rand -hex 32` makes them).
  Result<CipherKey> Read() const;

  // The same, and makes it when it is not there; one that was named must be.
  Result<CipherKey> ReadOrMake() const;

 private:
  KeyFile(io::fs::path path, bool named) : path_(std::move(path)), named_(named) {}
  io::fs::path path_;
  bool named_;
};

}  // namespace busker::secret

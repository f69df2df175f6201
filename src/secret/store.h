// The secrets of a home: HOME/secrets.json (mode 0600), where each value is encrypted with a key
// that is elsewhere (secret/key_file.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "home/home.h"
#include "io/file.h"
#include "secret/key_file.h"

namespace busker::secret {

inline constexpr std::size_t kValueBytesMin = 6;  // what is shorter could not be masked in logs
inline constexpr std::size_t kValueBytesMax = 64 << 10;

struct Entry {
  std::string name;  // a Name (base/id.h)
  Instant set_at{};
  std::string set_by;
};

class Store {
 public:
  // `environment`: says where the key is.
  Store(home::Home home, std::vector<std::string> environment)
      : home_(std::move(home)), environment_(std::move(environment)) {}

  // By name. Needs no key. kUnusable: others may read or write the file, or it is not understood.
  Result<std::vector<Entry>> List() const;

  // Sets a secret, or sets it anew; the home is there. kInvalid: no name, or a value of another
  // length than allowed. kUnusable: the other secrets were set with another key. Any thread, as
  // Remove; kTemporary when others keep the lock.
  Result<void> Set(const std::string& name, std::string_view value, const std::string& by,
                   Instant now) const;
  Result<void> Remove(const std::string& name) const;  // kNotFound

  // Any thread. kNotFound: it is not set; the sentence says how to. kUnusable: it cannot be
  // decrypted. To be wiped by the caller.
  Result<std::string> Value(const std::string& name) const;

 private:
  struct Stored;
  struct Contents;
  io::fs::path Path() const { return home_.SecretsFile(); }
  Result<Contents> Read() const;
  Result<Contents> Understand(const std::string& text) const;  // that of a file
  Result<void> Write(const Contents& contents) const;
  Result<void> CheckKey(const Contents& contents, const CipherKey& key, const KeyFile& file) const;
  Result<io::FileLock> Lock() const;

  const home::Home home_;
  const std::vector<std::string> environment_;
};

}  // namespace busker::secret

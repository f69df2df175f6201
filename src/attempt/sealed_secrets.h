// The values of an attempt's secrets on their way to a machine elsewhere, as an object that others
// can read: encrypted for a key that this machine made for this attempt, and has in memory alone
// (X25519, HKDF with SHA-256, AES-256-GCM).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attempt/remote.h"
#include "base/result.h"

namespace busker::attempt {

// Made by the machine, before its start fence. Can be moved.
class SecretsKey {
 public:
  static Result<SecretsKey> Make();
  SecretsKey(SecretsKey&&) noexcept;
  SecretsKey& operator=(SecretsKey&&) noexcept;
  ~SecretsKey();

  std::string public_key() const;  // 64 hexadecimal digits

  // What SealSecrets had: the values, or why there are none. kUnusable: it is not for this key and
  // attempt, or not as it was made.
  Result<std::vector<std::string>> Open(const std::string& sealed, const RemoteName& name) const;

 private:
  struct Pair;
  explicit SecretsKey(std::unique_ptr<Pair> pair);
  std::unique_ptr<Pair> pair_;
};

// `values`: one for each of the order's secrets, in their order; or why there are none, which is
// how the attempt ends. `public_key`: of the machine. Each time it is another text. kInvalid: that
// is no key.
Result<std::string> SealSecrets(const Result<std::vector<std::string>>& values,
                                const std::string& public_key, const RemoteName& name);

}  // namespace busker::attempt

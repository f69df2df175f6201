#include "access/secret_text.h"

#include <openssl/crypto.h>

#include "base/id.h"

namespace busker::access {

std::string MakeSecret() { return RandomHex(32); }

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace busker::access

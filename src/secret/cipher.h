// AES-256-GCM: encryption that notices every change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::secret {

inline constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;

// Overwrites what is no longer needed.
void Wipe(std::string& text);

// A key in memory, which is wiped when it is let go of.
class CipherKey {
 public:
  explicit CipherKey(std::string bytes) : bytes_(std::move(bytes)) {}  // kKeyBytes of them
  CipherKey(CipherKey&&) = default;
  CipherKey& operator=(CipherKey&&) = default;
  CipherKey(const CipherKey&) = delete;
  CipherKey& operator=(const CipherKey&) = delete;
  ~CipherKey() { Wipe(bytes_); }

  std::string_view bytes() const { return bytes_; }
  // Tells keys apart without telling anything about them; 16 hexadecimal digits.
  std::string Id() const;

 private:
  std::string bytes_;
};

std::string RandomBytes(std::size_t count);

struct Sealed {
  std::string nonce, text, tag;
};

// `known` is not encrypted, but the text can be opened with the same `known` alone. A nonce is
// random: 2^32 texts are safe with one key.
Result<Sealed> Seal(const CipherKey& key, std::string_view text, std::string_view known);
// nullopt: anything of it, or the key, is not what it was.
std::optional<std::string> Open(const CipherKey& key, const Sealed& sealed, std::string_view known);

}  // namespace busker::secret

#include "secret/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <memory>

#include "base/check.h"
#include "io/digest.h"

namespace busker::secret {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Context MakeContext() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* In(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Out(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

void Wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::string CipherKey::Id() const {
  io::Sha256 digest;
  digest.Add("busker secret key\n");
  digest.Add(bytes_);
  return digest.Finish().substr(0, 16);
}

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  CHECK(getrandom(bytes.data(), count, 0) == static_cast<ssize_t>(count),
        "the kernel has random numbers");
  return bytes;
}

Result<Sealed> Seal(const CipherKey& key, std::string_view text, std::string_view known) {
  Sealed sealed{RandomBytes(kNonceBytes), std::string(text.size(), '\0'),
                std::string(kTagBytes, '\0')};
  const Context context = MakeContext();
  int count = 0;
  const bool done = context != nullptr &&
                    EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, In(key.bytes()),
                                       In(sealed.nonce)) == 1 &&
                    EVP_EncryptUpdate(context.get(), nullptr, &count, In(known),
                                      static_cast<int>(known.size())) == 1 &&
                    EVP_EncryptUpdate(context.get(), Out(sealed.text), &count, In(text),
                                      static_cast<int>(text.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), Out(sealed.text) + count, &count) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG,
                                        static_cast<int>(kTagBytes), sealed.tag.data()) == 1;
  if (!done) return Failed("OpenSSL cannot encrypt with AES-256-GCM here");
  return sealed;
}

std::optional<std::string> Open(const CipherKey& key, const Sealed& sealed,
                                std::string_view known) {
  if (sealed.nonce.size() != kNonceBytes || sealed.tag.size() != kTagBytes) return std::nullopt;
  std::string text(sealed.text.size(), '\0');
  std::string tag = sealed.tag;
  const Context context = MakeContext();
  int count = 0;
  const bool done = context != nullptr &&
                    EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, In(key.bytes()),
                                       In(sealed.nonce)) == 1 &&
                    EVP_DecryptUpdate(context.get(), nullptr, &count, In(known),
                                      static_cast<int>(known.size())) == 1 &&
                    EVP_DecryptUpdate(context.get(), Out(text), &count, In(sealed.text),
                                      static_cast<int>(sealed.text.size())) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG,
                                        static_cast<int>(kTagBytes), tag.data()) == 1 &&
                    EVP_DecryptFinal_ex(context.get(), Out(text) + count, &count) == 1;
  if (done) return text;
  Wipe(text);
  return std::nullopt;
}

}  // namespace busker::secret

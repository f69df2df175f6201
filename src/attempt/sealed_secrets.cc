#include "attempt/sealed_secrets.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <optional>
#include <utility>

#include "attempt/handed_secrets.h"
#include "base/json_object.h"
#include "secret/cipher.h"
#include "secret/hex.h"

namespace busker::attempt {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

constexpr std::size_t kPublicBytes = 32;
constexpr char kPurpose[] = "busker: secrets of an attempt, format 1";

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Key MakePair() { return {EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), &EVP_PKEY_free}; }

std::string PublicOf(EVP_PKEY* pair) {
  std::string bytes(kPublicBytes, '\0');
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(pair, Bytes(bytes), &size) != 1) bytes.clear();
  return bytes;
}

// What both sides come to, each with its own pair and the other's public key; nullopt: that is no
// key, or one that makes the same secret with everybody.
std::optional<std::string> SharedSecret(EVP_PKEY* own, std::string_view other) {
  if (other.size() != kPublicBytes) return std::nullopt;
  const Key peer{EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, Bytes(other), other.size()),
                 &EVP_PKEY_free};
  const KeyContext context{EVP_PKEY_CTX_new(own, nullptr), &EVP_PKEY_CTX_free};
  std::string shared(kPublicBytes, '\0');
  std::size_t size = shared.size();
  const bool done = peer != nullptr && context != nullptr &&
                    EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), Bytes(shared), &size) == 1;
  if (!done) return std::nullopt;
  return shared;
}

// The key for one text: of the shared secret and of whom it is from and for.
std::optional<secret::CipherKey> CipherKeyOf(EVP_PKEY* own, std::string_view other,
                                             const std::string& from, const std::string& to) {
  auto shared = SharedSecret(own, other);
  if (!shared) return std::nullopt;
  const KeyContext context{EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), &EVP_PKEY_CTX_free};
  const std::string salt = from + to;
  constexpr std::string_view purpose = kPurpose;
  std::string key(secret::kKeyBytes, '\0');
  std::size_t size = key.size();
  const bool done = context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
                    EVP_PKEY_CTX_set1_hkdf_salt(context.get(), Bytes(std::string_view(salt)),
                                                static_cast<int>(salt.size())) == 1 &&
                    EVP_PKEY_CTX_set1_hkdf_key(context.get(), Bytes(std::string_view(*shared)),
                                               static_cast<int>(shared->size())) == 1 &&
                    EVP_PKEY_CTX_add1_hkdf_info(context.get(), Bytes(purpose),
                                                static_cast<int>(purpose.size())) == 1 &&
                    EVP_PKEY_derive(context.get(), Bytes(key), &size) == 1;
  Wipe(*shared);
  if (!done) return std::nullopt;
  return secret::CipherKey(std::move(key));
}

// What is authenticated besides: no object of another attempt is taken for this one's.
std::string Known(const RemoteName& name) { return std::string(kPurpose) + "\n" + name.Text(); }

struct SealedText {
  std::string from;  // the public key that was made for this text
  secret::Sealed sealed;
};

std::string ToJson(const SealedText& text) {
  return JsonText({{"public_key", secret::ToHex(text.from)},
                   {"nonce", secret::ToHex(text.sealed.nonce)},
                   {"tag", secret::ToHex(text.sealed.tag)},
                   {"text", secret::ToHex(text.sealed.text)}});
}

std::optional<SealedText> FromJson(const std::string& json) {
  const auto value = ParseJson(json, "secrets");
  if (!value) return std::nullopt;
  std::string from, nonce, tag, text;
  JsonObject in(*value, "secrets");
  in.Get("public_key", from);
  in.Get("nonce", nonce);
  in.Get("tag", tag);
  in.Get("text", text);
  if (!in.Done()) return std::nullopt;
  auto from_bytes = secret::FromHex(from), nonce_bytes = secret::FromHex(nonce),
       tag_bytes = secret::FromHex(tag), text_bytes = secret::FromHex(text);
  if (!from_bytes || !nonce_bytes || !tag_bytes || !text_bytes) return std::nullopt;
  return SealedText{*std::move(from_bytes),
                    {*std::move(nonce_bytes), *std::move(text_bytes), *std::move(tag_bytes)}};
}

}  // namespace

struct SecretsKey::Pair {
  Key key;
};

SecretsKey::SecretsKey(std::unique_ptr<Pair> pair) : pair_(std::move(pair)) {}
SecretsKey::SecretsKey(SecretsKey&&) noexcept = default;
SecretsKey& SecretsKey::operator=(SecretsKey&&) noexcept = default;
SecretsKey::~SecretsKey() = default;

Result<SecretsKey> SecretsKey::Make() {
  Key key = MakePair();
  if (key == nullptr || PublicOf(key.get()).empty()) {
    return Failed("OpenSSL cannot make a key of X25519 here");
  }
  return SecretsKey(std::make_unique<Pair>(Pair{std::move(key)}));
}

std::string SecretsKey::public_key() const { return secret::ToHex(PublicOf(pair_->key.get())); }

Result<std::vector<std::string>> SecretsKey::Open(const std::string& sealed,
                                                  const RemoteName& name) const {
  const auto text = FromJson(sealed);
  const auto key =
      text ? CipherKeyOf(pair_->key.get(), text->from, text->from, PublicOf(pair_->key.get()))
           : std::nullopt;
  auto packed = key ? secret::Open(*key, text->sealed, Known(name)) : std::nullopt;
  if (!packed) {
    return Unusable(
        "the secrets of this attempt cannot be opened: they are damaged, or not for this machine");
  }
  auto values = UnpackSecrets(*packed);
  Wipe(*packed);
  return values;
}

Result<std::string> SealSecrets(const Result<std::vector<std::string>>& values,
                                const std::string& public_key, const RemoteName& name) {
  const auto to = secret::FromHex(public_key);
  const Key own = MakePair();
  if (own == nullptr) return Failed("OpenSSL cannot make a key of X25519 here");
  const std::string from = PublicOf(own.get());
  const auto key = to ? CipherKeyOf(own.get(), *to, from, *to) : std::nullopt;
  if (!key) return Invalid("the machine's key for secrets is not a public key of X25519");
  std::string packed = PackSecrets(values);
  auto sealed = secret::Seal(*key, packed, Known(name));
  Wipe(packed);
  if (!sealed) return tl::unexpected(std::move(sealed).error());
  return ToJson({from, *std::move(sealed)});
}

}  // namespace busker::attempt

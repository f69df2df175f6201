#include "cloud/service_account.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/json_object.h"
#include "cloud/token_server.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

constexpr std::chrono::seconds kGoodFor{3600};

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Signing = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

// As tokens have it (RFC 7515, section 2): without what fills it up.
std::string Encoded(std::string_view bytes) {
  std::string text = io::Base64UrlOf(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

// A password would be asked for at the terminal: there is none.
int NoPassword(char*, int, int, void*) { return 0; }

Result<std::string> SignByRs256(const std::string& pem, const std::string& text) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  const Signing signing(EVP_MD_CTX_new());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  const bool fine =
      key && signing && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA &&
      EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(signing.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, text.size()) == 1;
  ERR_clear_error();
  if (!fine) return Invalid("\"private_key\" is not an RSA key in PEM");
  signature.resize(size);
  return signature;
}

}  // namespace

Result<ServiceAccount> ServiceAccountIn(const nlohmann::ordered_json& file) {
  ServiceAccount account;
  JsonObject in(file, "the key");
  in.Get("client_email", account.email);
  in.Get("private_key_id", account.key_id);
  in.Get("private_key", account.private_key);
  TRY(in.Done());
  TRY(SignToken(account, kScope, Instant{}));
  return account;
}

Result<std::string> SignToken(const ServiceAccount& account, const std::string& scope,
                              Instant now) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const nlohmann::json header = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", account.key_id}};
  const nlohmann::json claims = {{"iss", account.email},
                                 {"sub", account.email},
                                 {"scope", scope},
                                 {"iat", seconds},
                                 {"exp", seconds + kGoodFor.count()}};
  const std::string text = Encoded(header.dump()) + "." + Encoded(claims.dump());
  TRY_ASSIGN(const std::string signature, SignByRs256(account.private_key, text));
  return text + "." + Encoded(signature);
}

Credentials::Source TokensOf(ServiceAccount account) {
  return [account = std::move(account)](const io::Interrupt&) -> Result<BearerToken> {
    const auto now = std::chrono::steady_clock::now();
    TRY_ASSIGN(std::string text, SignToken(account, kScope, Now()));
    return BearerToken{std::move(text), now + kGoodFor};
  };
}

}  // namespace busker::cloud

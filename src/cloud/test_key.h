// For tests only; for .cc files only.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"

namespace busker::cloud {

// The key of a service account, made for the test.
class TestKey {
 public:
  TestKey() : key_(EVP_RSA_gen(2048)) { CHECK(key_ != nullptr, "a test can make a key"); }
  TestKey(const TestKey&) = delete;
  TestKey& operator=(const TestKey&) = delete;
  ~TestKey() { EVP_PKEY_free(key_); }

  std::string Pem() const {
    BIO* const bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PrivateKey(bio, key_, nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM");
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  }

  bool Verifies(const std::string& text, const std::string& signature) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    const auto bytes = [](const std::string& s) {
      return reinterpret_cast<const unsigned char*>(s.data());
    };
    const bool good = EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key_) == 1 &&
                      EVP_DigestVerify(context, bytes(signature), signature.size(), bytes(text),
                                       text.size()) == 1;
    EVP_MD_CTX_free(context);
    return good;
  }

  // As Google hands it out.
  nlohmann::ordered_json Json() const {
    return {{"type", "service_account"},
            {"project_id", "project"},
            {"private_key_id", "key-1"},
            {"private_key", Pem()},
            {"client_email", "ann@project.iam.gserviceaccount.com"},
            {"token_uri", "https://oauth2.googleapis.com/token"}};
  }

 private:
  EVP_PKEY* const key_;
};

}  // namespace busker::cloud

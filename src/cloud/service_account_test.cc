#include "cloud/service_account.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "cloud/google_access.h"
#include "io/test_folder.h"

namespace busker::cloud {
namespace {

using nlohmann::json;

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
  std::string Json() const {
    return nlohmann::json{{"type", "service_account"},
                          {"project_id", "project"},
                          {"private_key_id", "key-1"},
                          {"private_key", Pem()},
                          {"client_email", "ann@project.iam.gserviceaccount.com"},
                          {"token_uri", "https://oauth2.googleapis.com/token"}}
        .dump();
  }

 private:
  EVP_PKEY* const key_;
};

std::string Base64UrlDecoded(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text += '=';
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  const auto filled = static_cast<int>(std::count(text.begin(), text.end(), '='));
  bytes.resize(static_cast<std::size_t>(size - filled));
  return bytes;
}

class ServiceAccountTest : public testing::Test {
 protected:
  std::string FaultOf(const std::string& text) {
    const auto account = ReadServiceAccount(folder_.Write("key.json", text));
    if (account) return "none";
    EXPECT_EQ(account.error().kind, ErrorKind::kUnusable);
    return account.error().message;
  }

  const TestKey key_;
  const io::TestFolder folder_;
};

// RFC 7519, section 3.1, and what Google asks of such a token.
TEST_F(ServiceAccountTest, SignsATokenThatItsPublicKeyVerifies) {
  const auto account = ReadServiceAccount(folder_.Write("key.json", key_.Json()));
  ASSERT_TRUE(account) << account.error().message;
  const auto token = SignToken(*account, "a scope", Instant(std::chrono::seconds(1'000'000)));
  ASSERT_TRUE(token) << token.error().message;
  const auto parts = Split(*token, '.');
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(json::parse(Base64UrlDecoded(parts[0])),
            (json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "key-1"}}));
  EXPECT_EQ(json::parse(Base64UrlDecoded(parts[1])),
            (json{{"iss", "ann@project.iam.gserviceaccount.com"},
                  {"sub", "ann@project.iam.gserviceaccount.com"},
                  {"scope", "a scope"},
                  {"iat", 1'000'000},
                  {"exp", 1'003'600}}));
  EXPECT_TRUE(key_.Verifies(parts[0] + "." + parts[1], Base64UrlDecoded(parts[2])));
  EXPECT_FALSE(key_.Verifies(parts[0] + "." + parts[0], Base64UrlDecoded(parts[2])));
}

TEST_F(ServiceAccountTest, ThatIsNoneSaysWhatItIs) {
  EXPECT_NE(FaultOf("{"), "none");
  EXPECT_NE(FaultOf("[]"), "none");
  EXPECT_NE(FaultOf(R"({"type": "authorized_user", "refresh_token": "x"})").find("authorized_user"),
            std::string::npos);
  json key = json::parse(key_.Json());
  key["private_key"] = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";
  EXPECT_NE(FaultOf(key.dump()).find("private key"), std::string::npos);
  key.erase("private_key");
  EXPECT_NE(FaultOf(key.dump()).find("private_key"), std::string::npos);
  EXPECT_EQ(ReadServiceAccount(folder_ / "none").error().kind, ErrorKind::kNotFound);
}

class StorageAccess : public ServiceAccountTest {
 protected:
  StorageAccess() {
    for (const char* name : kGoogleVariables) unsetenv(name);
  }
  ~StorageAccess() override {
    for (const char* name : kGoogleVariables) unsetenv(name);
  }
  std::string AtEmulator(const char* place) {
    setenv("STORAGE_EMULATOR_HOST", place, 1);
    const auto access = FindStorageAccess();
    if (!access) return "no";
    EXPECT_EQ(access->credentials->Authorization(io::Within(Milliseconds(1000))).value(), "");
    return access->endpoint;
  }
};

TEST_F(StorageAccess, ToAnEmulatorIsNobodys) {
  EXPECT_EQ(AtEmulator("127.0.0.1:4443"), "http://127.0.0.1:4443");
  EXPECT_EQ(AtEmulator("http://localhost:9000/"), "http://localhost:9000");
  EXPECT_EQ(AtEmulator("ftp://x"), "no");
}

TEST_F(StorageAccess, IsThatOfTheKeyThatTheEnvironmentNames) {
  setenv("GOOGLE_APPLICATION_CREDENTIALS", folder_.Write("key.json", key_.Json()).c_str(), 1);
  const auto access = FindStorageAccess();
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->endpoint, "https://storage.googleapis.com");
  const auto authorization = access->credentials->Authorization(io::Within(Milliseconds(1000)));
  EXPECT_TRUE(authorization.value().starts_with("Bearer ey"));
}

TEST_F(StorageAccess, InAnotherUniverseIsThere) {
  json key = json::parse(key_.Json());
  key["universe_domain"] = "example.cloud";
  setenv("GOOGLE_APPLICATION_CREDENTIALS", folder_.Write("key.json", key.dump()).c_str(), 1);
  EXPECT_EQ(FindStorageAccess()->endpoint, "https://storage.example.cloud");
}

TEST_F(StorageAccess, OfNobodySaysWhatToDo) {
  const auto none = FindStorageAccess();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(none.error().message.find("GOOGLE_APPLICATION_CREDENTIALS"), std::string::npos);
  setenv("GOOGLE_APPLICATION_CREDENTIALS", (folder_ / "none").c_str(), 1);
  EXPECT_EQ(FindStorageAccess().error().kind, ErrorKind::kUnusable);
}

}  // namespace
}  // namespace busker::cloud

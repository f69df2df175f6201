#include "cloud/service_account.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/test_key.h"

namespace busker::cloud {
namespace {

using nlohmann::json;

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

std::string FaultOf(const nlohmann::ordered_json& file) {
  const auto account = ServiceAccountIn(file);
  if (account) return "none";
  EXPECT_EQ(account.error().kind, ErrorKind::kInvalid);
  return account.error().message;
}

// RFC 7519, section 3.1, and what Google asks of such a token.
TEST(ServiceAccount, SignsATokenThatItsPublicKeyVerifies) {
  const TestKey key;
  const auto account = ServiceAccountIn(key.Json());
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
  EXPECT_TRUE(key.Verifies(parts[0] + "." + parts[1], Base64UrlDecoded(parts[2])));
  EXPECT_FALSE(key.Verifies(parts[0] + "." + parts[0], Base64UrlDecoded(parts[2])));
}

TEST(ServiceAccount, ThatCannotSignIsRefused) {
  nlohmann::ordered_json key = TestKey().Json();
  key["private_key"] = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(FaultOf(key), "\"private_key\" is not an RSA key in PEM");
  key.erase("private_key");
  EXPECT_EQ(FaultOf(key), "the key: \"private_key\" is missing");
}

}  // namespace
}  // namespace busker::cloud

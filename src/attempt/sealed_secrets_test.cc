#include "attempt/sealed_secrets.h"

#include <gtest/gtest.h>

#include <string>

namespace busker::attempt {
namespace {

using Values = std::vector<std::string>;

RemoteName Named(int number = 1) { return {"0123456789abcdef", {"r", "t", number}}; }

TEST(SealedSecrets, AreOpenedByTheKeyThatTheyAreFor) {
  const auto key = SecretsKey::Make();
  ASSERT_TRUE(key) << key.error().message;
  const Values values = {"correct horse battery staple", std::string("a\0b\n", 4), ""};
  const auto sealed = SealSecrets(values, key->public_key(), Named());
  ASSERT_TRUE(sealed) << sealed.error().message;
  EXPECT_EQ(sealed->find("horse"), std::string::npos);
  const auto opened = key->Open(*sealed, Named());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(*opened, values);
}

TEST(SealedSecrets, MaySayWhyThereAreNone) {
  const auto key = SecretsKey::Make();
  ASSERT_TRUE(key);
  const auto sealed =
      SealSecrets(NotFound("secret \"token\" is not set"), key->public_key(), Named());
  ASSERT_TRUE(sealed) << sealed.error().message;
  const auto opened = key->Open(*sealed, Named());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "secret \"token\" is not set");
}

TEST(SealedSecrets, AreForOneMachineAndOneAttempt) {
  const auto key = SecretsKey::Make(), other = SecretsKey::Make();
  ASSERT_TRUE(key && other);
  EXPECT_NE(key->public_key(), other->public_key());
  const auto sealed = SealSecrets(Values{"value1"}, key->public_key(), Named());
  ASSERT_TRUE(sealed);
  EXPECT_EQ(other->Open(*sealed, Named()).error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(key->Open(*sealed, Named(2)).error().kind, ErrorKind::kUnusable);
  RemoteName copy = Named();
  copy.home = "fedcba9876543210";
  EXPECT_EQ(key->Open(*sealed, copy).error().kind, ErrorKind::kUnusable);
}

TEST(SealedSecrets, OfWhichAnyDigitIsAnotherAreRefused) {
  const auto key = SecretsKey::Make();
  ASSERT_TRUE(key);
  const auto sealed = SealSecrets(Values{"value1"}, key->public_key(), Named());
  ASSERT_TRUE(sealed);
  int tried = 0;
  for (std::size_t i = 0; i < sealed->size(); ++i) {
    std::string changed = *sealed;
    if (!isxdigit(static_cast<unsigned char>(changed[i]))) continue;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(key->Open(changed, Named())) << i;
    ++tried;
  }
  EXPECT_GT(tried, 100);
  for (std::size_t size = 0; size + 1 < sealed->size(); ++size) {
    EXPECT_FALSE(key->Open(sealed->substr(0, size), Named())) << size;
  }
}

TEST(SealedSecrets, AreAnotherTextEachTime) {
  const auto key = SecretsKey::Make();
  ASSERT_TRUE(key);
  EXPECT_NE(*SealSecrets(Values{"value1"}, key->public_key(), Named()),
            *SealSecrets(Values{"value1"}, key->public_key(), Named()));
}

// A point of small order makes the same shared secret with everybody: zeros.
TEST(SealedSecrets, AreForNothingThatIsNoKey) {
  for (const std::string& bad :
       {std::string(), std::string("xyz"), std::string(62, 'a'), std::string(66, 'a'),
        std::string(64, '0'), std::string("01") + std::string(62, '0')}) {
    const auto sealed = SealSecrets(Values{"value1"}, bad, Named());
    ASSERT_FALSE(sealed) << bad;
    EXPECT_EQ(sealed.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace busker::attempt

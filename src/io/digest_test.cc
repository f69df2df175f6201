#include "io/digest.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <random>

#include "io/interrupt.h"
#include "io/test_folder.h"

namespace busker::io {
namespace {

constexpr Milliseconds kLimit{60'000};

// FIPS 180-4, the examples.
TEST(Digest, AgreesWithTheStandard) {
  EXPECT_EQ(Sha256Of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, IsTheSameHoweverTheBytesComeIn) {
  std::mt19937 random(1);
  const std::string text(10'000, 'x');
  for (int round = 0; round < 100; ++round) {
    Sha256 hash;
    for (std::string_view rest = text; !rest.empty();) {
      const auto count = std::min<std::size_t>(rest.size(), 1 + random() % 300);
      hash.Add(rest.substr(0, count));
      rest.remove_prefix(count);
    }
    ASSERT_EQ(hash.Finish(), Sha256Of(text));
  }
}

TEST(Digest, OfAFileCountsItsBytes) {
  const TestFolder folder;
  folder.Write("file", "abc");
  EXPECT_EQ(DigestFile(folder / "file").value(), (FileDigest{3, Sha256Of("abc")}));
  EXPECT_EQ(DigestFile(folder / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(DigestFile(folder.path()));
}

TEST(Digest, ACopyHasTheBytesAndTheirDigest) {
  const TestFolder folder;
  const std::string text(1'000'001, 'y');
  folder.Write("from", text);
  EXPECT_EQ(CopyFile(folder / "from", folder / "to", Within(kLimit)).value(),
            (FileDigest{text.size(), Sha256Of(text)}));
  EXPECT_EQ(folder.Read("to"), text);
}

TEST(Digest, ACopyNeverReplacesAFileOrLeavesAHalf) {
  const TestFolder folder;
  folder.Write("from", "new");
  folder.Write("to", "old");
  EXPECT_FALSE(CopyFile(folder / "from", folder / "to", Within(kLimit)));
  EXPECT_EQ(folder.Read("to"), "old");
  EXPECT_FALSE(
      CopyFile(folder.path(), folder / "half", Within(kLimit)));  // a folder cannot be read
  EXPECT_FALSE(fs::exists(folder / "half"));
  EXPECT_EQ(CopyFile(folder / "none", folder / "half", Within(kLimit)).error().kind,
            ErrorKind::kNotFound);
}

TEST(Digest, OfAFileHasItsCrc32cFromTheSamePass) {
  const TestFolder folder;
  const std::string text(1'000'001, 'z');
  folder.Write("from", text);
  EXPECT_EQ(DigestFile(folder / "from")->crc32c, Crc32cOf(text));
  EXPECT_EQ(CopyFile(folder / "from", folder / "to", Within(kLimit))->crc32c, Crc32cOf(text));
  EXPECT_EQ(DigestOf(text), DigestFile(folder / "from").value());
}

TEST(Digest, ACopyThatIsStoppedOrLateLeavesNothing) {
  const TestFolder folder;
  folder.Write("from", "x");
  std::stop_source stop;
  stop.request_stop();
  const Interrupt stopped = Within(kLimit, stop.get_token());
  const Interrupt late = Within(Milliseconds(0));
  EXPECT_EQ(CopyFile(folder / "from", folder / "to", stopped).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(CopyFile(folder / "from", folder / "to", late).error().kind, ErrorKind::kTimedOut);
  EXPECT_FALSE(fs::exists(folder / "to"));
  EXPECT_EQ(DigestFile(folder / "from", stopped).error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(DigestFile(folder / "from", late).error().kind, ErrorKind::kTimedOut);
}

// With an openssl.cnf that activates only a provider that is not there, OpenSSL 3 had no SHA-256
// for us, and the program ended itself. A container may well have such a file.
TEST(Digest, DoesNotDependOnTheOpensslConfigOfTheMachine) {
  const TestFolder folder;
  folder.Write("openssl.cnf",
               "openssl_conf = init\n[init]\nproviders = sect\n[sect]\nnone = none_sect\n"
               "[none_sect]\nmodule = /nonexistent.so\nactivate = 1\n");
  setenv("OPENSSL_CONF", (folder / "openssl.cnf").c_str(), 1);
  EXPECT_EXIT(
      {
        const bool right = Sha256Of("").starts_with("e3b0c442");
        _exit(right ? 7 : 1);
      },
      testing::ExitedWithCode(7), "");
  unsetenv("OPENSSL_CONF");
}

}  // namespace
}  // namespace busker::io

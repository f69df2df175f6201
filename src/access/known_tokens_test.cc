#include "access/known_tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "io/digest.h"
#include "io/test_folder.h"

namespace busker::access {
namespace {

const Instant kNow{std::chrono::seconds(1'700'000'000)};

class KnownTokensTest : public testing::Test {
 protected:
  // Until what was read is trusted: a file that is new may still change.
  void Settle() {
    for (std::uint64_t before = 0, tries = 0; tries == 0 || before != known_.reads(); ++tries) {
      ASSERT_LT(tries, 20u);
      std::this_thread::sleep_for(std::chrono::milliseconds(120));
      ASSERT_TRUE(known_.Read());
      before = known_.reads();
      ASSERT_TRUE(known_.Read());
    }
  }

  io::TestFolder folder_;
  TokenFile file_{folder_ / "tokens.json"};
  KnownTokens known_{folder_ / "tokens.json"};
};

// The file was read and understood anew for every request.
TEST_F(KnownTokensTest, AreReadOnceWhileNothingChanges) {
  ASSERT_TRUE(file_.Add("a", Scope::kViewer, "ada", kNow));
  ASSERT_TRUE(file_.Add("b", Scope::kViewer, "ada", kNow));
  Settle();
  const std::uint64_t before = known_.reads();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(known_.Read().value()->size(), 2u);
  EXPECT_EQ(known_.reads(), before);
  ASSERT_TRUE(file_.Revoke("a"));
  EXPECT_EQ(known_.Read().value()->size(), 1u) << "at once";
  ASSERT_TRUE(file_.Revoke("b"));
  EXPECT_EQ(known_.Read().value()->size(), 0u);
  ASSERT_TRUE(file_.Add("c", Scope::kViewer, "ada", kNow));
  EXPECT_EQ((*known_.Read().value())[0].name, "c");
  Settle();
  ASSERT_TRUE(file_.Revoke("c"));
  ASSERT_TRUE(file_.Add("d", Scope::kViewer, "ada", kNow));  // a file of the same size
  EXPECT_EQ((*known_.Read().value())[0].name, "d");
  Settle();
  ASSERT_EQ(chmod((folder_ / "tokens.json").c_str(), 0644), 0);
  EXPECT_EQ(known_.Read().error().kind, ErrorKind::kUnusable);
  ASSERT_EQ(chmod((folder_ / "tokens.json").c_str(), 0600), 0);
  EXPECT_TRUE(known_.Read());
  io::fs::remove(folder_ / "tokens.json");
  EXPECT_EQ(known_.Read().value()->size(), 0u);
}

TEST_F(KnownTokensTest, AreKnownByTheirDigests) {
  const std::string secret = file_.Add("a", Scope::kOperator, "ada", kNow, {"shop"}).value();
  ASSERT_TRUE(file_.Add("b", Scope::kViewer, "ada", kNow));
  const auto caller = known_.Find(io::Sha256Of(secret)).value();
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "a");
  EXPECT_EQ(caller->scope, Scope::kOperator);
  EXPECT_EQ(caller->confines, Confines{"shop"});
  EXPECT_FALSE(known_.Find(secret).value());
  EXPECT_FALSE(known_.Find("").value());
  folder_.Write("tokens.json", "{}");
  EXPECT_EQ(known_.Find(io::Sha256Of(secret)).error().kind, ErrorKind::kUnusable);
}

// What one thread read before the file was replaced is not kept as what the new file says, by which
// a token that was revoked would be one until the file changed again.
TEST_F(KnownTokensTest, AreNoneOnceRevokedHoweverManyAsk) {
  ASSERT_TRUE(file_.Add("stays", Scope::kViewer, "ada", kNow));
  std::atomic<bool> stop = false;
  std::vector<std::thread> asking;
  for (int i = 0; i < 3; ++i) {
    asking.emplace_back([&] {
      while (!stop) EXPECT_TRUE(known_.Read());
    });
  }
  for (int i = 0; i < 60; ++i) {
    const std::string digest = io::Sha256Of(file_.Add("a", Scope::kAdmin, "ada", kNow).value());
    EXPECT_TRUE(known_.Find(digest).value()) << i;
    if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(150));  // is trusted
    ASSERT_TRUE(file_.Revoke("a"));
    EXPECT_FALSE(known_.Find(digest).value()) << i;
  }
  stop = true;
  for (std::thread& thread : asking) thread.join();
}

}  // namespace
}  // namespace busker::access

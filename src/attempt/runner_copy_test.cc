// Of every store: busker-runner is there when a machine is asked for, and goes when no machine
// fetches it any more.
#include "attempt/runner_copy.h"

#include <gtest/gtest.h>

#include "artifact/directory_fixture.h"
#include "artifact/gcs_fixture.h"
#include "artifact/key.h"
#include "io/digest.h"

namespace busker::attempt {
namespace {

using artifact::ForFiles;
using std::chrono::hours;

template <typename Kind>
std::unique_ptr<artifact::StoreUnderTest> Open() {
  return std::make_unique<Kind>();
}

class RunnerCopy : public artifact::StoreConformance {
 protected:
  Result<std::string> PutAt(Instant now) {
    return PutRunner(*clearable_, folder_ / "busker-runner", now, ForFiles());
  }
  std::string TextOf(const std::string& key) {
    return store_->GetText(key, ForFiles()).value_or("(nothing)");
  }
  std::vector<artifact::Written> OldAt(Instant now) {
    return FindOldRunners(*clearable_, now, ForFiles()).value();
  }
  std::uint64_t Mark() {
    return clearable_->ListWritten("_busker/runners", ForFiles())->at(0).mark;
  }

  void SetUp() override { folder_.Write("busker-runner", kBuild); }

  static constexpr char kBuild[] = "a build", kNext[] = "the next build";
  const std::string key_ = RunnerKeyOf(io::Sha256Of(kBuild));
  const Instant now_ = Now();
};

INSTANTIATE_TEST_SUITE_P(All, RunnerCopy,
                         testing::Values(&Open<artifact::DirectoryUnderTest>,
                                         &Open<artifact::BucketUnderTest>));

TEST_P(RunnerCopy, IsPutOnceForEachBuild) {
  EXPECT_EQ(PutAt(now_).value(), io::Sha256Of(kBuild));
  EXPECT_EQ(TextOf(key_), kBuild);
  const std::uint64_t mark = Mark();
  EXPECT_EQ(PutAt(now_ + hours(47)).value(), io::Sha256Of(kBuild));
  EXPECT_EQ(Mark(), mark) << "it is there";
  // No VM could begin any more: the new file had been put under the digest of the old one.
  folder_.Write("busker-runner", kNext);
  EXPECT_EQ(PutAt(now_).value(), io::Sha256Of(kNext));
  EXPECT_EQ(TextOf(key_), kBuild);
  EXPECT_EQ(TextOf(RunnerKeyOf(io::Sha256Of(kNext))), kNext);
}

// Each build left its copy for ever.
TEST_P(RunnerCopy, ThatNobodyFetchesAnyMoreIsRemovedAfterAWeek) {
  ASSERT_TRUE(PutAt(now_));
  const Keys others = {"_busker/0123456789abcdef/r/t.1/order.json", "_busker/runners/README",
                       "churn/1/live.json"};
  for (const std::string& key : others) ASSERT_TRUE(store_->PutText(key, "x", ForFiles()));
  EXPECT_TRUE(OldAt(now_ + hours(6 * 24)).empty());
  const auto old = OldAt(now_ + hours(8 * 24));
  ASSERT_EQ(old.size(), 1U);
  EXPECT_EQ(old[0].key, key_);
  ASSERT_TRUE(clearable_->Remove(old, ForFiles()));
  EXPECT_EQ(store_->List("", ForFiles()).value(), others);
}

TEST_P(RunnerCopy, ThatIsInUseStaysAlsoWhereItsRemovalHadBegun) {
  ASSERT_TRUE(PutAt(now_));
  const auto listed = OldAt(now_ + hours(8 * 24));
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(PutAt(now_ + hours(8 * 24)).value(), io::Sha256Of(kBuild));
  ASSERT_TRUE(clearable_->Remove(listed, ForFiles()));
  EXPECT_EQ(TextOf(key_), kBuild);
}

TEST_P(RunnerCopy, ThatIsAnotherThanItsDigestSaysIsPutAnew) {
  ASSERT_TRUE(store_->PutText(key_, "another", ForFiles()));
  EXPECT_EQ(PutAt(now_).value(), io::Sha256Of(kBuild));
  EXPECT_EQ(TextOf(key_), kBuild);
}

TEST(RunnerKey, IsOneThatAStoreTakes) {
  EXPECT_EQ(RunnerKeyOf("3fa9"), "_busker/runners/3fa9");
  EXPECT_TRUE(artifact::CheckKey(RunnerKeyOf(std::string(64, 'a'))));
}

}  // namespace
}  // namespace busker::attempt

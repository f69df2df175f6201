// Of every store: what is left of versions that were never published goes, and nothing else does.
#include "artifact/rests.h"

#include <gtest/gtest.h>

#include "artifact/directory_fixture.h"
#include "artifact/gcs_fixture.h"
#include "artifact/removal.h"

namespace busker::artifact {
namespace {

using std::chrono::hours;

template <typename Kind>
std::unique_ptr<StoreUnderTest> Open() {
  return std::make_unique<Kind>();
}

class RestsOfStore : public StoreConformance {
 protected:
  static VersionName Name(const std::string& timestamp) {
    return {"churn", "1", "training", timestamp};
  }
  Result<Manifest> Save(const VersionName& name) {
    folder_.Write("output/model", "trees");
    folder_.Write("output/more/model", "trees");
    return Publish(*store_, folder_ / "output", Facts(name), {}, ForFiles());
  }
  void LeaveRest(const VersionName& name) {
    ASSERT_TRUE(store_->PutText(name.Key() + "/model", "half", ForFiles()));
    ASSERT_TRUE(store_->PutText(name.Key() + "/more/manifest.json", "{}", ForFiles()));
  }
  Rests Found(Instant now) { return FindRests(*clearable_, "churn", now, ForFiles()).value(); }
  std::vector<std::string> NamesAt(Instant now) {
    std::vector<std::string> names;
    for (const Rest& rest : Found(now).rests) names.push_back(rest.name.timestamp);
    return names;
  }
  void RemoveAllRests(Instant now) {
    const Rests found = Found(now);
    for (const Rest& rest : found.rests) {
      EXPECT_TRUE(RemoveRest(*clearable_, rest, ForFiles()).value());
    }
    ASSERT_TRUE(clearable_->Remove(found.old_removals, ForFiles()));
  }
  Keys AllKeys() { return store_->List("", ForFiles()).value(); }

  const VersionName whole_ = Name("20190801T000000Z"), rest_ = Name("20190802T000000Z");
  const Instant now_ = Now(), tomorrow_ = now_ + hours(25), later_ = tomorrow_ + hours(48);
};

using Names = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(All, RestsOfStore,
                         testing::Values(&Open<DirectoryUnderTest>, &Open<BucketUnderTest>));

TEST_P(RestsOfStore, AreFilesOfVersionsWithoutAManifestThatNobodyTouches) {
  ASSERT_TRUE(Save(whole_));
  LeaveRest(rest_);
  ASSERT_TRUE(store_->PutText("churn/1/live.json", "{}", ForFiles()));
  ASSERT_TRUE(store_->PutText("churn/1/training/notes/by-hand.txt", "x", ForFiles()));
  ASSERT_TRUE(store_->PutText("other/1/training/20190802T000000Z/model", "x", ForFiles()));
  ASSERT_TRUE(
      store_->PutText("churn/1/training/20190803T000000Z/manifest.json", "damaged", ForFiles()));
  EXPECT_EQ(NamesAt(now_), Names());
  EXPECT_EQ(NamesAt(tomorrow_), Names{rest_.timestamp});
}

TEST_P(RestsOfStore, GoAndLeaveAWordForAFewDays) {
  ASSERT_TRUE(Save(whole_));
  const Keys before = AllKeys();
  LeaveRest(rest_);
  RemoveAllRests(tomorrow_);
  const std::string word = rest_.Key() + "/manifest.json";
  Keys with_word = before;
  with_word.push_back(word);
  EXPECT_EQ(AllKeys(), with_word);
  EXPECT_EQ(NamesAt(later_), Names()) << "nothing is left of it";
  RemoveAllRests(tomorrow_);
  EXPECT_EQ(AllKeys(), with_word) << "who looked before may be about to publish";
  RemoveAllRests(later_);
  EXPECT_EQ(AllKeys(), before);
  EXPECT_TRUE(
      VerifyByReading(*store_, ReadManifest(*store_, whole_, ForFiles()).value(), ForFiles()));
}

// Neither version is lost: the one that was published meanwhile, and the one that goes on.
TEST_P(RestsOfStore, ThatBecameAVersionMeanwhileStay) {
  LeaveRest(rest_);
  const Rests found = Found(tomorrow_);
  ASSERT_EQ(found.rests.size(), 1U);
  ASSERT_TRUE(Save(rest_));
  EXPECT_FALSE(RemoveRest(*clearable_, found.rests[0], ForFiles()).value());
  EXPECT_TRUE(
      VerifyByReading(*store_, ReadManifest(*store_, rest_, ForFiles()).value(), ForFiles()));
}

// A run that is retried may have found files there that it will not send again.
TEST_P(RestsOfStore, WhoWasAboutToPublishThemFailsAndMayTryAgain) {
  LeaveRest(rest_);
  const Rests found = Found(tomorrow_);
  ASSERT_EQ(found.rests.size(), 1U);
  // As when the removal is cut off right after it began.
  ASSERT_TRUE(store_->CreateText(rest_.Key() + "/manifest.json", RemovalToJson({"word", false}),
                                 ForFiles()));
  const auto refused = Save(rest_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTemporary) << refused.error().message;
  EXPECT_EQ(ReadManifest(*store_, rest_, ForFiles()).error().kind, ErrorKind::kNotFound);
  std::vector<std::string> unreadable;
  EXPECT_TRUE(ListVersions(*store_, "churn", "1", "", ForFiles(), &unreadable)->empty());
  EXPECT_EQ(unreadable, Names());
  EXPECT_EQ(NamesAt(now_), Names{rest_.timestamp}) << "what was begun goes on at once";
  RemoveAllRests(now_);
  const auto saved = Save(rest_);
  ASSERT_TRUE(saved) << saved.error().message;
  RemoveAllRests(later_);
  EXPECT_TRUE(VerifyByReading(*store_, *saved, ForFiles()));
}

TEST_P(RestsOfStore, OfATryAfterARemovalGoAsWell) {
  LeaveRest(rest_);
  RemoveAllRests(tomorrow_);
  LeaveRest(rest_);
  EXPECT_EQ(NamesAt(now_), Names());
  EXPECT_EQ(NamesAt(tomorrow_), Names{rest_.timestamp});
  RemoveAllRests(tomorrow_);
  EXPECT_EQ(AllKeys(), Keys{rest_.Key() + "/manifest.json"});
}

TEST(Removal, IsNoManifestAndIsReadBack) {
  for (const Removal& removal : {Removal{"0123456789abcdef", false}, Removal{"", true}}) {
    EXPECT_EQ(RemovalFromJson(RemovalToJson(removal)), removal);
    EXPECT_LE(RemovalToJson(removal).size(), kRemovalBytesMax);
  }
  for (const char* text : {"", "{}", "[]", "null", R"({"removal": 1, "done": true})",
                           R"({"removal": "x"})", R"({"name": "churn"})"}) {
    EXPECT_FALSE(RemovalFromJson(text)) << text;
  }
}

}  // namespace
}  // namespace busker::artifact

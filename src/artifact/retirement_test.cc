// Of every store: a version that was retired is in no list and can be taken back until its files
// go; what it was is known for ever.
#include "artifact/retirement.h"

#include <gtest/gtest.h>

#include "artifact/directory_fixture.h"
#include "artifact/gcs_fixture.h"
#include "artifact/rests.h"

namespace busker::artifact {
namespace {

using State = Retirement::State;

template <typename Kind>
std::unique_ptr<StoreUnderTest> Open() {
  return std::make_unique<Kind>();
}

class RetirementOf : public StoreConformance {
 protected:
  Manifest Save(const std::string& timestamp) {
    folder_.Write("output/model", "trees");
    folder_.Write("output/metrics.json", "{\"auc\": 0.1}");
    return Publish(*store_, folder_ / "output", Facts({"churn", "1", "training", timestamp}), {},
                   ForFiles())
        .value();
  }
  bool RetireNow(const Manifest& version) {
    return Retire(*store_, version, now_, "saved before 2026-09-01", ForFiles()).value();
  }
  std::vector<Retirement> Retired() { return ListRetired(*store_, "churn", ForFiles()).value(); }
  std::vector<std::string> Listed() {
    std::vector<std::string> names, unreadable;
    const auto versions = ListVersions(*store_, "churn", "1", "", ForFiles(), &unreadable).value();
    for (const Manifest& version : versions) names.push_back(version.name.timestamp);
    EXPECT_EQ(unreadable, std::vector<std::string>());
    return names;
  }
  Keys AllKeys() { return store_->List("", ForFiles()).value(); }
  std::string TextOf(const Manifest& version) {
    return store_->GetText(version.name.Key() + "/manifest.json", ForFiles()).value();
  }

  const Instant now_ = ParseRfc3339("2026-12-01T08:00:00Z").value();
  const Manifest old_ = Save("20190801T000000Z"), other_ = Save("20190802T000000Z");
};

using Names = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(All, RetirementOf,
                         testing::Values(&Open<DirectoryUnderTest>, &Open<BucketUnderTest>));

TEST_P(RetirementOf, TakesAVersionOutOfEveryListAndLeavesItsFiles) {
  const Keys before = AllKeys();
  ASSERT_TRUE(RetireNow(old_));
  EXPECT_EQ(AllKeys(), before);
  EXPECT_EQ(Listed(), Names{other_.name.timestamp});
  const auto read = ReadManifest(*store_, old_.name, ForFiles());
  EXPECT_EQ(read.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read.error().message,
            "version churn/1/training/20190801T000000Z was retired (saved before 2026-09-01); "
            "busker gc --take-back churn/1/training/20190801T000000Z brings it back");
  EXPECT_EQ(RecallManifest(*store_, old_.name, ForFiles())->metrics, old_.metrics);
  EXPECT_FALSE(RetireNow(old_)) << "it is already";
  const auto retired = Retired();
  ASSERT_EQ(retired.size(), 1U);
  EXPECT_EQ(retired[0].manifest.name, old_.name);
  EXPECT_EQ(retired[0].at, now_);
  EXPECT_EQ(retired[0].state, State::kRetired);
  EXPECT_TRUE(
      FindRests(*clearable_, "churn", Now() + std::chrono::hours(1000), ForFiles())->rests.empty())
      << "its files are somebody's";
}

TEST_P(RetirementOf, CanBeTakenBackByteForByte) {
  const std::string manifest = TextOf(old_);
  ASSERT_TRUE(RetireNow(old_));
  const Retirement retired = Retired().at(0);
  ASSERT_TRUE(TakeBack(*store_, retired, ForFiles()));
  EXPECT_TRUE(TakeBack(*store_, retired, ForFiles())) << "somebody else was first";
  EXPECT_EQ(TextOf(old_), manifest);
  EXPECT_EQ(Listed(), (Names{old_.name.timestamp, other_.name.timestamp}));
  EXPECT_FALSE(RemoveFiles(*clearable_, retired, ForFiles()).value()) << "it is a version again";
  EXPECT_TRUE(Verify(*store_, old_, ForFiles()));
}

TEST_P(RetirementOf, EndsWithTheFilesGoneAndWhatItWasStillKnown) {
  ASSERT_TRUE(RetireNow(old_));
  const Retirement retired = Retired().at(0);
  ASSERT_TRUE(RemoveFiles(*clearable_, retired, ForFiles()).value());
  const std::string prefix = old_.name.Key() + "/";
  EXPECT_EQ(store_->List(old_.name.Key(), ForFiles()).value(), Keys{prefix + "manifest.json"});
  EXPECT_TRUE(Verify(*store_, other_, ForFiles()));
  EXPECT_EQ(Retired().at(0).state, State::kGone);
  EXPECT_EQ(RecallManifest(*store_, old_.name, ForFiles())->run, old_.run);
  EXPECT_EQ(TakeBack(*store_, Retired().at(0), ForFiles()).error().message,
            "version churn/1/training/20190801T000000Z was removed (saved before 2026-09-01)");
  EXPECT_EQ(TakeBack(*store_, retired, ForFiles()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(Publish(*store_, folder_ / "output", old_, {}, ForFiles()).error().message,
            "version churn/1/training/20190801T000000Z exists already and stays as it is");
  EXPECT_TRUE(RemoveFiles(*clearable_, Retired().at(0), ForFiles()).value());
}

// Killed in between, it was to be taken back without its files.
TEST_P(RetirementOf, GoesOnWhereARemovalWasCutOff) {
  ASSERT_TRUE(RetireNow(old_));
  const std::string text = TextOf(old_);
  Retirement going = Retired().at(0);
  going.state = State::kGoing;
  ASSERT_TRUE(store_
                  ->ReplaceText(old_.name.Key() + "/manifest.json", text, RetirementToJson(going),
                                ForFiles())
                  .value());
  EXPECT_EQ(TakeBack(*store_, Retired().at(0), ForFiles()).error().kind, ErrorKind::kInvalid);
  ASSERT_TRUE(RemoveFiles(*clearable_, Retired().at(0), ForFiles()).value());
  EXPECT_EQ(Retired().at(0).state, State::kGone);
}

TEST(Retirement, RefusesWhatItHasNotWritten) {
  EXPECT_FALSE(RetirementFromJson("{}"));
  EXPECT_FALSE(RetirementFromJson("{\"retired\": {}, \"manifest\": {}}"));
  EXPECT_FALSE(RetirementFromJson("[]"));
}

}  // namespace
}  // namespace busker::artifact

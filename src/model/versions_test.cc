#include "model/versions.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/test_folder.h"

namespace busker::model {
namespace {

namespace fs = std::filesystem;

// A store with versions of the actions "training" and "tuning" of churn 1.
class VersionsTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(artifact::OpenStore("file://" + (folder_ / "store").string()).value());
    fs::create_directories(folder_ / "output");
    std::ofstream(folder_ / "output" / "model") << "m";
  }

  artifact::VersionName Save(const std::string& action, const std::string& timestamp,
                             const std::string& version = "1") {
    artifact::Manifest manifest;
    manifest.name = {"churn", version, action, timestamp};
    EXPECT_TRUE(artifact::Publish(*store_, folder_ / "output", manifest, {}, artifact::ForFiles()));
    return manifest.name;
  }
  Versions Read(const std::vector<std::string>& actions = {"training", "tuning"}) {
    return ReadVersions(*store_, "churn", "1", actions, artifact::ForFiles()).value();
  }
  Result<artifact::VersionName> Find(const std::string& text) {
    return FindVersion(Read(), "churn", "1", text);
  }

  io::TestFolder folder_;
  std::unique_ptr<artifact::Store> store_;
};

TEST_F(VersionsTest, AreThoseOfTheActionsThatPromoteOldestFirst) {
  EXPECT_TRUE(Read().all.empty());
  Save("tuning", "20190801T000000Z");
  Save("training", "20190901T000000Z");
  Save("training", "20190701T000000Z");
  Save("application", "20190601T000000Z");
  Save("training", "20190501T000000Z", "2");
  std::string order;
  for (const auto& version : Read().all) order += version.name.timestamp.substr(4, 2) + " ";
  EXPECT_EQ(order, "07 08 09 ");
  EXPECT_EQ(Read({"tuning"}).all.size(), 1u);
}

TEST_F(VersionsTest, KnowWhichOneIsLive) {
  const auto first = Save("training", "20190701T000000Z");
  Save("tuning", "20190701T000000Z");
  EXPECT_FALSE(Read().live);
  ASSERT_TRUE(Promote(*store_, {first, "me", "a test", Instant{}}, artifact::ForFiles()));
  const Versions versions = Read();
  ASSERT_EQ(versions.all.size(), 2u);
  for (const auto& version : versions.all) {
    EXPECT_EQ(versions.IsLive(version), version.name.action == "training");
  }
}

// What tests found of a version is told with its own metrics: the last of each test.
TEST_F(VersionsTest, HaveWhatTestsFoundOfThem) {
  const auto version = Save("training", "20190701T000000Z");
  Save("training", "20190801T000000Z");
  const auto test = [&](const std::string& stamp, const std::string& auc) {
    folder_.Write("tested/metrics.json", "{\"auc\": " + auc + "}");
    artifact::Manifest manifest;
    manifest.name = {"churn", "1", "testing", stamp};
    manifest.input = version.Key();
    ASSERT_TRUE(artifact::Publish(*store_, folder_ / "tested", manifest, {}, artifact::ForFiles()));
  };
  test("20190702T000000Z", "0.5");
  test("20190703T000000Z", "0.6");
  const auto versions =
      ReadVersions(*store_, "churn", "1", {"training"}, artifact::ForFiles(), {"testing", "none"});
  ASSERT_TRUE(versions);
  EXPECT_EQ(versions->all.at(0).metrics.at("testing.auc"), 0.6);
  EXPECT_FALSE(versions->all.at(1).metrics.contains("testing.auc"));
}

TEST_F(VersionsTest, AreFoundByTimestampActionAndKey) {
  const auto training = Save("training", "20190701T000000Z");
  const auto tuning = Save("tuning", "20190801T000000Z");
  EXPECT_EQ(Find("20190701T000000Z").value(), training);
  EXPECT_EQ(Find("tuning/20190801T000000Z").value(), tuning);
  EXPECT_EQ(Find("churn/1/tuning/20190801T000000Z").value(), tuning);
  const auto slip = Find("20190701T00000Z");
  EXPECT_EQ(slip.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(slip.error().message.find("did you mean 20190701T000000Z?"), std::string::npos);
  EXPECT_EQ(Find("training/20190801T000000Z").error().kind, ErrorKind::kNotFound);
}

TEST_F(VersionsTest, ATimestampOfTwoActionsIsNeither) {
  Save("training", "20190701T000000Z");
  const auto tuning = Save("tuning", "20190701T000000Z");
  EXPECT_EQ(Find("20190701T000000Z").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(Find("tuning/20190701T000000Z").value(), tuning);
}

// A manifest that cannot be read took the others with it.
TEST_F(VersionsTest, NameWhatCannotBeRead) {
  Save("training", "20190701T000000Z");
  const auto broken = Save("training", "20190801T000000Z");
  std::ofstream(folder_ / "store" / broken.Key() / "manifest.json") << "{";
  const Versions versions = Read();
  EXPECT_EQ(versions.all.size(), 1u);
  ASSERT_EQ(versions.unreadable.size(), 1u);
  EXPECT_NE(versions.unreadable[0].find("20190801T000000Z"), std::string::npos);
}

}  // namespace
}  // namespace busker::model

#include "model/difference.h"

#include <gtest/gtest.h>

namespace busker::model {
namespace {

artifact::Manifest Version() {
  artifact::Manifest version;
  version.data_date = "2026-01-01";
  version.source_commit = "0123abcd";
  version.command = {"python", "-m", "prediction.main"};
  version.environment = {"3.11.7", {{"numpy", "2.4.5"}, {"pandas", "3.1.1"}}, "x"};
  version.metrics = {{"auc", 0.75}, {"rows", 1200}};
  return version;
}

TEST(Differences, AreNoneOfAVersionToItself) {
  EXPECT_TRUE(Differences(Version(), Version()).empty());
}

TEST(Differences, NameWhatEachVersionWasMadeWith) {
  artifact::Manifest other = Version();
  other.data_date = "2026-02-01";
  other.source_commit = "4567cdef-dirty";
  other.environment = {"3.11.7", {{"numpy", "2.4.6"}, {"six", "1.16.0"}}, "y"};
  other.metrics = {{"auc", 0.1}, {"rows", 1200}};
  const std::vector<Difference> expected = {
      {"data_date", "", "2026-01-01", "2026-02-01"},
      {"source_commit", "", "0123abcd", "4567cdef-dirty"},
      {"package", "numpy", "2.4.5", "2.4.6"},
      {"package", "pandas", "3.1.1", std::nullopt},
      {"package", "six", std::nullopt, "1.16.0"},
      {"metric", "auc", "0.75", "0.1", true},
  };
  EXPECT_EQ(Differences(Version(), other), expected);
}

TEST(Differences, OfAProgramThatIsNoLongerInPythonAreAllItsPackages) {
  artifact::Manifest other = Version();
  other.environment.reset();
  other.image = "registry.example/churn@sha256:0123";
  other.command = {"./prediction"};
  const std::vector<Difference> expected = {
      {"command", "", "python -m prediction.main", "./prediction"},
      {"image", "", std::nullopt, "registry.example/churn@sha256:0123"},
      {"python", "", "3.11.7", std::nullopt},
      {"package", "numpy", "2.4.5", std::nullopt},
      {"package", "pandas", "3.1.1", std::nullopt},
  };
  EXPECT_EQ(Differences(Version(), other), expected);
}

// "Commits, config, packages" were said to be the same of versions that told none of them.
TEST(Differences, AreKnownOnlyOfWhatBothVersionsTell) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(KnownOfBoth(Version(), Version()), (Words{"commits", "packages", "metrics"}));
  artifact::Manifest other = Version();
  other.source_commit.clear();
  other.environment = {"", {}, "x"};  // as older versions have it when it is unknown
  EXPECT_EQ(KnownOfBoth(Version(), other), Words{"metrics"});
  EXPECT_EQ(KnownOfBoth(artifact::Manifest(), Version()), Words());
}

}  // namespace
}  // namespace busker::model

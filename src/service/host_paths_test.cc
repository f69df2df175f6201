#include "service/host_paths.h"

#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

// A service and, beside it, data on this machine. Not in /tmp, which images have themselves.
class HostPaths : public testing::Test {
 protected:
  HostPaths() { folder_.Configs({"application"}).Write("data/here.csv", "x"); }

  std::vector<std::string> Faults(const std::string& config,
                                  const std::vector<std::string>& mounts = {},
                                  const ImageOfFolder& image = {}) {
    folder_.Write("configs/training.json", config);
    service::Faults faults;
    CheckHostPaths(folder_.Load(), mounts, image, faults);
    return faults.Sentences();
  }
  static std::string Config(const std::string& path) {
    return "{\n  \"data\": {\"paths\": [1, \"" + path + "\"]}\n}\n";
  }

  TestFolder folder_{"churn", "/var/tmp"};
  const std::string outside_ = folder_.root().substr(0, folder_.root().rfind('/'));
};

constexpr char kPlace[] = "configs/training.json:2:25: ";

TEST_F(HostPaths, AreToldWithTheFolderToMount) {
  const std::string file = outside_ + "/purchases.csv";
  EXPECT_TRUE(Faults(Config(file)).empty()) << "it is not here either";
  std::ofstream(file) << "x";
  EXPECT_EQ(Faults(Config(file)),
            std::vector<std::string>{
                kPlace + ("\"" + file) + "\" is on this machine and not in the container; list " +
                outside_ + " in the target's executor: docker://?mount=" + outside_});
  EXPECT_TRUE(Faults(Config(file), {outside_}).empty());
  EXPECT_TRUE(Faults(Config(file), {file}).empty());
  EXPECT_EQ(Faults(Config(file), {outside_ + "/purchases"}).size(), 1U) << "no folder of it";
}

// A mount with a slash at its end covered nothing, and was asked for again.
TEST_F(HostPaths, AreMountedHoweverTheFolderIsWritten) {
  std::ofstream(outside_ + "/purchases.csv") << "x";
  for (const std::string& mount : {outside_ + "/", outside_ + "/.", outside_ + "//", outside_}) {
    EXPECT_TRUE(Faults(Config(outside_ + "/purchases.csv"), {mount}).empty()) << mount;
  }
}

TEST_F(HostPaths, MayLeaveTheServicesFolder) {
  std::ofstream(outside_ + "/purchases.csv") << "x";
  const auto faults = Faults(Config("data/../../purchases.csv"));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find("write \"" + outside_ + "/purchases.csv\", and list"), std::string::npos)
      << faults[0];
  EXPECT_TRUE(Faults(Config("data/../data/here.csv")).empty());
  EXPECT_TRUE(Faults(Config("data/here.csv")).empty());
}

TEST_F(HostPaths, OfTheServiceItselfAreWrittenWithoutItsFolder) {
  const auto faults = Faults(Config(folder_.root() + "/data/here.csv"));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_TRUE(faults[0].ends_with("elsewhere in the container; write \"data/here.csv\""))
      << faults[0];
}

// The remedy named a folder that the build leaves out, and the run after it failed.
TEST_F(HostPaths, ThatTheBuildLeavesOutAreTold) {
  const ImageOfFolder image{[](const std::string& path) { return path.starts_with("data"); }, true};
  const std::string told =
      "is left out of the image by busker build; a line !data/here.csv in .dockerignore brings it "
      "in";
  auto faults = Faults(Config(folder_.root() + "/data/here.csv"), {}, image);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_TRUE(faults[0].ends_with("write \"data/here.csv\", which " + told)) << faults[0];
  EXPECT_EQ(Faults(Config("data/here.csv"), {}, image),
            std::vector<std::string>{kPlace + ("\"data/here.csv\" " + told)});
  faults = Faults(Config("data/${DATE}.csv"), {}, image);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_TRUE(faults[0].ends_with("a line !data in .dockerignore brings it in")) << faults[0];
  for (const char* const path : {"data", "data/none.csv", "configs/training.json", "kind/of"}) {
    EXPECT_TRUE(Faults(Config(path), {}, image).empty()) << path;
  }
  EXPECT_TRUE(Faults(Config("data/here.csv"), {}, {image.leaves_out, false}).empty())
      << "a Dockerfile may make it";
}

TEST_F(HostPaths, OfTheRunsOutputAreThere) {
  folder_.Write("output/model.txt", "x");
  const ImageOfFolder image{[](const std::string&) { return true; }, true};
  EXPECT_TRUE(Faults(Config("output/model.txt"), {}, image).empty());
}

TEST_F(HostPaths, WithAPlaceholderAreLookedForAsFarAsTheyAreKnown) {
  EXPECT_EQ(Faults(Config(outside_ + "/${DATE}/purchases.csv")).size(), 1U);
  EXPECT_TRUE(Faults(Config(outside_ + "/none/${DATE}.csv")).empty());
  EXPECT_TRUE(Faults(Config("${ROOT}/../purchases.csv")).empty());
}

TEST_F(HostPaths, ThatImagesHaveAreTheirOwn) {
  for (const char* const path :
       {"/", "/usr/bin/env", "/etc/passwd", "/dev/null", "/tmp", "a/b", ""}) {
    EXPECT_TRUE(Faults(Config(path)).empty()) << path;
  }
}

TEST_F(HostPaths, InCommandsAreToldWhereTheCommandStands) {
  std::ofstream(outside_ + "/run.sh") << "x";
  folder_.File("[model]\ncommand = \"/usr/bin/env sh --script=" + outside_ + "/run.sh\"\n");
  const auto faults = Faults("{}");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_TRUE(faults[0].starts_with("busker.toml:2:11: \"command\": ")) << faults[0];
}

}  // namespace
}  // namespace busker::service

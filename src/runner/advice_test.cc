#include "runner/advice.h"

#include <gtest/gtest.h>

#include <chrono>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

constexpr char kMissing[] = "last output: ModuleNotFoundError: No module named 'joblib'";
constexpr char kMake[] = "in the service's folder, busker build --target local makes what it needs";

// A missing module was told four times, and never what to do about it.
TEST(Advice, SaysTheCommandThatMakesTheEnvironmentOfPython) {
  const io::TestFolder folder;
  EXPECT_EQ(AdviceOn(folder.path(), kMissing, false), "") << "nobody says what it needs";
  folder.Write("requirements.txt", "joblib\n");
  EXPECT_EQ(AdviceOn(folder.path(), kMissing, false), kMake);
  EXPECT_EQ(AdviceOn(folder.path(), "there is no program python along PATH", false), kMake);
  EXPECT_EQ(AdviceOn(folder.path(), "ImportError: cannot import name 'x'", false), kMake);
  EXPECT_EQ(AdviceOn(folder.path(), "ValueError: bad", false), "");
  EXPECT_EQ(AdviceOn("", kMissing, false), "");
  folder.Write(".venv/bin/python", "");
  EXPECT_EQ(AdviceOn(folder.path(), kMissing, false), kMake);
}

// Right after busker build --target local it was told to run just that, of a package that no
// requirement names.
TEST(Advice, IsToNameThePackageWhereTheEnvironmentIsNew) {
  const io::TestFolder folder;
  const auto file = folder.Write("requirements.txt", "pandas\n");
  const auto stamp = folder.Write(".venv/busker-requirements.sha256", "x\n");
  EXPECT_EQ(
      AdviceOn(folder.path(), kMissing, false),
      "the .venv has what requirements.txt names; add the package of joblib there, and busker "
      "build --target local installs it");
  EXPECT_EQ(AdviceOn(folder.path(), "ImportError: cannot import name 'x'", false), "");
  io::fs::last_write_time(file, io::fs::last_write_time(stamp) + std::chrono::seconds(1));
  EXPECT_EQ(AdviceOn(folder.path(), kMissing, false), kMake);
}

// In a container it was told to make an environment on this machine, which would not have helped.
TEST(Advice, IsToBuildTheImageForAProgramInOne) {
  const io::TestFolder folder;
  folder.Write("requirements.txt", "joblib\n");
  EXPECT_EQ(AdviceOn(folder.path(), kMissing, true),
            "busker build makes an image that has what requirements.txt names");
}

TEST(Advice, IsNotAboutTheServicesOwnCode) {
  const io::TestFolder folder;
  folder.Write("requirements.txt", "joblib\n");
  folder.Write("source/features/__init__.py", "");
  folder.Write("source/tables.py", "");
  for (const std::string module : {"prediction.main", "features.age", "tables"}) {
    EXPECT_EQ(
        AdviceOn(folder.path(), "ModuleNotFoundError: No module named '" + module + "'", false),
        "");
  }
  EXPECT_EQ(AdviceOn(folder.path(), "/usr/bin/python3: No module named prediction", false), "");
}

TEST(Advice, SaysWhereTheOutputIsBelowTheHome) {
  const io::TestFolder folder;
  const auto file = folder.Write("state/runs/r/train.1/work/output/model", "1");
  EXPECT_EQ(WhereItIs(file.parent_path()),
            "; what the program left is in state/runs/r/train.1/work/output");
  EXPECT_EQ(WhereItIs(folder / "gone"), "");
}

}  // namespace
}  // namespace busker::runner

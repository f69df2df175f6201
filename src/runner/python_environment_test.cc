#include "runner/python_environment.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using Strings = std::vector<std::string>;
using Packages = std::map<std::string, std::string>;

class PythonEnvironment : public testing::Test {
 protected:
  void Program(const std::string& name, const std::string& text = "#!/bin/sh\n") {
    folder_.Write(name, text);
    ASSERT_EQ(chmod((folder_ / name).c_str(), 0755), 0);
  }
  void Install(const std::string& folder, const Strings& names) {
    for (const std::string& name : names) folder_.Write(folder + "/" + name + "/METADATA", "");
  }
  // A virtual environment .venv with these.
  void Venv(const Strings& names, const std::string& settings = "version = 3.11.7\n") {
    Program(".venv/bin/python");
    folder_.Write(".venv/pyvenv.cfg", settings);
    Install(".venv/lib/python3.11/site-packages", names);
  }
  std::optional<artifact::Environment> Find(Strings command) {
    return FindPythonEnvironment(command, environment_, folder_.path());
  }
  std::string At(const std::string& name) const { return (folder_ / name).string(); }

  const io::TestFolder folder_;
  Strings environment_ = {"PATH=" + At(".venv/bin") + ":/usr/bin:/bin", "PYTHONNOUSERSITE=1"};
};

TEST_F(PythonEnvironment, IsThatOfTheInterpreterThatTheCommandFinds) {
  Venv({"numpy-2.4.6.dist-info", "scikit_learn-1.9.1.dist-info", "numpy", "~umpy-1.0.dist-info",
        "PyYAML-6.0-py3.11.egg-info", "torch-2.1+cpu.dist-info", "useless.egg-info"});
  const auto found = Find({"python", "-m", "prediction.main"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->python, "3.11.7");
  EXPECT_EQ(
      found->packages,
      (Packages{
          {"numpy", "2.4.6"}, {"pyyaml", "6.0"}, {"scikit-learn", "1.9.1"}, {"torch", "2.1+cpu"}}));
  EXPECT_EQ(found->sha256.size(), 64U);
  EXPECT_EQ(Find({".venv/bin/python"}), found) << "named by its path";
}

TEST_F(PythonEnvironment, HasOneDigestOverAll) {
  Venv({"numpy-2.4.6.dist-info"});
  const std::string before = Find({"python"})->sha256;
  EXPECT_EQ(Find({"python"})->sha256, before);
  Install(".venv/lib/python3.11/site-packages", {"pandas-3.1.1.dist-info"});
  EXPECT_NE(Find({"python"})->sha256, before);
}

TEST_F(PythonEnvironment, HasNoneWhereTheProgramIsNoPython) {
  Venv({"numpy-2.4.6.dist-info"});
  Program("prediction");
  folder_.Write("binary",
                "\x7f"
                "ELF");
  chmod(At("binary").c_str(), 0755);
  EXPECT_FALSE(Find({"./prediction"}));
  EXPECT_FALSE(Find({"./binary"}));
  EXPECT_FALSE(Find({"sh", "-c", "python -m x"}));
  EXPECT_FALSE(Find({"./missing"}));
}

// A version was said to be made with no Python and no package at all, and with the digest of that.
TEST_F(PythonEnvironment, IsUnknownWhereAScriptChoosesTheInterpreter) {
  Program("shims/python", "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n");
  environment_ = {"PATH=" + At("shims") + ":/bin", "PYTHONNOUSERSITE=1"};
  EXPECT_FALSE(Find({"python"}));
}

TEST_F(PythonEnvironment, OfAScriptIsThatOfTheInterpreterInItsFirstLine) {
  Venv({"numpy-2.4.6.dist-info"});
  Program(".venv/bin/predict", "#!" + At(".venv/bin/python") + "\n");
  Program("predict.py", "#!/usr/bin/env -S python -u\n");
  Program("other.rb", "#!/usr/bin/env ruby\n");
  const Packages numpy = {{"numpy", "2.4.6"}};
  EXPECT_EQ(Find({"predict"})->packages, numpy);
  EXPECT_EQ(Find({"./predict.py"})->packages, numpy);
  EXPECT_FALSE(Find({"./other.rb"}));
}

TEST_F(PythonEnvironment, TakesWhatIsFoundFirst) {
  Venv({"numpy-2.4.6.dist-info", "pandas-3.1.1.dist-info"});
  Install("packages", {"numpy-1.0.dist-info"});
  environment_.push_back("PYTHONPATH=source:packages");
  EXPECT_EQ(Find({"python"})->packages, (Packages{{"numpy", "1.0"}, {"pandas", "3.1.1"}}));
}

TEST_F(PythonEnvironment, OfAnInterpreterWithoutAVirtualEnvironmentIsBesideIt) {
  Program("usr/bin/python3.12");
  fs::create_symlink("python3.12", folder_ / "usr/bin/python3");
  Install("usr/lib/python3.12/site-packages", {"numpy-2.4.6.dist-info"});
  Install("usr/lib/python3.9/site-packages", {"numpy-0.1.dist-info"});
  Install("home/.local/lib/python3.12/site-packages", {"six-1.16.0.dist-info"});
  auto found = Find({At("usr/bin/python3")});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->python, "3.12");
  EXPECT_EQ(found->packages, (Packages{{"numpy", "2.4.6"}}));
  folder_.Write("usr/include/python3.12/patchlevel.h", "#define PY_VERSION  \"3.12.4\"\n");
  environment_ = {"PATH=" + At("usr/bin"), "HOME=" + At("home")};
  found = Find({"python"});  // there is python3 alone
  ASSERT_TRUE(found);
  EXPECT_EQ(found->python, "3.12.4");
  EXPECT_EQ(found->packages, (Packages{{"numpy", "2.4.6"}, {"six", "1.16.0"}}));
}

TEST_F(PythonEnvironment, LooksAtSoMuchAndNoMore) {
  Venv({});
  for (int i = 0; i < 5'100; ++i) {
    fs::create_directories(
        folder_ / (".venv/lib/python3.11/site-packages/p" + std::to_string(i) + "-1.dist-info"));
  }
  EXPECT_EQ(Find({"python"})->packages.size(), 5'000U);
}

}  // namespace
}  // namespace busker::runner

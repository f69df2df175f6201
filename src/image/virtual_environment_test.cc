#include "image/virtual_environment.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/interrupt.h"
#include "io/subprocess.h"
#include "io/test_folder.h"

namespace busker::image {
namespace {

// A folder with requirements, and a `uv` first in PATH that makes environments of two files, and
// fails to install what has the word "nosuch" in it.
class VirtualEnvironment : public testing::Test {
 protected:
  VirtualEnvironment() {
    folder_.Write("bin/uv",
                  "#!/bin/sh\n"
                  "for last; do :; done\n"
                  "case $1 in\n"
                  "venv) mkdir -p \"$last/bin\"; echo \"home = /usr\" > \"$last/pyvenv.cfg\"\n"
                  "  ln -s /bin/sh \"$last/bin/python\";;\n"
                  "pip) if grep -q nosuch \"$last\"; then exit 1; fi\n"
                  "  bin=${5%/python}; printf '#!%s\\necho hello\\n' \"$5\" > \"$bin/hello\"\n"
                  "  chmod 755 \"$bin/hello\";;\n"
                  "esac\n");
    io::fs::permissions(folder_ / "bin/uv", io::fs::perms::owner_all);
    Require("greeting==1\n");
  }

  void Require(std::string_view text) { folder_.Write("service/requirements.txt", text); }
  Result<Refreshed> Refresh() {
    return RefreshEnvironment(
        folder_ / "service", "",
        {"PATH=" + (folder_ / "bin").string() + ":/usr/bin:/bin", "HOME=/nowhere"}, Say(),
        io::Within(std::chrono::minutes(1)));
  }
  EnvironmentState State() const { return LookAtEnvironment(folder_ / "service").value(); }
  std::string Says() const {
    const auto said = io::RunAndCapture(
        {{(folder_ / "service/.venv/bin/hello").string()}, io::OwnEnvironment(), {}},
        std::chrono::seconds(30));
    return said ? said->output : said.error().message;
  }
  bool IsThere(const io::fs::path& name) const {
    return io::fs::exists(io::fs::symlink_status(folder_ / "service" / name));
  }

  const io::TestFolder folder_;
};

// A requirement that does not exist left a service without the environment it had.
TEST_F(VirtualEnvironment, StaysWholeUntilAnotherIs) {
  EXPECT_EQ(Refresh(), Refreshed::kMade);
  EXPECT_EQ(Says(), "hello\n") << "its programs name its path";
  Require("nosuch\n");
  EXPECT_FALSE(Refresh());
  EXPECT_EQ(Says(), "hello\n");
  EXPECT_EQ(State(), EnvironmentState::kOlder);
  EXPECT_FALSE(IsThere(".venv.unfinished"));
  folder_.Write("service/.venv/own", "");
  folder_.Write("service/.venv.unfinished/bin/left", "by a build that was killed");
  Require("greeting==2\n");
  EXPECT_EQ(Refresh(), Refreshed::kMade);
  EXPECT_EQ(Says(), "hello\n");
  EXPECT_EQ(Refresh(), Refreshed::kNothing);
  EXPECT_EQ(State(), EnvironmentState::kFresh);
  EXPECT_FALSE(IsThere(".venv/own") || IsThere(".venv/bin/left") || IsThere(".venv.unfinished"));
}

// One whose Python was gone was "as requirements.txt has it".
TEST_F(VirtualEnvironment, WithoutAPythonIsBrokenAndMadeAnew) {
  ASSERT_EQ(Refresh(), Refreshed::kMade);
  for (const bool is_dangling : {true, false}) {
    io::fs::remove(folder_ / "service/.venv/bin/python");
    if (is_dangling) {
      io::fs::create_symlink("/nowhere/python3", folder_ / "service/.venv/bin/python");
    }
    EXPECT_EQ(State(), EnvironmentState::kBroken);
    EXPECT_NE(EnvironmentWarning(folder_ / "service").find("has no Python"), std::string::npos);
    EXPECT_EQ(Refresh(), Refreshed::kMade);
    EXPECT_EQ(State(), EnvironmentState::kFresh);
  }
}

// An own one, or a link to a shared one, was Busker's after the first build and erased by the next.
TEST_F(VirtualEnvironment, ThatAPersonMadeStaysTheirs) {
  folder_.Write("shared/mine", "");
  folder_.Write("shared/bin/python", "");
  io::fs::create_directory_symlink(folder_ / "shared", folder_ / "service/.venv");
  for (const char* const requirement : {"greeting==1\n", "greeting==2\n"}) {
    Require(requirement);
    EXPECT_EQ(Refresh(), Refreshed::kInstalled);
    EXPECT_EQ(Refresh(), Refreshed::kNothing);
    EXPECT_EQ(State(), EnvironmentState::kFresh);
    EXPECT_TRUE(io::fs::is_symlink(folder_ / "service/.venv"));
    EXPECT_TRUE(io::fs::exists(folder_ / "shared/mine"));
    EXPECT_TRUE(io::fs::exists(folder_ / "shared/bin/hello"));
  }
}

}  // namespace
}  // namespace busker::image

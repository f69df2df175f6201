#include "image/requirements.h"

#include <gtest/gtest.h>

#include "image/build.h"
#include "image/packages.h"
#include "io/test_folder.h"

namespace busker::image {
namespace {

TEST(Requirements, AreThoseOfTheServiceAndItsSourceWithWhatTheyReferTo) {
  const io::TestFolder folder;
  folder.Write("requirements.txt", "numpy==2.4.6  # arrays\n\n# more\n-r more/others.txt\n");
  folder.Write("more/others.txt", "pandas\n-c ../pins.txt\n");
  folder.Write("pins.txt", "pandas==3.1.1\n-r requirements.txt\n");
  folder.Write("source/requirements.txt", "scipy\n");
  const auto read = ReadRequirements(folder.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->files.size(), 2u);
  for (const char* const part : {"numpy==2.4.6\n", "pandas\n", "pandas==3.1.1\n", "scipy\n"}) {
    EXPECT_NE(read->text.find(part), std::string::npos) << part;
  }
}

TEST(Requirements, KnowTheLinesThatNoIndexHas) {
  const io::TestFolder folder;
  folder.Write("requirements.txt", "a @ git+https://example.com/a\n-e ./b\nc==1\n");
  EXPECT_EQ(ReadRequirements(folder.path())->others.size(), 2u);
}

// The layer of packages was kept by the text of the requirements alone: a wheel in a folder that
// was changed under the same name never came into the image.
TEST(Requirements, TellWhenTheirTextIsNotAllThatTheyAreMadeFrom) {
  const io::TestFolder folder;
  for (const char* const line : {"--find-links ./wheels", "-f wheels", "a @ file:///wheels/a.whl",
                                 "-c https://example.com/pins.txt"}) {
    folder.Write("requirements.txt", std::string("c==1\n") + line + "\n");
    EXPECT_TRUE(ReadRequirements(folder.path())->has_more) << line;
  }
  folder.Write("requirements.txt", "c==1\n--index-url https://example.com/simple\n");
  EXPECT_FALSE(ReadRequirements(folder.path())->has_more);
}

TEST(Requirements, ThatAreNotThereAreNoneAndAReferenceThatLeadsNowhereIsAnError) {
  const io::TestFolder folder;
  EXPECT_TRUE(ReadRequirements(folder.path())->empty());
  folder.Write("requirements.txt", "# nothing\n\n");
  EXPECT_TRUE(ReadRequirements(folder.path())->empty());
  folder.Write("requirements.txt", "-r missing.txt\n");
  EXPECT_EQ(ReadRequirements(folder.path()).error().kind, ErrorKind::kNotFound);
}

TEST(PackagesKey, ChangesWithWhatItIsMadeFrom) {
  Requirements requirements;
  requirements.text = "a==1\n";
  const std::string key = PackagesKey(requirements, {"3.11", "amd64"});
  EXPECT_EQ(key, PackagesKey(requirements, {"3.11", "amd64"}));
  EXPECT_NE(key, PackagesKey(requirements, {"3.12", "amd64"}));
  EXPECT_NE(key, PackagesKey(requirements, {"3.11", "arm64"}));
  requirements.text = "a==2\n";
  EXPECT_NE(key, PackagesKey(requirements, {"3.11", "amd64"}));
}

// A program named the Python of the machine that installed it, and RECORD held its digest.
TEST(PackagesTree, HoldsNothingOfTheMachineThatInstalled) {
  const io::TestFolder folder;
  folder.Write("bin/tool", "#!/home/ann/.venv/bin/python3.11\nimport a\n");
  folder.Write("bin/shell", "#!/bin/sh\n");
  folder.Write("a/__init__.py", "");
  folder.Write("a/__pycache__/x.pyc", "");
  folder.Write("a-1.dist-info/RECORD",
               "../../bin/tool,sha256=x,12\na/__init__.py,sha256=y,0\na/__pycache__/x.pyc,,\n");
  const auto tree = PackagesTree(folder.path(), "3.11");
  ASSERT_TRUE(tree) << tree.error().message;
  const std::string packages = "usr/local/lib/python3.11/site-packages/";
  EXPECT_EQ(tree->at("usr/local/bin/tool").text, "#!/usr/bin/env python3\nimport a\n");
  EXPECT_EQ(tree->at("usr/local/bin/shell").source, folder / "bin/shell");
  EXPECT_TRUE(tree->at("usr/local/bin/tool").is_executable);
  EXPECT_EQ(tree->at(packages + "a-1.dist-info/RECORD").text,
            "../../../bin/tool,,\na/__init__.py,sha256=y,0\n");
  EXPECT_FALSE(tree->contains(packages + "a/__pycache__/x.pyc"));
}

TEST(PythonOf, IsWhatTheFolderNames) {
  const io::TestFolder folder;
  EXPECT_EQ(PythonOf(folder.path(), ""), "");
  folder.Write(".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
  EXPECT_EQ(PythonOf(folder.path(), ""), "3.11");
  folder.Write(".python-version", "3.12.1\n");
  EXPECT_EQ(PythonOf(folder.path(), ""), "3.12");
  EXPECT_EQ(PythonOf(folder.path(), "3.13"), "3.13");
}

}  // namespace
}  // namespace busker::image

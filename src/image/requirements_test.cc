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

// A name that does not exist and an index that cannot be reached were told as "has no wheel".
TEST(InstallPackages, TellsWhyPipFoundNothing) {
  const io::TestFolder folder;
  folder.Write("python3",
               "#!/bin/sh\n"
               "case $* in *--version) exit 0;; esac\n"
               "while [ $1 != --log ]; do shift; done\n"
               "echo \"2026-11-29T18:41:47,143 Could not fetch URL $FAULT - skipping\" > $2\n"
               "echo 'ERROR: Could not find a version that satisfies the requirement '\\\n"
               "  \"My_Own==2 (from versions: $VERSIONS)\" >&2\n"
               "echo 'ERROR: No matching distribution found for My_Own==2' >&2; exit 1\n");
  io::fs::permissions(folder / "python3", io::fs::perms::owner_all);
  Requirements requirements;
  requirements.text = "My_Own==2\n";
  const auto told = [&](const std::string& fault, const std::string& versions) {
    const auto tree = InstallPackages(requirements, {"3.11", "amd64"}, folder / "to",
                                      {"PATH=" + folder.path().string() + ":/usr/bin:/bin",
                                       "FAULT=" + fault, "VERSIONS=" + versions},
                                      io::Within(std::chrono::seconds(30)));
    EXPECT_FALSE(tree || io::fs::exists(folder / "to.log"));
    return tree ? Error{} : tree.error();
  };
  const Error absent =
      told("https://i.example/simple/my-own/: 404 Client Error: Not Found", "none");
  EXPECT_TRUE(absent.message.starts_with("the index of packages has no My_Own==2"))
      << absent.message;
  EXPECT_EQ(absent.kind, ErrorKind::kInvalid);
  const Error away = told("http://i.example/simple/my-own/: connection error: refused", "none");
  EXPECT_NE(away.message.find("cannot reach the index"), std::string::npos) << away.message;
  EXPECT_NE(away.message.find("connection error: refused"), std::string::npos) << away.message;
  EXPECT_EQ(away.kind, ErrorKind::kTemporary);
  const Error other = told("http://i.example/simple/other/: 404 Client Error", "none");
  EXPECT_TRUE(other.message.starts_with("My_Own==2 has no wheel")) << other.message;
  const Error newer = told("http://i.example/simple/my-own/: 404 Client Error", "1.0, 1.1");
  EXPECT_NE(newer.message.find("linux/amd64 (from versions: 1.0, 1.1), and"), std::string::npos)
      << newer.message;
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

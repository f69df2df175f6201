#include "artifact/file_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/test_folder.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;
using Strings = std::vector<std::string>;
using Names = std::set<std::string>;

TEST(FileTree, HasTheFilesBelowAFolderInOrder) {
  const io::TestFolder folder;
  for (const char* name : {"b", "a/z", "a/b/c", "a.txt", ".hidden"}) folder.Write(name, "x");
  EXPECT_EQ(ListTree(folder.path())->files, (Strings{".hidden", "a.txt", "a/b/c", "a/z", "b"}));
}

TEST(FileTree, KnowsProgramsAndEmptyFolders) {
  const io::TestFolder folder;
  folder.Write("bin/predict", "#!/bin/sh\n");
  folder.Write("model", "x");
  ASSERT_EQ(chmod((folder / "bin/predict").c_str(), 04755), 0);
  fs::create_symlink("bin/predict", folder / "run");
  fs::create_directories(folder / "cache/tmp");
  fs::create_directories(folder / "cache/old");
  const auto tree = ListTree(folder.path());
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->executables, (Names{"bin/predict", "run"}));
  EXPECT_EQ(tree->empty_folders, (Names{"cache/old", "cache/tmp"}));
  EXPECT_TRUE(ListTree(folder / "cache/tmp")->empty_folders.empty());
}

// A link to a folder in output/ (latest -> run-1) failed the training that had made it.
TEST(FileTree, TakesALinkWithinForWhatItLeadsTo) {
  const io::TestFolder folder;
  folder.Write("in/run-1/model", "x");
  folder.Write("in/deep/er/y", "x");
  fs::create_directories(folder / "in/run-1/empty");
  fs::create_symlink("run-1", folder / "in/latest");
  fs::create_symlink("latest", folder / "in/newest");
  fs::create_symlink("../../run-1", folder / "in/deep/er/run");
  fs::create_symlink("run-1/model", folder / "in/model");
  const auto tree = ListTree(folder / "in");
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->files, (Strings{"deep/er/run/model", "deep/er/y", "latest/model", "model",
                                  "newest/model", "run-1/model"}));
  EXPECT_EQ(tree->empty_folders,
            (Names{"deep/er/run/empty", "latest/empty", "newest/empty", "run-1/empty"}));
}

TEST(FileTree, RefusesWhatIsNoneOfItAndNamesIt) {
  const auto refuses = [](const auto& make) {
    const io::TestFolder folder;
    folder.Write("secret", "x");
    folder.Write("in/file", "x");
    fs::create_directories(folder / "in/folder/below");
    folder.Write("in-side/file", "x");
    make(folder);
    const auto tree = ListTree(folder / "in");
    return !tree && tree.error().kind == ErrorKind::kInvalid &&
           tree.error().message.find("odd") != std::string::npos;
  };
  using Folder = io::TestFolder;
  for (const char* target : {"../secret", "/etc/passwd", "nowhere", "odd", "..", "/", "../in-side",
                             "../in-side/file", ".", "../in"}) {
    EXPECT_TRUE(refuses([&](const Folder& f) { fs::create_symlink(target, f / "in/odd"); }))
        << target;
  }
  EXPECT_TRUE(refuses([](const Folder& f) { mkfifo((f / "in/odd").c_str(), 0600); }));
  EXPECT_TRUE(refuses([](const Folder& f) { fs::create_symlink("..", f / "in/folder/odd"); }));
  EXPECT_TRUE(refuses(
      [](const Folder& f) { fs::create_symlink("../../folder", f / "in/folder/below/odd"); }));
  EXPECT_TRUE(refuses([](const Folder& f) {  // each leads to the other
    fs::create_directory(f / "in/other");
    fs::create_symlink("../other", f / "in/folder/odd");
    fs::create_symlink("../folder", f / "in/other/odd");
  }));
}

// Forty links that each lead to a folder with two more are a million million files.
TEST(FileTree, HasAnEnd) {
  const io::TestFolder folder;
  for (int i = 0; i < 40; ++i) {
    const fs::path level = folder / ("in/" + std::to_string(i));
    fs::create_directories(level);
    for (const char* name : {"a", "b"}) {
      fs::create_symlink("../" + std::to_string(i + 1), level / name);
    }
  }
  folder.Write("in/40/file", "x");
  const auto tree = ListTree(folder / "in", 1000);
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().message.find("1,000 are the most"), std::string::npos)
      << tree.error().message;
}

TEST(FileTree, OfNoFolderIsNotFoundAndOfALinkIsNone) {
  const io::TestFolder folder;
  EXPECT_EQ(ListTree(folder / "none").error().kind, ErrorKind::kNotFound);
  fs::create_directory(folder / "real");
  fs::create_symlink("real", folder / "link");
  EXPECT_EQ(ListTree(folder / "link").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(ListTree(folder.Write("file", "x")).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace busker::artifact

#include "image/layer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "image/service_tree.h"
#include "io/digest.h"
#include "io/subprocess.h"
#include "io/test_folder.h"

namespace busker::image {
namespace {

const auto kSoon = [] { return io::Within(std::chrono::seconds(30)); };

Entry File(std::string text, bool is_executable = false) {
  return {Entry::Kind::kFile, is_executable, {}, std::move(text)};
}

// What tar(1), another's reader, says of an archive.
std::string Listed(const io::fs::path& layer) {
  const auto listed = io::RunAndCapture(
      {{"tar", "--numeric-owner", "--utc", "--full-time", "-tvzf", layer.string()},
       io::OwnEnvironment(),
       {}},
      std::chrono::seconds(30));
  return listed && listed->exit_code == 0 ? listed->output : "tar says no";
}

TEST(Layer, IsReadByTarWithFixedTimesOwnersAndOrder) {
  const io::TestFolder folder;
  Tree tree;
  tree["service"] = {};
  tree["service/run.sh"] = File("#!/bin/sh\n", true);
  tree["service/a"] = File("1");
  tree["service/link"] = {Entry::Kind::kLink, false, {}, "a"};
  ASSERT_TRUE(WriteLayer(tree, folder / "layer", kSoon()));
  EXPECT_EQ(Listed(folder / "layer"),
            "drwxr-xr-x 0/0               0 1980-01-01 00:00:00 service/\n"
            "-rw-r--r-- 0/0               1 1980-01-01 00:00:00 service/a\n"
            "lrwxrwxrwx 0/0               0 1980-01-01 00:00:00 service/link -> a\n"
            "-rwxr-xr-x 0/0              10 1980-01-01 00:00:00 service/run.sh\n");
}

TEST(Layer, HoldsLongNamesAndBytesOfEveryLength) {
  const io::TestFolder folder;
  Tree tree;
  const std::string deep = std::string(90, 'd') + "/" + std::string(120, 'n') + "\xc3\xa9";
  AddFoldersAbove(tree, deep);
  tree[deep] = File("deep");
  tree["link"] = {Entry::Kind::kLink, false, {}, deep};
  for (const std::size_t size : {0u, 1u, 511u, 512u, 513u, 1'000'000u}) {
    tree["file" + std::to_string(size)] = File(std::string(size, 'x'));
  }
  ASSERT_TRUE(WriteLayer(tree, folder / "layer", kSoon()));
  io::fs::create_directories(folder / "out");
  const auto out = io::RunAndCapture(
      {{"tar", "-xzf", (folder / "layer").string(), "-C", (folder / "out").string()},
       io::OwnEnvironment(),
       {}},
      std::chrono::seconds(30));
  ASSERT_TRUE(out && out->exit_code == 0) << out->errors;
  EXPECT_EQ(folder.Read("out/" + deep), "deep");
  EXPECT_EQ(io::fs::read_symlink(folder / "out/link"), deep);
  EXPECT_EQ(folder.Read("out/file1000000"), std::string(1'000'000, 'x'));
  EXPECT_EQ(folder.Read("out/file513"), std::string(513, 'x'));
}

TEST(Layer, IsTheSameBytesWhereverItIsWritten) {
  const io::TestFolder one, two;
  for (const io::TestFolder* folder : {&one, &two}) {
    folder->Write("s/b.py", "print()\n");
    folder->Write("s/a/x.json", "{}\n");
  }
  io::fs::permissions(two / "s/b.py", io::fs::perms::owner_read | io::fs::perms::owner_write);
  io::fs::last_write_time(two / "s/b.py", io::fs::file_time_type());
  std::string digests[2];
  for (int i = 0; i < 2; ++i) {
    const io::TestFolder& folder = i == 0 ? one : two;
    const auto tree = ReadServiceTree(folder / "s", "service", {}, kSoon());
    ASSERT_TRUE(tree) << tree.error().message;
    const auto layer = WriteLayer(tree->tree, folder / "layer", kSoon());
    ASSERT_TRUE(layer);
    EXPECT_EQ(layer->digest, "sha256:" + io::Sha256Of(folder.Read("layer")));
    EXPECT_EQ(layer->size_bytes, folder.Read("layer").size());
    EXPECT_EQ(DiffIdOf(tree->tree, kSoon()).value(), layer->diff_id);
    digests[i] = layer->digest;
  }
  EXPECT_EQ(digests[0], digests[1]);
}

TEST(Layer, LeavesNothingBehindWhenAFileCannotBeRead) {
  const io::TestFolder folder;
  Tree tree;
  tree["gone"] = {Entry::Kind::kFile, false, folder / "gone", ""};
  EXPECT_FALSE(WriteLayer(tree, folder / "layer", kSoon()));
  EXPECT_TRUE(io::fs::is_empty(folder.path()));
}

// What was a file when the folder was read, and a link to a file elsewhere when the layer was
// written, was followed: what no rule would let in was in the image.
TEST(Layer, FollowsNoLinkThatWasAFile) {
  const io::TestFolder folder;
  folder.Write("elsewhere", "secret");
  io::fs::create_symlink(folder / "elsewhere", folder / "file");
  Tree tree;
  tree["file"] = {Entry::Kind::kFile, false, folder / "file", ""};
  EXPECT_FALSE(WriteLayer(tree, folder / "layer", kSoon()));
  tree["file"].source = "/dev/null";
  EXPECT_FALSE(WriteLayer(tree, folder / "layer", kSoon()));
}

TEST(ServiceTree, LeavesOutWhatTheRulesName) {
  const io::TestFolder folder;
  for (const char* const name : {".git/HEAD", "sub/.git", ".busker/busker.db", ".venv/bin/python",
                                 "data/big.csv", "source/__pycache__/a.pyc", "source/a.py",
                                 "configs/training.json", "notes/x.md", "notes/keep.md"}) {
    folder.Write(name, "x");
  }
  folder.Write(".dockerignore", "# mine\nnotes\n!notes/keep.md\n");
  const auto tree = ReadServiceTree(folder.path(), "service", {}, kSoon());
  ASSERT_TRUE(tree) << tree.error().message;
  std::string paths;
  for (const auto& [path, entry] : tree->tree) {
    if (entry.kind == Entry::Kind::kFile) paths += path + " ";
  }
  EXPECT_EQ(paths,
            "service/.dockerignore service/configs/training.json service/notes/keep.md "
            "service/source/a.py ");
  EXPECT_TRUE(tree->tree.contains("service/notes"));
  EXPECT_EQ(tree->left_out, (std::vector<std::string>{".busker", ".git", ".venv", "data", "notes",
                                                      "source/__pycache__", "sub/.git"}));
}

// A home with a name of its own within the folder went into the image: its record, and its secrets.
TEST(ServiceTree, LeavesOutTheHomeWhateverItIsCalled) {
  const io::TestFolder folder;
  folder.Write("a.py", "x");
  folder.Write("state/secrets.json", "x");
  io::fs::create_directory_symlink("state", folder / "link");
  const auto tree = ReadServiceTree(folder.path(), "service", folder / "link", kSoon());
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_FALSE(tree->tree.contains("service/state/secrets.json"));
  EXPECT_EQ(tree->left_out, std::vector<std::string>{"state"});
  EXPECT_TRUE(tree->tree.contains("service/a.py"));
  EXPECT_FALSE(ReadServiceTree(folder.path(), "service", folder.path(), kSoon()));
}

TEST(ServiceTree, HoldsDataThatIsNamed) {
  const io::TestFolder folder;
  folder.Write("data/rates.csv", "x");
  folder.Write("data/big.csv", "x");
  folder.Write(".dockerignore", "!data/rates.csv\n");
  const auto tree = ReadServiceTree(folder.path(), "service", {}, kSoon());
  ASSERT_TRUE(tree);
  EXPECT_TRUE(tree->tree.contains("service/data/rates.csv"));
  EXPECT_FALSE(tree->tree.contains("service/data/big.csv"));
}

// Of a whole repository the rules in its root did not count, and a file of the service's own with a
// secret was in the image.
TEST(ServiceTree, LeavesOutWhatTheRootNamesAndWhatIsPrivate) {
  const io::TestFolder folder;
  for (const char* const name :
       {"service/notes/a", "service/a.tmp", "service/keys/webhook", "service/kept.tmp"}) {
    folder.Write(name, "x");
  }
  folder.Write(".dockerignore", "service/notes\n**/*.tmp\n");
  folder.Write("service/.dockerignore", "!kept.tmp\n!keys\n");
  const auto tree = ReadServiceTree(folder / "service", "service", {}, kSoon(), folder.path(),
                                    {folder / "service/keys/webhook"});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->left_out, (std::vector<std::string>{"a.tmp", "keys/webhook", "notes"}));
}

TEST(ServiceTree, RefusesLinksThatLeadOut) {
  const io::TestFolder folder;
  folder.Write("a", "x");
  folder.Write("..data/b", "x");  // as a volume of Kubernetes has it
  io::fs::create_symlink("a", folder / "fine");
  io::fs::create_symlink("..data/b", folder / "fine, too");
  ASSERT_TRUE(ReadServiceTree(folder.path(), "service", {}, kSoon()));
  for (const char* const to : {"/etc/passwd", "../elsewhere"}) {
    io::fs::remove(folder / "out");
    io::fs::create_symlink(to, folder / "out");
    const auto tree = ReadServiceTree(folder.path(), "service", {}, kSoon());
    ASSERT_FALSE(tree) << to;
    EXPECT_NE(tree.error().message.find("leads out of the folder"), std::string::npos);
  }
}

}  // namespace
}  // namespace busker::image

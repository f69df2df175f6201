#include "image/layer_cache.h"

#include <gtest/gtest.h>

#include "image/built_images.h"
#include "io/test_folder.h"

namespace busker::image {
namespace {

const auto kSoon = [] { return io::Within(std::chrono::seconds(30)); };

Tree TreeOf(const std::string& text) {
  Tree tree;
  tree["file"] = {Entry::Kind::kFile, false, {}, text};
  return tree;
}

TEST(LayerCache, FindsWhatWasKeptAndNothingThatIsNotWhole) {
  const io::TestFolder folder;
  const LayerCache cache(folder / "images");
  EXPECT_FALSE(cache.Find("a").value());
  const auto kept = cache.Keep("a", TreeOf("x"), kSoon());
  ASSERT_TRUE(kept);
  EXPECT_EQ(cache.Find("a").value()->layer.digest, kept->layer.digest);
  // Cut off, as by a disk that was full.
  io::fs::resize_file(kept->file, 3);
  EXPECT_FALSE(cache.Find("a").value());
  EXPECT_TRUE(cache.Keep("a", TreeOf("x"), kSoon()));
  EXPECT_TRUE(cache.Find("a").value());
}

// A folder that was edited between two readings: its new bytes were kept under the key of its old
// ones, and every later build of the old ones held the new ones.
TEST(LayerCache, KeepsNothingUnderTheKeyOfOtherBytes) {
  const io::TestFolder folder;
  const LayerCache cache(folder / "images");
  Tree tree;
  tree["file"] = {Entry::Kind::kFile, false, folder.Write("file", "old"), ""};
  const std::string diff_id = DiffIdOf(tree, kSoon()).value();
  folder.Write("file", "new");
  const auto kept = cache.Keep("key", tree, kSoon(), diff_id);
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().kind, ErrorKind::kTemporary);
  EXPECT_FALSE(cache.Find("key").value());
  folder.Write("file", "old");
  EXPECT_TRUE(cache.Keep("key", tree, kSoon(), diff_id));
}

TEST(LayerCache, ForgetsWhatWasUsedLongestAgo) {
  const io::TestFolder folder;
  const LayerCache cache(folder / "images");
  for (const char* const key : {"a", "b", "c"}) {
    const auto kept = cache.Keep(key, TreeOf(key), kSoon());
    ASSERT_TRUE(kept);
    io::fs::last_write_time(kept->file, io::fs::file_time_type::clock::now() -
                                            std::chrono::hours(key[0] == 'b' ? 9 : 2));
  }
  ASSERT_TRUE(cache.Find("a").value()) << "used now";
  const auto size = cache.Find("a").value()->layer.size_bytes;
  ASSERT_TRUE(cache.Shrink(2 * size + size / 2));
  EXPECT_TRUE(cache.Find("a").value());
  EXPECT_FALSE(cache.Find("b").value());
  EXPECT_TRUE(cache.Find("c").value());
}

TEST(LayerCache, RemovesWhatAKilledBuildLeft) {
  const io::TestFolder folder;
  folder.Write("images/.tmp-packages-old/file", "x");
  folder.Write("images/.tmp-packages-new/file", "x");
  io::fs::last_write_time(folder / "images/.tmp-packages-old",
                          io::fs::file_time_type::clock::now() - std::chrono::hours(25));
  ASSERT_TRUE(LayerCache(folder / "images").Shrink());
  EXPECT_FALSE(io::fs::exists(folder / "images/.tmp-packages-old"));
  EXPECT_TRUE(io::fs::exists(folder / "images/.tmp-packages-new"));
}

TEST(BuiltImages, RemembersTheDigestOfEachName) {
  const io::TestFolder folder;
  const BuiltImages images(folder.path());
  EXPECT_EQ(images.Find("r.example/a:1").value(), "");
  ASSERT_TRUE(images.Add("r.example/a:1", "r.example/a@sha256:1"));
  ASSERT_TRUE(images.Add("r.example/b:1", "r.example/b@sha256:2"));
  ASSERT_TRUE(images.Add("r.example/a:1", "r.example/a@sha256:3"));
  EXPECT_EQ(images.Find("r.example/a:1").value(), "r.example/a@sha256:3");
  ASSERT_TRUE(images.Add("r.example/a:1", ""));
  EXPECT_EQ(images.Find("r.example/a:1").value(), "");
  EXPECT_EQ(images.Find("r.example/b:1").value(), "r.example/b@sha256:2");
  folder.Write("images/built.json", "[1");
  EXPECT_FALSE(images.Find("r.example/b:1"));
  EXPECT_TRUE(images.Add("r.example/a:1", "r.example/a@sha256:4")) << "made anew";
}

// An image of Docker Hub was kept under its whole name and looked for by the one in the file: its
// tag ran, whatever that had become, and not what was built.
TEST(BuiltImages, FindsAnImageHoweverItsNameIsWritten) {
  const io::TestFolder folder;
  const BuiltImages images(folder.path());
  ASSERT_TRUE(images.Add("docker.io/library/churn:1", "docker.io/library/churn@sha256:1"));
  for (const char* const name : {"docker.io/churn:1", "index.docker.io/library/churn:1"}) {
    EXPECT_EQ(images.Find(name).value(), "docker.io/library/churn@sha256:1") << name;
  }
  EXPECT_EQ(images.Find("churn:1").value(), "") << "a name on an engine";
}

// A file that could not be read for a moment was taken for one without images: what ran from then
// on was whatever the tags said.
TEST(BuiltImages, ForgetsNothingThatItCannotRead) {
  const io::TestFolder folder;
  const BuiltImages images(folder.path());
  ASSERT_TRUE(images.Add("r.example/a:1", "r.example/a@sha256:1"));
  io::fs::rename(folder / "images/built.json", folder / "images/kept");
  io::fs::create_symlink("built.json", folder / "images/built.json");  // to itself: ELOOP
  EXPECT_FALSE(images.Add("r.example/b:1", "r.example/b@sha256:2"));
  io::fs::rename(folder / "images/kept", folder / "images/built.json");
  EXPECT_EQ(images.Find("r.example/a:1").value(), "r.example/a@sha256:1");
}

}  // namespace
}  // namespace busker::image

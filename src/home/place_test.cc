#include "home/place.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::home {
namespace {

TEST(HomePlace, IsNamedWithinTheHomeAndFoundWhereThatIsNow) {
  EXPECT_EQ(NameOfPlace("file:///a/.busker/artifacts", "/a/.busker"), "home:artifacts");
  EXPECT_EQ(NameOfPlace("embedded:///a/.busker/warehouse", "/a/.busker"), "home:warehouse");
  EXPECT_EQ(NameOfPlace("embedded:///a/.busker2/warehouse", "/a/.busker"),
            "embedded:///a/.busker2/warehouse");
  EXPECT_EQ(NameOfPlace("file:///mnt/store", "/a/.busker"), "file:///mnt/store");
  EXPECT_EQ(UrlOfPlace("home:artifacts", {"/b"}).value(), "file:///b/artifacts");
  EXPECT_EQ(UrlOfPlace("home:warehouse", {"/b"}, "embedded").value(), "embedded:///b/warehouse");
  EXPECT_EQ(UrlOfPlace("file:///mnt/store", {"/b"}).value(), "file:///mnt/store");
  EXPECT_EQ(UrlOfPlace("gs://bucket/store", {"/b"}).value(), "gs://bucket/store");
  EXPECT_EQ(UrlOfPlace("", {"/b"}).value(), "");
}

// Orders of earlier versions have absolute paths: of a copy, into the home that it was copied from.
TEST(HomePlace, OfAnEarlierVersionIsMappedWhenItWasThisHomes) {
  const Folder home{"/b", {"/gone", "/a"}};
  EXPECT_EQ(UrlOfPlace("file:///a/artifacts", home).value(), "file:///b/artifacts");
  EXPECT_EQ(UrlOfPlace("/a/warehouse", home, "embedded").value(), "embedded:///b/warehouse");
  EXPECT_EQ(UrlOfPlace("/b/warehouse", home, "embedded").value(), "embedded:///b/warehouse");
  EXPECT_EQ(UrlOfPlace("/not-there/.busker/warehouse", home, "embedded").value(),
            "embedded:///b/warehouse");
  EXPECT_EQ(UrlOfPlace("/mnt/warehouse", home, "embedded").value(), "embedded:///mnt/warehouse");
}

TEST(HomePlace, OfAnotherHomeIsRefused) {
  const io::TestFolder folder;
  const io::fs::path other = folder.path() / "other";
  const io::fs::path own = folder.path() / "own";
  for (const io::fs::path& home : {other, own}) {
    ASSERT_TRUE(io::MakeFolders(home));
    ASSERT_TRUE(io::WriteFileAtomically(home / "busker.db", ""));
  }
  io::fs::create_symlink(own, folder.path() / "link");
  const auto refused = UrlOfPlace((other / "warehouse").string(), {own}, "embedded");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(refused.error().message.find("another home"), std::string::npos);
  EXPECT_EQ(UrlOfPlace((folder.path() / "link/warehouse").string(), {own}, "embedded").value(),
            "embedded://" + (own / "warehouse").string());
}

}  // namespace
}  // namespace busker::home

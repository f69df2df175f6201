#include "artifact/key.h"

#include <gtest/gtest.h>

#include <string>

namespace busker::artifact {
namespace {

TEST(Key, MayBeAsLongAsIsSaidAndNoLonger) {
  const std::string part(255, 'a');
  EXPECT_TRUE(CheckKey(part));
  EXPECT_FALSE(CheckKey(part + "a"));
  const std::string whole = part + "/" + part + "/" + part + "/" + part;  // 1,023 bytes
  EXPECT_TRUE(CheckKey(whole));
  EXPECT_TRUE(CheckKey("b/" + whole.substr(1)));
  EXPECT_FALSE(CheckKey("bb/" + whole.substr(1)));
}

TEST(Key, IsAPlainRelativePathInUtf8) {
  for (const char* key : {"a", "a/b.c", "..a", "a/..b", "\xC3\xA9", "a b", "-", ".tmp"}) {
    EXPECT_TRUE(CheckKey(key)) << key;
  }
  for (const char* key : {"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/../b", "\xC3", "a\nb",
                          "a\x7F", ".tmp-a", "a/.tmp-b"}) {
    EXPECT_FALSE(CheckKey(key)) << key;
  }
  EXPECT_FALSE(CheckKey(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace busker::artifact

#include "http/entity_tag.h"

#include <gtest/gtest.h>

namespace busker::http {
namespace {

TEST(EntityTags, AreNamedByAListOrByAStar) {
  for (const char* const names :
       {"\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",\"a\"", "*", " \"a\" "}) {
    EXPECT_TRUE(NamesTag(names, "\"a\"")) << names;
  }
  for (const char* const names : {"", "a", "\"b\"", "\"a", "w/\"a\"", "\"aa\"", ",", "**"}) {
    EXPECT_FALSE(NamesTag(names, "\"a\"")) << names;
  }
}

}  // namespace
}  // namespace busker::http

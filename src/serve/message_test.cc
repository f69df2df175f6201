#include "serve/message.h"

#include <gtest/gtest.h>

namespace busker::serve {
namespace {

using Parts = std::vector<std::string>;

TEST(Target, HasThePartsOfItsPathAndItsQuery) {
  const auto target =
      ParseTarget("/api/v1/graphs/shop:training?limit=5&graph=shop%2Ftraining&q=a+b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Parts{"api", "v1", "graphs", "shop:training"}));
  EXPECT_EQ(target->Query("limit"), "5");
  EXPECT_EQ(target->Query("graph"), "shop/training");
  EXPECT_EQ(target->Query("q"), "a b");
  EXPECT_EQ(target->Query("other"), "");
}

TEST(Target, OfTheRootHasNoParts) {
  ASSERT_TRUE(ParseTarget("/"));
  EXPECT_EQ(ParseTarget("/")->path, Parts());
  EXPECT_EQ(ParseTarget("/?a=b")->Query("a"), "b");
}

// Each of these is another spelling of a path in some server, or an attack on one.
TEST(Target, HasOneSpellingOnly) {
  for (const char* const text : {"",
                                 "api",
                                 "*",
                                 "http://127.0.0.1/api",
                                 "//",
                                 "//api",
                                 "/api//v1",
                                 "/api/",
                                 "/./api",
                                 "/api/..",
                                 "/api/../healthz",
                                 "/%61pi",
                                 "/api%2fv1",
                                 "/api%252fv1",
                                 "/%2e%2e/etc/passwd",
                                 "/api/v1;a=b",
                                 "/..;/api",
                                 "/api\\v1",
                                 "/api/v1#x",
                                 "/api /v1",
                                 "/api/v1\t",
                                 "/\xC3\xA9",
                                 "/a\x7F",
                                 "/api/v1?a",
                                 "/api?=b",
                                 "/api?a=b&a=c",
                                 "/api?a=%",
                                 "/api?a=%4",
                                 "/api?a=%zz",
                                 "/api?a=%00",
                                 "/api?a=%0a",
                                 "/api?a=%ff"}) {
    const auto target = ParseTarget(text);
    if (std::string_view(text) == "/api/v1?a") {
      EXPECT_TRUE(target) << "a name alone has an empty value";
    } else {
      EXPECT_FALSE(target) << text;
    }
  }
  EXPECT_FALSE(ParseTarget("/" + std::string(3000, 'a')));
  EXPECT_FALSE(ParseTarget(std::string("/a\0b", 4)));
}

}  // namespace
}  // namespace busker::serve

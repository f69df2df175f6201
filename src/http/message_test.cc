#include "http/message.h"

#include <gtest/gtest.h>

namespace busker::http {
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
                                 "/a\x7F"}) {
    EXPECT_FALSE(ParseTarget(text)) << text;
  }
  EXPECT_FALSE(ParseTarget("/" + std::string(3000, 'a')));
  EXPECT_FALSE(ParseTarget(std::string("/a\0b", 4)));
}

// A query at fault was answered as a path that is not there.
TEST(Target, SaysWhatIsWrongWithItsQuery) {
  for (const char* const text : {"/api?=b", "/api?a=%", "/api?a=%4", "/api?a=%zz", "/api?a=%00",
                                 "/api?a=%0a", "/api?a=%ff", "/api?a=b&", "/api?&a=b"}) {
    const auto target = ParseTarget(text);
    ASSERT_TRUE(target) << text;
    EXPECT_TRUE(target->query_fault.starts_with("the query cannot be understood")) << text;
  }
  EXPECT_EQ(ParseTarget("/api?a=b&a=c")->query_fault, "the query has \"a\" twice");
  EXPECT_EQ(ParseTarget("/api?a=b&%61=b")->query_fault, "the query has \"a\" twice");
  for (const char* const text : {"/api", "/api?", "/api?a", "/api?a=", "/api?a=b&b=a"}) {
    EXPECT_EQ(ParseTarget(text)->query_fault, "") << text;
  }
}

TEST(Request, HasTheCookieOfThatNameAlone) {
  Request request;
  EXPECT_EQ(request.Cookie("a"), std::nullopt);
  request.headers = {{"cookie", "ab=1; a=2; b=; a=3"}};
  EXPECT_EQ(request.Cookie("a"), "2");
  EXPECT_EQ(request.Cookie("ab"), "1");
  EXPECT_EQ(request.Cookie("b"), "");
  EXPECT_EQ(request.Cookie("c"), std::nullopt);
  EXPECT_EQ(request.Cookie("a="), std::nullopt);
}

}  // namespace
}  // namespace busker::http

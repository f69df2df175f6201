#include "http/router.h"

#include <gtest/gtest.h>

namespace busker::http {
namespace {

using Path = std::vector<std::string>;

TEST(Router, FindsARouteByItsMethodAndPath) {
  Router router;
  EXPECT_EQ(router.Add(Method::kGet, "/"), 0U);
  EXPECT_EQ(router.Add(Method::kGet, "/runs/{run}"), 1U);
  EXPECT_EQ(router.Add(Method::kPost, "/runs/{run}/cancel"), 2U);
  EXPECT_EQ(router.Add(Method::kDelete, "/runs/{run}"), 3U);
  Parameters parameters;
  EXPECT_EQ(router.Find(Method::kGet, {}, &parameters), 0U);
  EXPECT_EQ(router.Find(Method::kGet, {"runs", "r"}, &parameters), 1U);
  EXPECT_EQ(parameters, (Parameters{{"run", "r"}}));
  EXPECT_EQ(router.Find(Method::kHead, {"runs", "r"}, &parameters), 1U);
  EXPECT_EQ(router.Find(Method::kDelete, {"runs", "r"}, &parameters), 3U);
  EXPECT_EQ(router.Find(Method::kPost, {"runs", "r"}, &parameters), std::nullopt);
  for (const Path& path : {Path{"runs"}, Path{"runs", "r", "s"}, Path{"Runs", "r"}}) {
    EXPECT_EQ(router.Find(Method::kGet, path, &parameters), std::nullopt);
  }
  EXPECT_EQ(router.MethodsOf({"runs", "r"}), "GET, HEAD, DELETE");
  EXPECT_EQ(router.MethodsOf({"runs"}), "");
}

TEST(RouterDeathTest, TakesNoRouteTwice) {
  Router router;
  router.Add(Method::kGet, "/runs");
  EXPECT_DEATH(router.Add(Method::kGet, "/runs"), "a route is made once");
}

}  // namespace
}  // namespace busker::http

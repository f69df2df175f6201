#include "serve/problem.h"

#include <gtest/gtest.h>

namespace busker::serve {
namespace {

TEST(Problem, NamesFilesWithoutTheirPaths) {
  for (const auto& [text, told] : std::initializer_list<std::pair<const char*, const char*>>{
           {"read /home/ada/.busker/runs/x/log: Permission denied", "read log: Permission denied"},
           {"/srv/graphs/a.json:3:1: unknown key \"x\"", "a.json:3:1: unknown key \"x\""},
           {"open \"/tmp/a b\": no", "open \"a b\": no"},
           {"the store file:///srv/store: it is not there",
            "the store file://store: it is not there"},
           {"(/home/a/b/) and '/c/d', /e/f;", "(b) and 'd', f;"},
           {"no churn/training, nor https://example.com/a/b",
            "no churn/training, nor https://example.com/a/b"},
           {"1/2 and a / b and //", "1/2 and a / b and //"},
           {"one line\nSELECT * FROM runs", "one line"},
           {"", ""}}) {
    EXPECT_EQ(WithoutPaths(text), told);
  }
}

TEST(Problem, HasAnIdWhenThereIsMoreInTheLog) {
  const Response plain = Problem(Error{ErrorKind::kNotFound, "there is no run x"});
  EXPECT_EQ(plain.status, 404);
  EXPECT_EQ(plain.untold, "");
  EXPECT_EQ(plain.body.find("instance"), std::string::npos) << plain.body;
  const Response other =
      Problem(Error{ErrorKind::kTemporary, "write /a/b: No space left on device"});
  EXPECT_EQ(other.status, 503);
  EXPECT_NE(other.body.find("\"write b: No space left on device\""), std::string::npos)
      << other.body;
  EXPECT_NE(other.body.find("\"instance\":\"urn:busker:problem:"), std::string::npos) << other.body;
  EXPECT_TRUE(other.untold.ends_with(": write /a/b: No space left on device")) << other.untold;
}

}  // namespace
}  // namespace busker::serve

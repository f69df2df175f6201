#include "http/problem.h"

#include <gtest/gtest.h>

namespace busker::http {
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

// A path was taken to end at its first blank, so that the rest of it was told.
TEST(Problem, TellsNoPartOfAPathWithBlanks) {
  for (const auto& [text, told] : std::initializer_list<std::pair<const char*, const char*>>{
           {"read /home/ada lovelace/my files/x.json: Permission denied",
            "read x.json: Permission denied"},
           {"/home/ada/my files/x.json:3:1: unknown key", "x.json:3:1: unknown key"},
           {"open \"/home/a b/c d/e f.json\": no", "open \"e f.json\": no"},
           {"open '/home/a b/c': no", "open 'c': no"},
           {"(/home/a b/c) is it", "(c) is it"},
           {"(/home/ada (old)/c) is it", "(ada (old)c) is it"},
           {"/home/a,b/c;d/e: no", "e: no"},
           {"/home/o'neill/x: no", "x: no"},
           {"/home/a  b/\tc/d is away", "d is away"},
           {"copy /a b/c /d e/f", "copy c f"},
           {"/srv/a b.json: no", "a b.json: no"},
           {"file:///srv/a b/c: no", "file://c: no"},
           {"/a b/c, see https://example.com/x", "c, see https://example.com/x"},
           {"/a b/c see https://example.com/x", "c see https://example.com/x"}}) {
    EXPECT_EQ(WithoutPaths(text), told);
    EXPECT_EQ(WithoutPaths(told), told);
  }
}

// An error of the disk was told as a conflict, which is the caller's to mend.
TEST(Problem, OfTheMachineIsNoConflict) {
  const Response failed = Problem(Error{ErrorKind::kFailed, "read /a/b: Input/output error"});
  EXPECT_EQ(failed.status, 500);
  EXPECT_NE(failed.body.find("\"read b: Input/output error\""), std::string::npos) << failed.body;
  const Response full = Problem(Error{ErrorKind::kTemporary, "the disk is full"});
  EXPECT_EQ(full.status, 503);
  ASSERT_EQ(full.headers.size(), 1u);
  EXPECT_EQ(full.headers[0].first, "Retry-After");
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
}  // namespace busker::http

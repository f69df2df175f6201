#include "image/reference.h"

#include <gtest/gtest.h>

namespace busker::image {
namespace {

TEST(Reference, IsReadAsDockerReadsIt) {
  const struct {
    const char *text, *registry, *repository, *tag;
  } cases[] = {{"python", "docker.io", "library/python", ""},
               {"python:3.11-slim", "docker.io", "library/python", "3.11-slim"},
               {"team/churn", "docker.io", "team/churn", ""},
               {"localhost/churn:1", "localhost", "churn", "1"},
               {"127.0.0.1:5000/a/b_c:v1.2", "127.0.0.1:5000", "a/b_c", "v1.2"},
               {"127.0.0.1:5000/churn", "127.0.0.1:5000", "churn", ""},
               {"eu.gcr.io/project-1/churn", "eu.gcr.io", "project-1/churn", ""}};
  for (const auto& each : cases) {
    const auto read = ParseReference(each.text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->registry, each.registry) << each.text;
    EXPECT_EQ(read->repository, each.repository) << each.text;
    EXPECT_EQ(read->tag, each.tag) << each.text;
  }
}

TEST(Reference, MayHaveADigest) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto read = ParseReference("r.example/churn:1@" + digest);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->digest, digest);
  EXPECT_EQ(read->tag, "1");
  EXPECT_EQ(read->Text(), "r.example/churn:1@" + digest);
}

TEST(Reference, RefusesWhatNoRegistryTakes) {
  for (const char* const text :
       {"", "Churn", "r.example/", "r.example/a//b", "r.example/a/../b", "r.example/a:", "a b",
        "r.example/a@sha256:12", "r.example/a:-x", "r.example/-a", "r.ex$ample/a", "a:b:c"}) {
    const auto read = ParseReference(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalid);
  }
}

TEST(Reference, KnowsNamesWithoutARegistry) {
  EXPECT_FALSE(NamesRegistry("churn"));
  EXPECT_FALSE(NamesRegistry("team/churn"));
  EXPECT_TRUE(NamesRegistry("localhost/churn"));
  EXPECT_TRUE(NamesRegistry("registry.example/churn"));
  EXPECT_TRUE(NamesRegistry("host:5000/churn"));
}

TEST(Reference, IsAsWrittenWithoutItsTag) {
  for (const char* const name : {"churn", "a/churn", "r:5000/churn", "docker.io/churn"}) {
    EXPECT_EQ(WithoutTag(name), name);
    EXPECT_EQ(WithoutTag(std::string(name) + ":1"), name);
    EXPECT_EQ(WithoutTag(std::string(name) + ":1@sha256:2"), name);
  }
}

}  // namespace
}  // namespace busker::image

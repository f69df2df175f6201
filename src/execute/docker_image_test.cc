#include "execute/docker_image.h"

#include <gtest/gtest.h>

namespace busker::execute {
namespace {

std::string Digest(char c) { return "@sha256:" + std::string(64, c); }

TEST(DockerImage, IsKnownByTheDigestThatItsRegistryAnswered) {
  DockerImage image;
  image.id = "sha256:aaaa";
  const auto digest = [&](const std::string& reference) {
    return DigestOf(image, image::ParseReference(reference).value());
  };
  const std::string churn = "registry.example:5000/churn" + Digest('2');
  image.digests = {"mirror.example/churn" + Digest('1'), churn};
  EXPECT_EQ(digest("registry.example:5000/churn:3"), churn);
  EXPECT_EQ(digest(churn), churn);
  EXPECT_EQ(digest("churn:3"), image.id) << "another repository's is not its own";
  image.digests = {"docker.io/library/python" + Digest('3')};
  EXPECT_EQ(digest("python:3"), image.digests[0]);
  image.digests = {"localhost/churn" + Digest('4')};
  EXPECT_EQ(digest("churn:3"), image.digests[0]);
  EXPECT_EQ(digest("registry.example/churn:3"), image.id);
}

TEST(PullProgress, CountsLayersAndBytes) {
  PullProgress progress;
  EXPECT_EQ(progress.Text(), "");
  progress.Take(R"({"status":"Pulling from churn","id":"1"})");
  EXPECT_EQ(progress.Text(), "") << "that is the tag";
  progress.Take(R"({"status":"Pulling fs layer","progressDetail":{},"id":"aa"})");
  progress.Take(R"({"status":"Already exists","progressDetail":{},"id":"bb"})");
  EXPECT_EQ(progress.Text(), "1 of 2 layers");
  progress.Take(
      R"({"status":"Downloading","progressDetail":{"current":31000000,"total":120000000},"id":"aa"})");
  EXPECT_EQ(progress.Text(), "1 of 2 layers, 31 of 120 MB");
  progress.Take(R"({"status":"Pull complete","progressDetail":{},"id":"aa"})");
  EXPECT_EQ(progress.Text(), "2 of 2 layers, 120 of 120 MB");
  EXPECT_EQ(progress.fault(), "");
}

TEST(PullProgress, KeepsTheEnginesWordsOnAFaultAndMindsNoNonsense) {
  PullProgress progress;
  for (const char* const line : {"", "{", "[]", R"({"id":7})",
                                 R"({"status":"Downloading","id":"a",)"
                                 R"("progressDetail":{"current":-1}})"}) {
    progress.Take(line);
  }
  progress.Take(R"({"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})");
  EXPECT_EQ(progress.fault(), "manifest unknown");
}

}  // namespace
}  // namespace busker::execute

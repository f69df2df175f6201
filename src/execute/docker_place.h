// Containers of the engine under test as a place under test. For tests only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "execute/docker_executor.h"
#include "execute/executor_conformance.h"
#include "execute/test_docker.h"
#include "io/digest.h"

namespace busker::execute {

class DockerPlace : public PlaceUnderTest {
 public:
  ~DockerPlace() override {
    DockerEngine engine(DockerSocket());
    const auto limit = io::Within(std::chrono::minutes(2));
    const auto left = engine.List(kHomeLabel, instance_, kAttemptLabel, limit);
    EXPECT_TRUE(left) << left.error().message;
    if (!left) return;
    for (const auto& one : *left) EXPECT_TRUE(engine.Remove(one.id, limit));
  }
  std::unique_ptr<Executor> Open(Executor::OnEnded on_ended,
                                 Executor::SecretOf secret_of) override {
    return DockerExecutor::Start({DockerSocket(),
                                  BUSKER_RUNNER_PATH,
                                  folder_ / "runs",
                                  {},
                                  instance_,
                                  std::move(secret_of)},
                                 std::move(on_ended))
        .value();
  }
  io::fs::path FolderOf(const attempt::Name& name) override {
    return attempt::FolderOf(folder_ / "runs", name);
  }
  void KillRunner(const attempt::Name& name) override {
    ASSERT_EQ(PostToDocker(ContainerName(instance_, name) + "/kill?signal=SIGKILL"), 204);
  }
  std::string Url() override {
    return "docker://?image=busker-test:1&network=none&mount=" + folder_.path().string() + ":rw";
  }
  io::fs::path Shared() override { return folder_.path(); }

 private:
  const io::TestFolder folder_;
  const std::string instance_ = io::Sha256Of(folder_.path().string()).substr(0, 16);
};

// None, where there is no engine.
inline std::vector<MakePlace> DockerPlaces() {
  if (DockerSocket() == nullptr) return {};
  return {[]() -> std::unique_ptr<PlaceUnderTest> { return std::make_unique<DockerPlace>(); }};
}

}  // namespace busker::execute

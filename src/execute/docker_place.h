// Containers of an engine as a place under test, where tests/docker_test.py has started one:
// BUSKER_DOCKER_SOCKET is its socket, and busker-test:1 an image with a shell. For tests only.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "execute/docker_executor.h"
#include "execute/executor_conformance.h"
#include "io/digest.h"

namespace busker::execute {

inline const char* DockerSocket() { return std::getenv("BUSKER_DOCKER_SOCKET"); }

class DockerPlace : public PlaceUnderTest {
 public:
  ~DockerPlace() override {
    DockerEngine engine(DockerSocket());
    const auto limit = io::Within(std::chrono::seconds(30));
    const auto left = engine.List(kHomeLabel, instance_, kAttemptLabel, limit);
    EXPECT_TRUE(left) << left.error().message;
    if (!left) return;
    for (const auto& one : *left) EXPECT_TRUE(engine.Remove(one.name, limit));
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
    io::HttpSession session;
    io::HttpRequest request;
    request.method = "POST";
    request.url =
        "http://docker/v1.41/containers/" + ContainerName(instance_, name) + "/kill?signal=SIGKILL";
    request.unix_socket = DockerSocket();
    const auto killed = session.Send(request, io::Within(std::chrono::seconds(30)));
    ASSERT_TRUE(killed && killed->status == 204);
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

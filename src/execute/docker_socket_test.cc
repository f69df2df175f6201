// Where Docker's own client would find the engine.
#include "execute/docker_socket.h"

#include <gtest/gtest.h>

#include "io/digest.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

class DockerSocket : public testing::Test {
 protected:
  void Write(const io::fs::path& file, const std::string& text) {
    ASSERT_TRUE(io::MakeFolders((folder_ / file).parent_path(), 0700));
    ASSERT_TRUE(io::WriteFileUnsynced(folder_ / file, text));
  }
  void WriteContext(const std::string& name, const std::string& host) {
    Write(".docker/contexts/meta/" + io::Sha256Of(name) + "/meta.json",
          R"({"Name":")" + name + R"(","Metadata":{},"Endpoints":{"docker":{"Host":")" + host +
              R"(","SkipTLSVerify":false}}})");
  }
  std::string Find(std::vector<std::string> environment) {
    environment.push_back("HOME=" + folder_.path().string());
    const auto found = FindDockerSocket(environment, folder_.path());
    return found ? found->string() : found.error().message;
  }

  const io::TestFolder folder_;
};

TEST_F(DockerSocket, IsThatOfDockerHostBeforeAllElse) {
  WriteContext("lab", "unix:///run/lab.sock");
  EXPECT_EQ(Find({"DOCKER_HOST=unix:///run/other.sock", "DOCKER_CONTEXT=lab"}), "/run/other.sock");
}

TEST_F(DockerSocket, IsThatOfTheContextInUse) {
  WriteContext("lab", "unix:///run/lab.sock");
  WriteContext("desktop", "unix:///home/me/.docker/desktop/docker.sock");
  Write(".docker/config.json", R"({"auths":{},"currentContext":"desktop"})");
  EXPECT_EQ(Find({}), "/home/me/.docker/desktop/docker.sock");
  EXPECT_EQ(Find({"DOCKER_CONTEXT=lab"}), "/run/lab.sock");
  EXPECT_EQ(Find({"DOCKER_CONTEXT=default"}), (folder_ / "var/run/docker.sock").string());
  EXPECT_EQ(Find({"DOCKER_CONFIG=" + (folder_ / "elsewhere").string()}),
            (folder_ / "var/run/docker.sock").string());
}

TEST_F(DockerSocket, IsNotOfAnotherMachine) {
  WriteContext("far", "ssh://me@host");
  for (const char* const entry :
       {"DOCKER_HOST=tcp://10.0.0.1:2375", "DOCKER_HOST=ssh://me@host", "DOCKER_CONTEXT=far"}) {
    EXPECT_NE(Find({entry}).find("another machine"), std::string::npos) << Find({entry});
  }
  EXPECT_NE(Find({"DOCKER_CONTEXT=far"}).find("\"far\" is ssh://me@host"), std::string::npos);
}

TEST_F(DockerSocket, OfAContextThatIsNotThereOrNotUnderstoodIsAFault) {
  EXPECT_NE(Find({"DOCKER_CONTEXT=gone"}).find("\"gone\" is not there"), std::string::npos);
  Write(".docker/contexts/meta/" + io::Sha256Of("odd") + "/meta.json", R"({"Endpoints":[]})");
  EXPECT_NE(Find({"DOCKER_CONTEXT=odd"}).find("says no host"), std::string::npos);
  Write(".docker/config.json", "{");
  EXPECT_NE(Find({}).find("config.json:1:"), std::string::npos) << Find({});
}

// A rootless Docker's, and Podman's, were not found.
TEST_F(DockerSocket, IsTheFirstUsualOneThatIsThere) {
  const std::vector<std::string> own = {"XDG_RUNTIME_DIR=" + (folder_ / "own").string()};
  Write("own/podman/podman.sock", "");
  EXPECT_EQ(Find(own), (folder_ / "own/podman/podman.sock").string());
  Write("run/podman/podman.sock", "");
  EXPECT_EQ(Find(own), (folder_ / "run/podman/podman.sock").string());
  Write("own/docker.sock", "");
  EXPECT_EQ(Find(own), (folder_ / "own/docker.sock").string());
  Write("var/run/docker.sock", "");
  EXPECT_EQ(Find(own), (folder_ / "var/run/docker.sock").string());
}

}  // namespace
}  // namespace busker::execute

#include "runner/docker_command.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace busker::runner {
namespace {

TEST(DockerCommand, RunsAContainerThatHasNothingOfTheVm) {
  VmContainer container;
  container.name = "busker-123";
  container.attempt = {"home", {"r", "t", 2}};
  container.image = {"r.example/churn@sha256:aa", "/app"};
  container.runner = "/var/lib/google/busker/busker-runner";
  container.attempt_folder = "/var/lib/google/busker/attempt";
  container.secrets = "/dev/shm/busker-123/secrets";
  container.environment = {"GCE_METADATA_HOST=169.254.169.254"};
  EXPECT_EQ(
      Join(RunContainer(container), " "),
      "docker run --pull never --name busker-123 --label busker.home=home --label "
      "busker.attempt=r/t.2 --cap-drop ALL --security-opt no-new-privileges --log-driver none "
      "--stop-timeout 60 --user 65532:65532 --workdir / --mount "
      "type=bind,source=/var/lib/google/busker/busker-runner,target=/busker/busker-runner,readonly "
      "--mount "
      "type=bind,source=/var/lib/google/busker/attempt,target=/var/lib/google/busker/attempt "
      "--mount type=bind,source=/dev/shm/busker-123/secrets,target=/busker/secrets,readonly "
      "--env GCE_METADATA_HOST=169.254.169.254 --entrypoint /busker/busker-runner "
      "r.example/churn@sha256:aa --in-container /var/lib/google/busker/attempt "
      "r.example/churn@sha256:aa /app");
}

TEST(DockerCommand, MountsNoSecretsWhereThereAreNone) {
  const std::string words = Join(RunContainer({}), " ");
  EXPECT_EQ(words.find("/busker/secrets"), std::string::npos);
}

TEST(DockerCommand, LogsInAtGooglesRegistriesAlone) {
  const auto login = [](const char* reference) { return Join(LogIn(reference), " "); };
  EXPECT_EQ(login("europe-west1-docker.pkg.dev/p/r/churn:1"),
            "docker-credential-gcr configure-docker --registries europe-west1-docker.pkg.dev");
  EXPECT_EQ(login("gcr.io/p/churn"), "docker-credential-gcr configure-docker --registries gcr.io");
  EXPECT_EQ(login("eu.gcr.io/p/churn"),
            "docker-credential-gcr configure-docker --registries eu.gcr.io");
  for (const char* other :
       {"churn", "library/churn:1", "registry.example/churn", "pkg.dev.example/churn",
        "127.0.0.1:5000/gcr.io/churn", "notgcr.io/c"}) {
    EXPECT_EQ(login(other), "") << other;
  }
}

TEST(DockerCommand, NamesAnImageByTheDigestOfItsRegistry) {
  const auto name = [](const std::string& digests, const std::string& reference) {
    return ImageIn(R"({"Id": "sha256:ii", "RepoDigests": )" + digests +
                       R"(, "Config": {"WorkingDir": "/app"}})",
                   reference)
        .value()
        .name;
  };
  EXPECT_EQ(name(R"(["a.example/x@sha256:xx", "r.example:5000/churn@sha256:dd"])",
                 "r.example:5000/churn:1"),
            "r.example:5000/churn@sha256:dd");
  EXPECT_EQ(name(R"(["r.example/churn@sha256:dd"])", "r.example/churn@sha256:ee"),
            "r.example/churn@sha256:ee");
  EXPECT_EQ(name("[]", "churn:1"), "sha256:ii");
  EXPECT_EQ(name("null", "churn:1"), "sha256:ii");
}

TEST(DockerCommand, TellsTheWorkingFolderWhereThereIsOne) {
  EXPECT_EQ(ImageIn(R"({"Id": "i", "Config": {"WorkingDir": "/app"}})", "c")->working_folder,
            "/app");
  EXPECT_EQ(ImageIn(R"({"Id": "i", "Config": null})", "c")->working_folder, "");
  EXPECT_FALSE(ImageIn("", "c"));
  EXPECT_FALSE(ImageIn("[]", "c"));
}

TEST(DockerCommand, LeavesTheMachinesFilesOutOfTheContainer) {
  const auto inside =
      EnvironmentInside({"PATH=/bin", "HOME=/root", "GOOGLE_APPLICATION_CREDENTIALS=/key.json",
                         "SSL_CERT_FILE=/c.pem", "STORAGE_EMULATOR_HOST=127.0.0.1:1",
                         "GCE_METADATA_HOST=other", "https_proxy=http://p:1", "TOKEN=secret"},
                        "169.254.169.254");
  EXPECT_EQ(Join(inside, " "),
            "STORAGE_EMULATOR_HOST=127.0.0.1:1 https_proxy=http://p:1 "
            "GCE_METADATA_HOST=169.254.169.254");
}

// Docker's words as its releases 20.10 to 29 and containerd have them.
TEST(DockerCommand, TellsDockersWordsAndWhatToDo) {
  const auto told = [](const char* errors) { return WithRemedy(DockersWords(errors)); };
  EXPECT_EQ(told("docker: Error response from daemon: manifest for r/c:1 not found: manifest "
                 "unknown: manifest unknown.\nSee 'docker run --help'.\n"),
            "manifest for r/c:1 not found: manifest unknown: manifest unknown; is it pushed? "
            "busker build makes and pushes it");
  EXPECT_EQ(told("Using default tag: latest\nError response from daemon: Head \"https://r/v2/c\": "
                 "denied: Permission \"artifactregistry.repositories.downloadArtifacts\" denied\n"),
            "Head \"https://r/v2/c\": denied: Permission "
            "\"artifactregistry.repositories.downloadArtifacts\" denied; give the VM's service "
            "account roles/artifactregistry.reader on the image's repository");
  EXPECT_EQ(told("failed to register layer: write /x: no space left on device\n"),
            "failed to register layer: write /x: no space left on device; give the VM a larger "
            "disk (disk in the target)");
  EXPECT_EQ(told("docker: Error response from daemon: failed to create task: not a directory\n\n"
                 "Run 'docker run --help' for more information\n"),
            "failed to create task: not a directory");
  EXPECT_EQ(told("something else\x1b[31m\n"), "something else\\x1b[31m");
  EXPECT_EQ(told(""), "");
}

// It was asked whether the image is pushed, which it cannot be.
TEST(DockerCommand, TellsThatTheRepositoryIsToBeMade) {
  const std::string words = WithRemedy(
      DockersWords("Error response from daemon: name unknown: Repository \"shop\" not found\n"));
  EXPECT_NE(words.find("gcloud artifacts repositories create"), std::string::npos) << words;
}

TEST(DockerCommand, AsksAgainWhereTheAnswerMayBeAnother) {
  EXPECT_FALSE(MayPass("manifest unknown"));
  EXPECT_FALSE(MayPass("write /x: No space left on device"));
  EXPECT_FALSE(MayPass("unauthorized: authentication required"));
  EXPECT_TRUE(MayPass("net/http: TLS handshake timeout"));
  EXPECT_TRUE(MayPass("received unexpected HTTP status: 503 Service Unavailable"));
}

}  // namespace
}  // namespace busker::runner

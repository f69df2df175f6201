// What a container is made of, whatever a place says.
#include "execute/docker_container.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace busker::execute {
namespace {

using nlohmann::json;

Container Usual() {
  Container container;
  container.instance = "home1";
  container.attempt = {"20260801-070000-k3f9x2", "training", 2};
  container.settings.image = "registry.example/churn:1";
  container.image = "registry.example/churn@sha256:0123";
  container.image_folder = "/app";
  container.runner = "/opt/busker/busker-runner";
  container.attempt_folder = "/home/me/.busker/runs/r/training.2";
  container.user = "1000:1000";
  return container;
}

TEST(CreateBody, MountsTheRunnerAndTheAttemptAndNothingElse) {
  const json body = json::parse(CreateBody(Usual()));
  EXPECT_EQ(body["Image"], "registry.example/churn@sha256:0123");
  EXPECT_EQ(body["Cmd"][2], body["Image"]) << "the runner is told, for the manifest";
  EXPECT_EQ(body["Cmd"][3], "/app");
  EXPECT_EQ(body["Entrypoint"], json({"/busker/busker-runner"}));
  EXPECT_EQ(body["User"], "1000:1000");
  EXPECT_EQ(body["Labels"]["busker.attempt"], "20260801-070000-k3f9x2/training.2");
  const json& mounts = body["HostConfig"]["Mounts"];
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0]["Target"], "/busker/busker-runner");
  EXPECT_EQ(mounts[0]["ReadOnly"], true);
  EXPECT_EQ(mounts[1]["Source"], mounts[1]["Target"]);
  EXPECT_EQ(mounts[1]["ReadOnly"], false);
  EXPECT_FALSE(body["HostConfig"].contains("Memory"));
}

TEST(CreateBody, BoundsCpuAndMemoryAndSwapsNothing) {
  Container container = Usual();
  container.cpus_milli = 1500;
  container.memory_bytes = 1 << 30;
  const json host = json::parse(CreateBody(container))["HostConfig"];
  EXPECT_EQ(host["NanoCpus"], 1'500'000'000);
  EXPECT_EQ(host["Memory"], 1 << 30);
  EXPECT_EQ(host["MemorySwap"], 1 << 30);
}

TEST(CreateBody, AsksForGpusWhenThePlaceDoes) {
  const auto request = [](const std::string& gpus) {
    Container container = Usual();
    container.settings = ContainerSettingsIn("docker://?image=a&gpus=" + gpus).value();
    return json::parse(CreateBody(container))["HostConfig"]["DeviceRequests"];
  };
  EXPECT_EQ(request("all"), json::parse(R"([{"Driver":"","Capabilities":[["gpu"]],"Count":-1}])"));
  EXPECT_EQ(request("2"), json::parse(R"([{"Driver":"","Capabilities":[["gpu"]],"Count":2}])"));
  EXPECT_EQ(request("device=0,GPU-12"),
            json::parse(R"([{"Driver":"","Capabilities":[["gpu"]],"DeviceIDs":["0","GPU-12"]}])"));
  EXPECT_FALSE(json::parse(CreateBody(Usual()))["HostConfig"].contains("DeviceRequests"));
}

// A place is written by whoever writes the service file, and names of runs and actions by whoever
// starts one: what they say must never come to more than the few things that they may say. So this
// throws at the body what an engine would take for more, wherever something can be said.
class AnythingSaid {
 public:
  explicit AnythingSaid(unsigned seed) : random_(seed) {}

  std::string Text() {
    static const std::vector<std::string> parts = {"a",
                                                   "\",\"Privileged\":true,\"x\":\"",
                                                   "\"}},\"HostConfig\":{\"CapAdd\":[\"ALL\"]",
                                                   "/var/run/docker.sock",
                                                   "/run/podman/podman.sock",
                                                   "--privileged",
                                                   "unconfined",
                                                   "seccomp=unconfined",
                                                   "host",
                                                   "container:db",
                                                   "keep-id",
                                                   "/dev/sda",
                                                   "/proc",
                                                   "/",
                                                   "..",
                                                   ":rw",
                                                   "&",
                                                   "?",
                                                   "=",
                                                   "%22",
                                                   "\n",
                                                   "\x01",
                                                   "\xff\xfe",
                                                   "$(id)",
                                                   "${PATH}",
                                                   "PidMode",
                                                   "busker.home=other"};
    std::string text;
    for (auto left = 1 + random_() % 4; left > 0; --left) text += parts[random_() % parts.size()];
    return text;
  }
  std::string Place() {
    static const std::vector<std::string> names = {
        "image",  "network", "mount", "store",   "gpus",  "pull",   "privileged",
        "CapAdd", "pid",     "ipc",   "user",    "uts",   "userns", "devices",
        "Binds",  "volume",  "mount", "network", "mount", "image",  "SecurityOpt"};
    static const std::vector<std::string> values = {"host",      "none",
                                                    "/data",     "/data/x:rw",
                                                    "all",       "2",
                                                    "device=0",  "always",
                                                    "bridge",    "/dev/kmsg",
                                                    "/proc/1",   "/",
                                                    "/run",      "/var/run/docker.sock",
                                                    "/sys/x:rw", "my-net",
                                                    "missing",   "home:artifacts",
                                                    "a",         "reg/b:1"};
    std::string place = "docker://?image=" + Text();
    for (auto left = random_() % 5; left > 0; --left) {
      place += "&" + names[random_() % names.size()] + "=";
      place += random_() % 4 == 0 ? Text() : values[random_() % values.size()];
    }
    return place;
  }

 private:
  std::mt19937 random_;
};

// What the engine is told is decoded; the only escape among the parts is that of a quote.
std::string Decoded(std::string place) {
  for (std::size_t at = 0; (at = place.find("%22", at)) != std::string::npos;) {
    place.replace(at, 3, "\"");
  }
  return place;
}

// Each key of the value and of all that is in it.
void KeysOf(const json& value, std::set<std::string>& keys) {
  for (const auto& [key, each] : value.items()) {
    if (value.is_object()) keys.insert(key);
    if (each.is_structured()) KeysOf(each, keys);
  }
}

TEST(CreateBody, GivesNobodyMoreThanTheyMayHaveWhateverTheySay) {
  const std::set<std::string> allowed = {
      "Image",       "Entrypoint",  "Cmd",           "User",       "WorkingDir",     "StopTimeout",
      "Labels",      "HostConfig",  // and in them
      "Mounts",      "NetworkMode", "RestartPolicy", "AutoRemove", "CapDrop",        "SecurityOpt",
      "LogConfig",   "NanoCpus",    "Memory",        "MemorySwap", "DeviceRequests",  //
      "Type",        "Source",      "Target",        "ReadOnly",   "Name",           kHomeLabel,
      kAttemptLabel, "Driver",      "Capabilities",  "Count",      "DeviceIDs"};
  const std::set<std::string> top = {"Image",      "Entrypoint",  "Cmd",    "User",
                                     "WorkingDir", "StopTimeout", "Labels", "HostConfig"};
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  AnythingSaid anything(seed);
  std::mt19937 random(seed);
  int made = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string place = anything.Place();
    const auto settings = ContainerSettingsIn(place);
    if (!settings) continue;
    ++made;
    Container container = Usual();
    container.settings = *settings;
    container.image = random() % 2 == 0 ? settings->image : anything.Text();
    if (random() % 2 == 0) container.image_folder = anything.Text();
    container.instance = anything.Text();
    container.attempt = {anything.Text(), anything.Text(), static_cast<int>(random() % 9)};
    container.cpus_milli = static_cast<int>(random() % 3) * 500;
    container.memory_bytes = random() % 3 << 20;
    const json body = json::parse(CreateBody(container));
    std::set<std::string> keys;
    KeysOf(body, keys);
    for (const std::string& key : keys) ASSERT_TRUE(allowed.contains(key)) << key << " " << place;
    for (const auto& [key, _] : body.items()) ASSERT_TRUE(top.contains(key)) << key << " " << place;
    const json& host = body["HostConfig"];
    ASSERT_EQ(host["CapDrop"], json({"ALL"}));
    ASSERT_EQ(host["SecurityOpt"], json({"no-new-privileges"}));
    ASSERT_EQ(host["RestartPolicy"], json({{"Name", "no"}}));
    ASSERT_EQ(host["AutoRemove"], false);
    ASSERT_EQ(host["LogConfig"], json({{"Type", "none"}}));
    ASSERT_FALSE(host["NetworkMode"].get<std::string>().starts_with("container:")) << place;
    ASSERT_EQ(body["User"], "1000:1000");
    ASSERT_EQ(body["Entrypoint"], json({kRunnerInside}));
    ASSERT_EQ(body["Cmd"].size(), container.image_folder.empty() ? 3u : 4u);
    ASSERT_EQ(body["Cmd"][0], "--in-container");
    ASSERT_EQ(body["Labels"].size(), 2u);
    ASSERT_EQ(host["Mounts"].size(), 2u + settings->mounts.size());
    for (std::size_t at = 2; at < host["Mounts"].size(); ++at) {
      const json& mount = host["Mounts"][at];
      const std::string source = mount["Source"];
      ASSERT_EQ(mount["Target"], source) << place;
      ASSERT_EQ(mount["Type"], "bind");
      for (const char* const never : {"/", "/run", "/var/run", "/dev", "/proc", "/sys"}) {
        ASSERT_NE(source, never) << place;
      }
      ASSERT_FALSE(source.ends_with(".sock")) << place;
      ASSERT_EQ((source + "/").find("/../"), std::string::npos) << place;
      const bool says_rw = Decoded(place).find("mount=" + source + ":rw") != std::string::npos;
      ASSERT_EQ(mount["ReadOnly"], !settings->mounts[at - 2].is_writable);
      ASSERT_TRUE(mount["ReadOnly"] == true || says_rw) << place;
    }
    const std::string name = ContainerName(container.instance, container.attempt);
    ASSERT_EQ(
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"),
        std::string::npos)
        << name;
  }
  EXPECT_GT(made, 1000);
}

TEST(ContainerSettings, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const std::string& query) {
    const auto settings = ContainerSettingsIn("docker://" + query);
    return settings ? std::string() : settings.error().message;
  };
  EXPECT_EQ(refused("?image=a"), "");
  EXPECT_EQ(refused("?image=a&privileged=true"),
            "docker://?image=a&privileged=true: unknown setting \"privileged=true\"; there are "
            "network=NAME, mount=FOLDER, gpus=all and pull=always");
  EXPECT_EQ(refused(""), "docker:// names no image to run");
  EXPECT_NE(refused("?image=a&mount=data"), "");
  EXPECT_NE(refused("?image=a&mount=/data/../etc"), "");
  EXPECT_NE(refused("?image=a&mount=/data:/etc"), "");
  EXPECT_NE(refused("?image=a&network=container:db"), "");
  EXPECT_NE(refused("?image=a&gpus=0"), "");
  EXPECT_NE(refused("?image=a&gpus=device="), "");
  EXPECT_NE(refused("?image=a&gpus=some"), "");
  EXPECT_NE(refused("?image=a&pull=never"), "");
}

// A folder that has a socket of Podman's, containerd's or a user's engine was mounted as any other.
// Who has the engine's socket, or the whole of a machine's disk, has the machine.
TEST(ContainerSettings, NoContainerHasTheMachineOrItsEngine) {
  for (const char* const path : {"/",
                                 "/proc",
                                 "/proc/1/root",
                                 "/sys",
                                 "/sys/fs/cgroup",
                                 "/dev",
                                 "/dev/kmsg",
                                 "/run",
                                 "/var",
                                 "/var/run",
                                 "/var/run/docker.sock",
                                 "/run/podman/podman.sock",
                                 "/home/me/docker.sock",
                                 "/run/containerd/containerd.sock",
                                 "/run/podman",
                                 "/run/podman/",
                                 "/var/run/podman",
                                 "/run/containerd",
                                 "/run/crio/crio.sock",
                                 "/run/docker",
                                 "/run/user",
                                 "/run/user/1000",
                                 "/run/user/1000/podman",
                                 "/var/run/user/1000/docker.sock",
                                 "/run/containerd/io.containerd"}) {
    const auto settings = ContainerSettingsIn(std::string("docker://?image=a&mount=") + path);
    ASSERT_FALSE(settings) << path;
    EXPECT_NE(settings.error().message.find("hand the container this machine"), std::string::npos);
  }
  EXPECT_TRUE(ContainerSettingsIn("docker://?image=a&mount=/run/postgresql&mount=/var/lib/data"));
  EXPECT_TRUE(ContainerSettingsIn("docker://?image=a&mount=/run/user/1000/churn&mount=/var/tmp"));
  EXPECT_TRUE(ContainerSettingsIn("docker://?image=a&mount=/procedures&mount=/devices:rw"));
}

TEST(ContainerName, IsTheSameForTheSameAttemptAndForNoOther) {
  const attempt::Name name{"r1", "t", 1};
  EXPECT_EQ(ContainerName("a", name), ContainerName("a", name));
  EXPECT_NE(ContainerName("a", name), ContainerName("b", name));
  EXPECT_NE(ContainerName("a", name), ContainerName("a", {"r1", "t", 2}));
  const std::string longest(63, 'x');
  EXPECT_NE(ContainerName("a", {longest, longest + "1", 1}),
            ContainerName("a", {longest, longest + "2", 1}));
  EXPECT_LT(ContainerName("a", {longest, longest, 100}).size(), 120u);
}

}  // namespace
}  // namespace busker::execute

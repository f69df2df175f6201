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
  container.runner = "/opt/busker/busker-runner";
  container.attempt_folder = "/home/me/.busker/runs/r/training.2";
  container.user = "1000:1000";
  return container;
}

TEST(CreateBody, MountsTheRunnerAndTheAttemptAndNothingElse) {
  const json body = json::parse(CreateBody(Usual()));
  EXPECT_EQ(body["Image"], "registry.example/churn:1");
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

// A place is written by whoever writes the service file; what it says must never come to more than
// the few things that it may say.
TEST(CreateBody, GivesNoPlaceMoreThanItMayHave) {
  const std::set<std::string> top = {"Image",      "Entrypoint", "Cmd",       "User",
                                     "WorkingDir", "Labels",     "HostConfig"};
  const std::set<std::string> host = {"Mounts",  "NetworkMode", "RestartPolicy", "AutoRemove",
                                      "CapDrop", "SecurityOpt", "LogConfig",     "NanoCpus",
                                      "Memory",  "MemorySwap"};
  const std::vector<std::string> parts = {"image=a",
                                          "image=a\",\"Privileged\":true",
                                          "network=host",
                                          "network=none",
                                          "mount=/",
                                          "mount=/data:rw",
                                          "mount=/a\"b",
                                          "store=home:artifacts",
                                          "image=--privileged",
                                          "mount=/var/run/docker.sock",
                                          "network=x\",\"PidMode\":\"host"};
  std::mt19937 random(1);
  int made = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string place = "docker://?image=first";
    for (int part = 0; part < 4; ++part) place += "&" + parts[random() % parts.size()];
    auto settings = ContainerSettingsIn(place);
    if (!settings) continue;
    ++made;
    Container container = Usual();
    container.settings = *settings;
    const json body = json::parse(CreateBody(container));
    for (const auto& [key, _] : body.items()) EXPECT_TRUE(top.contains(key)) << key << place;
    for (const auto& [key, _] : body["HostConfig"].items()) {
      EXPECT_TRUE(host.contains(key)) << key << place;
    }
    EXPECT_EQ(body["HostConfig"]["CapDrop"], json({"ALL"}));
    EXPECT_EQ(body["HostConfig"]["SecurityOpt"], json({"no-new-privileges"}));
    EXPECT_EQ(body["HostConfig"]["RestartPolicy"]["Name"], "no");
    EXPECT_EQ(body["User"], "1000:1000");
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
            "docker://?image=a&privileged=true: unknown setting \"privileged\"; there are image, "
            "network and mount");
  EXPECT_EQ(refused(""), "docker:// names no image to run");
  EXPECT_NE(refused("?image=a&mount=data"), "");
  EXPECT_NE(refused("?image=a&mount=/data/../etc"), "");
  EXPECT_NE(refused("?image=a&mount=/data:/etc"), "");
  EXPECT_NE(refused("?image=a&network=container:db"), "");
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

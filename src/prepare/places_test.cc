#include "prepare/places.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"

namespace busker::prepare {
namespace {

const HomePlaces kHome{"/usr/bin/busker", "file:///home/me/.busker/artifacts",
                       "embedded:///home/me/.busker/tables", "/home/me/.busker"};

service::Service WithTarget(const service::Target& target) {
  service::Service service;
  service.targets[target.name] = target;
  return service;
}

service::Target Target() {
  service::Target target;
  target.name = "prod";
  return target;
}

TEST(Places, AreInTheHomeUnlessTheTargetSaysWhere) {
  const Places local = PlacesOf({}, "local", kHome).value();
  EXPECT_EQ(local.busker, "/usr/bin/busker");
  EXPECT_EQ(local.store_url, "file:///home/me/.busker/artifacts");
  EXPECT_EQ(local.warehouse_url, "embedded:///home/me/.busker/tables");
  service::Target prod = Target();
  prod.artifacts = "file:///mnt/store";
  prod.warehouse = "embedded:///mnt/tables";
  prod.executor = "process://";
  const Places there = PlacesOf(WithTarget(prod), "prod", kHome).value();
  EXPECT_EQ(there.store_url, "file:///mnt/store");
  EXPECT_EQ(there.warehouse_url, "embedded:///mnt/tables");
}

TEST(Places, MayBeInABucket) {
  service::Target cloud = Target();
  cloud.artifacts = "gs://bucket/prefix";
  EXPECT_EQ(PlacesOf(WithTarget(cloud), "prod", kHome)->store_url, "gs://bucket/prefix");
}

TEST(Places, ThereAreNoneForATargetThatTheServiceDoesNotName) {
  const auto places = PlacesOf(WithTarget(Target()), "staging", kHome);
  ASSERT_FALSE(places);
  EXPECT_EQ(places.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(places.error().message.find("prod"), std::string::npos);
}

TEST(Places, ATargetMayNotAskForWhatThisVersionDoesNotHave) {
  const auto refused = [](auto member, const std::string& value) {
    service::Target target = Target();
    target.*member = value;
    const auto places = PlacesOf(WithTarget(target), "prod", kHome);
    return !places && places.error().kind == ErrorKind::kInvalid &&
           places.error().message.find(value) != std::string::npos;
  };
  EXPECT_TRUE(refused(&service::Target::artifacts, "s3://bucket"));
  EXPECT_TRUE(refused(&service::Target::artifacts, "gs://A_Bucket"));
  EXPECT_TRUE(refused(&service::Target::artifacts, "file://host/mnt"));
  EXPECT_TRUE(refused(&service::Target::warehouse, "bigquery://project"));
  EXPECT_TRUE(refused(&service::Target::executor, "docker://")) << "without an image";
  EXPECT_TRUE(refused(&service::Target::executor, "kubernetes://ns"));
  EXPECT_TRUE(refused(&service::Target::image, "python:3"));
  EXPECT_TRUE(refused(&service::Target::log, "/var/log"));
}

TEST(Places, OfContainersSayTheImageAndTheStore) {
  service::Target boxed = Target();
  boxed.executor = "docker://?network=none";
  boxed.image = "registry.example:5000/churn";
  service::Service service = WithTarget(boxed);
  service.version = "2019-07-01";
  EXPECT_EQ(
      PlacesOf(service, "prod", kHome).value().executor,
      "docker://?network=none&image=registry.example:5000/churn:2019-07-01&store=home:artifacts");
  service.targets["prod"].executor = "docker:///run/engine.sock";
  service.targets["prod"].image = "churn@sha256:0123";
  service.targets["prod"].artifacts = "file:///mnt/store";
  EXPECT_EQ(PlacesOf(service, "prod", kHome).value().executor,
            "docker:///run/engine.sock?image=churn@sha256:0123&store=file:///mnt/store");
  EXPECT_EQ(PlacesOf(service, "local", kHome).value().executor, "");
  // A runner in a container finds no key: better told now than after hours of training.
  service.targets["prod"].artifacts = "gs://bucket";
  EXPECT_EQ(PlacesOf(service, "prod", kHome).error().kind, ErrorKind::kInvalid);
}

// It was an error of the run, without a place, and a mount that was not there one of the engine's.
TEST(Places, ThatCannotBeHadAreToldWhereTheFileSaysThem) {
  const io::TestFolder folder;
  folder.Write("configs/training.json", "{}");
  const auto told = [&](const std::string& settings) {
    folder.Write("busker.toml", "[targets.prod]\n" + settings + "\n");
    const auto service = service::LoadService(folder.path().string());
    EXPECT_TRUE(service) << service.error().message;
    const auto places = PlacesOf(service.value_or(service::Service{}), "prod", kHome);
    return places ? "" : places.error().message;
  };
  EXPECT_EQ(told("executor = \"docker://\""),
            "busker.toml:2:12: target \"prod\" has executor = \"docker://\" and says no image to "
            "run: image = \"registry.example/churn\"");
  EXPECT_TRUE(told("image = \"churn\"").starts_with("busker.toml:2:9: target \"prod\" has image"));
  EXPECT_TRUE(told("log = \"file:///var/log\"").starts_with("busker.toml:2:7: "));
  EXPECT_TRUE(told("warehouse = \"bigquery://p\"").starts_with("busker.toml:2:13: "));
  EXPECT_TRUE(told("artifacts = \"s3://bucket\"").starts_with("busker.toml:2:13: "));
  EXPECT_TRUE(told("executor = \"process://?gpus=all\"").starts_with("busker.toml:2:12: "));
  const std::string mount = (folder / "data").string();
  const std::string boxed =
      "image = \"churn\"\nexecutor = \"docker://?network=none&mount=" + mount + ":rw\"";
  EXPECT_TRUE(told(boxed).ends_with("there is no folder " + mount + " on this machine to mount"));
  io::fs::create_directory(mount);
  EXPECT_EQ(told(boxed), "");
}

TEST(Places, FitTheServiceOrItIsToldWhatDoesNot) {
  const io::TestFolder folder;
  folder.Write("configs/training.json", "{\"data\": \"" + (folder / "data").string() + "/x.csv\"}");
  folder.Write("data/x.csv", "1");
  folder.Write("busker.toml",
               "[actions.training]\nmemory = \"1MiB\"\ncpus = 0.001\n[targets.prod]\nexecutor = "
               "\"docker://\"\nimage = \"churn\"\n");
  const service::Service service = service::LoadService(folder.path().string()).value();
  EXPECT_TRUE(FaultsAt(service, "local").empty());
  const auto faults = FaultsAt(service, "prod");
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_TRUE(faults[0].starts_with("busker.toml:2:10: \"memory\" in [actions.training]"));
  EXPECT_TRUE(faults[1].starts_with("busker.toml:3:8: \"cpus\" in [actions.training]"));
}

}  // namespace
}  // namespace busker::prepare

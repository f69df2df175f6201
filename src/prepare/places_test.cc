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

TEST(Places, OfLogsAreAProjectOfCloudLogging) {
  service::Target cloud = Target();
  EXPECT_EQ(PlacesOf(WithTarget(cloud), "prod", kHome)->log, "");
  cloud.log = "cloud-logging://example-project";
  EXPECT_EQ(PlacesOf(WithTarget(cloud), "prod", kHome)->log, "cloud-logging://example-project");
}

// What is on a disk here would have to go through this machine.
TEST(Places, MayBeInBigQueryWhenArtifactsAreInABucket) {
  service::Target cloud = Target();
  cloud.warehouse = "bigquery://example-project/game";
  const auto refused = PlacesOf(WithTarget(cloud), "prod", kHome);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(refused.error().message.find("artifacts = \"gs://BUCKET\""), std::string::npos);
  cloud.artifacts = "gs://bucket";
  EXPECT_EQ(PlacesOf(WithTarget(cloud), "prod", kHome)->warehouse_url, cloud.warehouse);
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
  EXPECT_TRUE(refused(&service::Target::warehouse, "postgresql://host/database"));
  EXPECT_TRUE(refused(&service::Target::warehouse, "bigquery://Project!"));
  EXPECT_TRUE(refused(&service::Target::executor, "docker://")) << "without an image";
  EXPECT_TRUE(refused(&service::Target::executor, "kubernetes://ns"));
  EXPECT_TRUE(refused(&service::Target::image, "python:3"));
  EXPECT_TRUE(refused(&service::Target::log, "file:///var/log"));
  EXPECT_TRUE(refused(&service::Target::log, "cloud-logging://project/log"));
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

service::Target Machines() {
  service::Target cloud = Target();
  cloud.executor = "compute-engine://example/europe-west1-b,europe-west1-c?machine_type=e2-small";
  cloud.image = "europe-docker.pkg.dev/example/r/churn";
  cloud.artifacts = "gs://bucket/prefix";
  cloud.machine.service_account = "t@example.iam.gserviceaccount.com";
  return cloud;
}

TEST(Places, OfMachinesSayAllThatMakesThem) {
  service::Target cloud = Machines();
  service::Service service = WithTarget(cloud);
  service.version = "2019-07-01";
  const std::string bare =
      "compute-engine://example/europe-west1-b,europe-west1-c?machine_type=e2-small&image="
      "europe-docker.pkg.dev/example/r/churn:2019-07-01&store=gs://bucket/prefix&service_account="
      "t@example.iam.gserviceaccount.com";
  const Places places = PlacesOf(service, "prod", kHome).value();
  EXPECT_EQ(places.executor, bare);
  EXPECT_EQ(places.zone, "europe-west1-b,europe-west1-c");
  EXPECT_GT(places.tasks_max, 0) << "they take no room on this machine";
  EXPECT_EQ(places.preemptions_max, 0);
  EXPECT_TRUE(places.bounds_attempts);

  cloud.machine.network = "default";
  cloud.machine.subnetwork = "regions/europe-west1/subnetworks/s";
  cloud.machine.public_ip = false;
  cloud.machine.disk_gib = 50;
  cloud.machine.disk_type = "pd-ssd";
  cloud.machine.labels = {{"cost", ""}, {"team", "forecasts"}};
  cloud.machine.keep_on_failure = std::chrono::minutes(30);
  cloud.machine.spot_attempts = 2;
  service.targets["prod"] = cloud;
  const Places all = PlacesOf(service, "prod", kHome).value();
  EXPECT_EQ(all.executor,
            bare +
                "&network=default&subnetwork=regions/europe-west1/subnetworks/s&public_ip=false"
                "&disk_gb=50&disk_type=pd-ssd&label=cost:&label=team:forecasts"
                "&keep_on_failure=1800s&spot_attempts=2");
  EXPECT_EQ(all.preemptions_max, 2);
}

TEST(Places, OfMachinesNeedAnImageABucketAndAnAccount) {
  const auto told = [](const service::Target& target) {
    const auto places = PlacesOf(WithTarget(target), "prod", kHome);
    return places ? "" : places.error().message;
  };
  service::Target cloud = Machines();
  cloud.image = "";
  EXPECT_NE(told(cloud).find("says no image to run"), std::string::npos) << told(cloud);
  cloud = Machines();
  cloud.artifacts = "file:///srv/artifacts";
  EXPECT_NE(told(cloud).find("say artifacts = \"gs://BUCKET\""), std::string::npos);
  cloud.artifacts = "";
  EXPECT_NE(told(cloud).find("say artifacts = \"gs://BUCKET\""), std::string::npos)
      << "the home's own store is on this machine";
  cloud = Machines();
  cloud.machine.service_account = "";
  EXPECT_NE(told(cloud).find("says no service_account"), std::string::npos);
  cloud = Machines();
  cloud.machine.subnetwork = "regions/us-central1/subnetworks/s";
  EXPECT_NE(told(cloud).find("is not in the region of the zone europe-west1-b"), std::string::npos)
      << told(cloud);
}

// A container got a disk of its own, and a process a service account, by nobody.
TEST(Places, OfContainersAndProcessesRefuseWhatOnlyAMachineHas) {
  const io::TestFolder folder;
  folder.Write("configs/training.json", "{}");
  folder.Write("busker.toml",
               "[targets.prod]\nexecutor = \"docker://\"\nimage = \"churn\"\n"
               "disk = { size = \"50GiB\" }\n[targets.plain]\nspot_attempts = 1\n");
  const service::Service service = service::LoadService(folder.path().string()).value();
  EXPECT_EQ(
      PlacesOf(service, "prod", kHome).error().message,
      "busker.toml:4:8: target \"prod\" has disk, which the executor docker:// cannot honour; "
      "leave it out, or say executor = \"compute-engine://PROJECT/ZONE?machine_type="
      "e2-standard-2\"");
  EXPECT_TRUE(
      PlacesOf(service, "plain", kHome)
          .error()
          .message.starts_with("busker.toml:6:17: target \"plain\" has spot_attempts, which "
                               "the executor process:// cannot honour"));
}

TEST(Places, OnOtherMachinesHaveNothingOfThisOne) {
  const io::TestFolder folder;
  folder.Write("configs/training.json", "{\"data\": \"" + (folder / "data").string() + "/x.csv\"}");
  folder.Write("data/x.csv", "1");
  folder.Write(
      "busker.toml",
      "[targets.prod]\nexecutor = \"compute-engine://p/europe-west1-b?machine_type=e2-small"
      "\"\nimage = \"churn\"\n");
  service::Service service = service::LoadService(folder.path().string()).value();
  EXPECT_TRUE(FaultsAt(service, "prod").empty()) << "what is in the folder is in the image";
  const io::TestFolder other("/var/tmp");  // what is below /tmp, an image has itself
  other.Write("x.csv", "1");
  folder.Write("configs/training.json", "{\"data\": \"" + (other / "x.csv").string() + "\"}");
  service = service::LoadService(folder.path().string()).value();
  const auto faults = FaultsAt(service, "prod");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find("is on this machine, and the program runs on another"),
            std::string::npos);
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
  EXPECT_TRUE(told(boxed).ends_with("no folder " + mount + " on this machine to mount"));
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

// BigQuery has no rows by key: the delivery would fail after the model was applied.
TEST(Places, WhoseWarehouseHasNoRowsByKeySaySoWithTheLine) {
  const io::TestFolder folder;
  folder.Write("configs/application.json", "{}");
  folder.Write("busker.toml",
               "[actions.application.deliver.\"p.csv\"]\ntable = \"a.b\"\nkey = \"id\"\n"
               "[targets.prod]\nartifacts = \"gs://b\"\nwarehouse = \"bigquery://p\"\n");
  const service::Service service = service::LoadService(folder.path().string()).value();
  EXPECT_TRUE(FaultsAt(service, "local").empty());
  EXPECT_EQ(
      FaultsAt(service, "prod"),
      std::vector<std::string>{
          "busker.toml:3:7: \"key\" in [actions.application.deliver.\"p.csv\"]: the warehouse "
          "of target \"prod\" is bigquery://p: rows are asked for by key in the embedded "
          "warehouse alone; leave key out, or let the warehouse be embedded:///FOLDER"});
}

// A config that names what the build leaves out was found by the program, in a container.
TEST(Places, HaveWhatTheImageOfTheServiceHas) {
  const io::TestFolder folder;
  folder.Write("configs/training.json", "{\"data\": \"data/x.csv\"}");
  folder.Write("data/x.csv", "1");
  const auto told = [&](const std::string& image) {
    folder.Write("busker.toml",
                 "[targets.prod]\nexecutor = \"docker://\"\nimage = \"" + image + "\"\n");
    return FaultsAt(service::LoadService(folder.path().string()).value(), "prod");
  };
  EXPECT_EQ(told("churn"),
            std::vector<std::string>{
                "configs/training.json:1:10: \"data/x.csv\" is left out of the image "
                "by busker build; a line !data/x.csv in .dockerignore brings it in"});
  EXPECT_TRUE(told("churn:7").empty()) << "nobody knows what is in it";
  folder.Write(".dockerignore", "!data/x.csv\n");
  EXPECT_TRUE(told("churn").empty());
  io::fs::remove(folder / ".dockerignore");
  folder.Write("Dockerfile", "FROM scratch\n");
  EXPECT_TRUE(told("churn").empty()) << "it may be made there";
}

}  // namespace
}  // namespace busker::prepare

#include "execute/vm_boot.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "io/subprocess.h"
#include "io/test_folder.h"

namespace busker::execute {
namespace {

using nlohmann::ordered_json;

NewVm Vm(const std::string& more = {}) {
  NewVm vm;
  vm.name = {"home1", {"20190801-070000-k3f9x2", "training", 2}};
  vm.zone = "europe-west1-b";
  vm.settings =
      ComputeSettingsIn(
          "compute-engine://example-project/"
          "europe-west1-b,europe-west1-c?machine_type=e2-standard-2"
          "&image=repo/churn@sha256:00&store=gs://bucket/models"
          "&service_account=churn@example-project.iam.gserviceaccount.com&timeout_s=7200" +
          more)
          .value();
  vm.order_sha256 = std::string(64, 'a');
  vm.runner_sha256 = std::string(64, 'b');
  vm.storage = "https://storage.googleapis.com";
  vm.compute = "https://compute.googleapis.com";
  return vm;
}

ordered_json BodyOf(const NewVm& vm) {
  const auto body = InsertBody(vm);
  EXPECT_TRUE(body) << body.error().message;
  return ordered_json::parse(body.value_or("{}"));
}

std::string MetadataOf(const ordered_json& body, const std::string& key) {
  for (const auto& item : body["metadata"]["items"]) {
    if (item["key"] == key) return item["value"];
  }
  return "none";
}

// Whoever changes this changes what every VM is made of.
TEST(VmBoot, MakesEveryVmOfThis) {
  ordered_json body = BodyOf(Vm());
  for (auto& item : body["metadata"]["items"]) {
    if (item["key"] == "user-data") item["value"] = "...";
  }
  const ordered_json labels = {{"busker-attempt", VmName(Vm().name)},
                               {"busker-home", "home1"},
                               {"busker-run", "20190801-070000-k3f9x2"},
                               {"busker-task", "training"}};
  const auto item = [](const std::string& key, const std::string& value) {
    return ordered_json{{"key", key}, {"value", value}};
  };
  const nlohmann::json expected = {
      {"name", VmName(Vm().name)},
      {"description", "Busker: 20190801-070000-k3f9x2/training.2"},
      {"machineType", "zones/europe-west1-b/machineTypes/e2-standard-2"},
      {"labels", labels},
      {"deletionProtection", false},
      {"scheduling",
       {{"provisioningModel", "STANDARD"},
        {"instanceTerminationAction", "DELETE"},
        {"maxRunDuration", {{"seconds", "9600"}}},  // 2 h, 30 min for the image, 10 min
        {"automaticRestart", false},
        {"onHostMaintenance", "MIGRATE"}}},
      {"disks",
       {{{"boot", true},
         {"autoDelete", true},
         {"initializeParams",
          {{"sourceImage", "projects/cos-cloud/global/images/family/cos-stable"},
           {"diskSizeGb", "30"},
           {"diskType", "zones/europe-west1-b/diskTypes/pd-balanced"},
           {"labels", labels}}}}}},
      {"networkInterfaces",
       {{{"network", "global/networks/default"},
         {"accessConfigs", {{{"type", "ONE_TO_ONE_NAT"}, {"name", "External NAT"}}}}}}},
      {"serviceAccounts",
       {{{"email", "churn@example-project.iam.gserviceaccount.com"},
         {"scopes", {"https://www.googleapis.com/auth/cloud-platform"}}}}},
      {"shieldedInstanceConfig",
       {{"enableSecureBoot", true}, {"enableVtpm", true}, {"enableIntegrityMonitoring", true}}},
      {"metadata",
       {{"items",
         {item("busker-store", "gs://bucket/models"),
          item("busker-attempt", "home1/20190801-070000-k3f9x2/training.2"),
          item("busker-order-sha256", std::string(64, 'a')),
          item("busker-image", "repo/churn@sha256:00"), item("busker-keep-on-failure-s", "0"),
          item("busker-timeout-s", "9600"), item("google-logging-enabled", "false"),
          item("enable-oslogin", "TRUE"), item("block-project-ssh-keys", "TRUE"),
          item("user-data", "...")}}}}};
  EXPECT_EQ(nlohmann::json(body), expected) << body.dump(1);
}

// A VM that is not deleted by itself is billed for ever when all else fails.
TEST(VmBoot, NoSettingTakesAnySafetyAway) {
  const std::string settings[] = {"",
                                  "&public_ip=false",
                                  "&network=own&subnetwork=inner",
                                  "&disk_gb=500&disk_type=pd-ssd",
                                  "&label=team:risk",
                                  "&keep_on_failure=24h",
                                  "&spot_attempts=3",
                                  "&timeout_s=1",
                                  "&timeout_s=8640000"};
  for (const std::string& setting : settings) {
    for (const bool is_spot : {false, true}) {
      SCOPED_TRACE(setting + (is_spot ? " spot" : ""));
      NewVm vm = Vm(setting);
      vm.is_spot = is_spot;
      const ordered_json body = BodyOf(vm);
      EXPECT_EQ(body["deletionProtection"], false);
      EXPECT_EQ(body["scheduling"]["automaticRestart"], false);
      EXPECT_EQ(body["scheduling"]["instanceTerminationAction"], "DELETE");
      EXPECT_EQ(body["scheduling"]["provisioningModel"], is_spot ? "SPOT" : "STANDARD");
      const int limit =
          std::stoi(body["scheduling"]["maxRunDuration"]["seconds"].get<std::string>());
      EXPECT_GE(limit, 30);
      EXPECT_LE(limit, 120 * 24 * 3600) << "more is refused";
      for (const auto& disk : body["disks"]) EXPECT_EQ(disk["autoDelete"], true);
      for (const auto& labels : {body["labels"], body["disks"][0]["initializeParams"]["labels"]}) {
        EXPECT_EQ(labels[kVmHomeLabel], "home1");
        EXPECT_EQ(labels[kVmAttemptLabel], body["name"]);
      }
      EXPECT_EQ(body["serviceAccounts"][0]["email"], vm.settings.service_account);
    }
  }
}

TEST(VmBoot, SettingsAreOfTheVm) {
  NewVm vm =
      Vm("&public_ip=false&network=own&subnetwork=inner&label=team:risk&keep_on_failure=30m");
  const ordered_json body = BodyOf(vm);
  EXPECT_EQ(
      body["networkInterfaces"][0].dump(),
      R"({"network":"global/networks/own","subnetwork":"regions/europe-west1/subnetworks/inner"})");
  EXPECT_EQ(body["labels"]["team"], "risk");
  EXPECT_EQ(MetadataOf(body, "busker-keep-on-failure-s"), "1800");
  EXPECT_EQ(VmLimit(vm.settings), std::chrono::hours(2) + std::chrono::minutes(30 + 30 + 10));
}

TEST(VmBoot, NamesAreShortLegalAndOfOneAttemptOfOneHomeEach) {
  std::set<std::string> names;
  const std::regex legal("[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?");
  for (const std::string home : {"home1", "home2"}) {
    for (const std::string run : {"20190801-070000-k3f9x2", "a", "A_run.with-all_of.it"}) {
      for (const std::string task : {"t", "t.", "T", "a-very-long-task-name-that-goes-on-and-on"}) {
        for (const int number : {1, 2, 11, 1234567}) {
          const std::string name = VmName({home, {run, task, number}});
          EXPECT_TRUE(std::regex_match(name, legal)) << name;
          EXPECT_TRUE(names.insert(name).second) << name;
        }
      }
    }
  }
  EXPECT_EQ(VmName({"home1", {"r", "t", 1}}), VmName({"home1", {"r", "t", 1}}));
}

TEST(VmBoot, OnlyWhatIsOnThisMachineIsHandedOnOfEndpoints) {
  EXPECT_EQ(
      StandInEnvironment({"STORAGE_EMULATOR_HOST=127.0.0.1:4443", "HOME=/root",
                          "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=http://localhost:1/compute/v1/",
                          "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=https://storage.example.com/",
                          "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING=http://127.0.0.1:1/%n"}),
      (std::vector<std::string>{
          "STORAGE_EMULATOR_HOST=127.0.0.1:4443",
          "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=http://localhost:1/compute/v1/"}));
}

// What a shell finds wrong with the script, it finds here.
TEST(VmBoot, TheScriptIsWholeAndGoodForAShell) {
  const std::string user_data = MetadataOf(BodyOf(Vm()), "user-data");
  ASSERT_TRUE(user_data.starts_with("#cloud-config\n"));
  const auto config = nlohmann::json::parse(user_data.substr(user_data.find('\n')));
  std::map<std::string, std::string> files;
  for (const auto& file : config["write_files"]) files[file["path"]] = file["content"];
  const std::string script = files["/etc/busker/boot"];
  EXPECT_NE(script.find("/o?uploadType=media&ifGenerationMatch=0&name="), std::string::npos);
  EXPECT_NE(script.find("models%2F_busker%2Frunners%2F" + std::string(64, 'b')), std::string::npos);
  EXPECT_NE(files["/etc/systemd/system/busker.service"].find("ExecStart=/bin/sh /etc/busker/boot"),
            std::string::npos);
  const std::regex word("@[A-Z]+@");
  for (std::sregex_iterator left(script.begin(), script.end(), word), end; left != end; ++left) {
    EXPECT_TRUE(left->str() == "@ID@" || left->str() == "@BOOT@" || left->str() == "@NOW@" ||
                left->str() == "@MESSAGE@" || left->str() == "@ENDING@")
        << left->str();
  }
  const io::TestFolder folder;
  ASSERT_TRUE(io::WriteFileUnsynced(folder / "boot", script));
  EXPECT_EQ(std::system(("sh -n " + (folder / "boot").string()).c_str()), 0);
}

}  // namespace
}  // namespace busker::execute

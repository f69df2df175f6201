// VMs of the stand-in for Google Cloud as a place under test, whose containers the engine under
// test runs. For tests only; for .cc files only.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attempt/remote.h"
#include "execute/cloud_stand_in.h"
#include "execute/compute_executor.h"
#include "execute/executor_conformance.h"
#include "execute/test_docker.h"
#include "execute/vm_boot.h"
#include "io/digest.h"

namespace busker::execute {

class VmPlace : public PlaceUnderTest {
 public:
  VmPlace() {
    // Programs in containers of VMs are no root.
    io::fs::permissions(folder_.path(), io::fs::perms::all);
    Cloud().Tell("guest_mounts", {{"folders", {Shared().string()}}});
    Cloud().Tell("guest_variables", {{"STORAGE_EMULATOR_HOST", Variable("STORAGE_EMULATOR_HOST")}});
  }
  // What is left is swept, and then there is nothing.
  ~VmPlace() override {
    const auto executor = Open([](const attempt::Name&, const Result<attempt::ExitRecord>&) {}, {});
    EXPECT_TRUE(executor->Sweep({}));
    EXPECT_TRUE(Eventually([&] { return Numbers("").empty(); })) << "a VM is left";
  }
  std::unique_ptr<Executor> Open(Executor::OnEnded on_ended,
                                 Executor::SecretOf secret_of) override {
    ComputeExecutor::Settings settings;
    settings.project = "example-project";
    settings.runner = BUSKER_RUNNER_PATH;
    settings.folder = folder_ / "runs";
    settings.instance = instance_;
    settings.secret_of = std::move(secret_of);
    settings.environment = Cloud().Environment();
    settings.times.look_each = Milliseconds(300);
    settings.times.look_each_coming = Milliseconds(300);
    settings.times.pause_first = settings.times.poll_first = Milliseconds(20);
    settings.times.pause_max = settings.times.poll_max = Milliseconds(200);
    settings.times.doubt = Milliseconds(500);
    settings.list_each = Milliseconds(50);
    settings.sweep_each = settings.sweep_again = Milliseconds(100);
    return ComputeExecutor::Start(std::move(settings), std::move(on_ended)).value();
  }
  io::fs::path FolderOf(const attempt::Name& name) override {
    return attempt::FolderOf(folder_ / "runs", name);
  }
  bool HasEnded(const attempt::Name& name) override {
    const auto objects = Cloud().Objects();
    const std::string exit = attempt::RemoteKeys({instance_, name}).exit;
    return std::find(objects.begin(), objects.end(), "models/" + exit) != objects.end();
  }
  // In its container: whoever carries the attempt lives.
  void KillRunner(const attempt::Name& name) override {
    const auto numbers = Numbers(VmName({instance_, name}));
    ASSERT_EQ(numbers.size(), 1U);
    const std::string docker = std::string("docker --host unix://") + DockerSocket();
    // Its program may have begun before the engine lists it as running.
    const std::string command =
        "running=$(" + docker + " ps -q --filter label=busker.stand-in.vm=" + numbers[0] +
        "); [ -n \"$running\" ] && " + docker + " kill $running > /dev/null";
    ASSERT_TRUE(Eventually([&] { return std::system(command.c_str()) == 0; }));
  }
  std::string Url() override {
    return "compute-engine://example-project/europe-west1-b?machine_type=e2-small"
           "&image=busker-test:1&store=gs://bucket/models"
           "&service_account=vm@example-project.iam.gserviceaccount.com";
  }
  io::fs::path Shared() override { return folder_.path(); }

 private:
  // One for all tests of this process: it takes a moment to start.
  static CloudStandIn& Cloud() {
    static CloudStandIn* const cloud = [] {
      auto* made = new CloudStandIn({"--docker", DockerSocket()});
      made->Tell("pace", {{"operation_s", 0.02}, {"soft_off_s", {20, 20}}});
      return made;
    }();
    return *cloud;
  }
  static std::string Variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
  }
  static bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2400; ++i) {  // a VM's own end may take a while
      if (condition()) return true;
      std::this_thread::sleep_for(Milliseconds(50));
    }
    return false;
  }
  // Of this home's VMs, or of one: by what the stand-in marks their containers with.
  std::vector<std::string> Numbers(const std::string& name) {
    std::vector<std::string> numbers;
    const auto answer = Cloud().Ask("vms");
    for (const auto& vm : answer["vms"]) {
      if (vm["labels"].value(kVmHomeLabel, "") != instance_) continue;
      const std::string root = vm["root"];
      if (name.empty() || vm["name"] == name) {
        numbers.push_back(root.substr(root.rfind('-') + 1));
      }
    }
    return numbers;
  }

  const io::TestFolder folder_;
  const std::string instance_ = io::Sha256Of(folder_.path().string()).substr(0, 16);
};

// None, where there is no engine.
inline std::vector<MakePlace> VmPlaces() {
  if (DockerSocket() == nullptr) return {};
  return {[]() -> std::unique_ptr<PlaceUnderTest> { return std::make_unique<VmPlace>(); }};
}

}  // namespace busker::execute

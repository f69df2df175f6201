// An executor of VMs at the stand-in for Google Cloud, whose VMs run nothing here: the test plays
// what would run there. For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "attempt/folder.h"
#include "execute/cloud_stand_in.h"
#include "execute/compute_executor.h"
#include "execute/test_order.h"
#include "execute/vm_boot.h"

namespace busker::execute {

using attempt::Ending;
using attempt::ExitRecord;
using attempt::RemoteStart;
using nlohmann::json;

inline constexpr char kB[] = "europe-west1-b", kC[] = "europe-west1-c";
inline constexpr char kNorth[] = "europe-north1-a";
inline constexpr char kHome[] = "home1";

inline bool Soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(Milliseconds(10));
  }
  return false;
}

class ComputeFixture : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cloud_ = new CloudStandIn({"--without-guests"});
    cloud_->Tell("pace", {{"operation_s", 0.02}, {"soft_off_s", {0.1, 0.1}}});
  }
  static void TearDownTestSuite() {
    delete cloud_;
    cloud_ = nullptr;
  }

  void SetUp() override {
    ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "busker-runner", "not a program"));
    Open();
  }
  void TearDown() override {
    cloud_->Behave();
    cloud_->Call("DELETE", "/_control/denied");
    // What the test has left is left to no other.
    Open();
    EXPECT_TRUE(executor_->Sweep({}));
    EXPECT_TRUE(Soon([] { return cloud_->Vms().empty(); }));
    executor_.reset();
    ASSERT_TRUE(Store()->RemoveAll("_busker/home1", Limit()));
  }

  void Open(Milliseconds start_within = std::chrono::minutes(10)) {
    executor_.reset();
    ComputeExecutor::Settings settings;
    settings.project = "example-project";
    settings.place = "compute-engine://example-project/europe-west1-b";
    settings.places_folder = folder_ / "places";
    settings.runner = folder_ / "busker-runner";
    settings.folder = folder_ / "runs";
    settings.instance = kHome;
    settings.secret_of = [](const std::string& name) -> Result<std::string> {
      if (name == "key") return "hunter2!";
      return NotFound("secret \"" + name + "\" is not set");
    };
    settings.environment = cloud_->Environment();
    settings.times.start_within = start_within;
    settings.times.look_each = settings.times.look_each_coming = Milliseconds(100);
    settings.times.pause_first = settings.times.poll_first = Milliseconds(10);
    settings.times.pause_max = settings.times.poll_max = Milliseconds(50);
    settings.times.doubt = Milliseconds(500);
    settings.times.debt_after = settings.times.silent_after = Milliseconds(50);
    settings.times.delete_again = Milliseconds(500);
    settings.list_each = Milliseconds(20);
    settings.sweep_each = settings.sweep_again = Milliseconds(50);
    auto executor = ComputeExecutor::Start(
        std::move(settings), [this](const attempt::Name& name, Result<ExitRecord> exit) {
          const std::lock_guard lock(mutex_);
          EXPECT_TRUE(exit) << exit.error().message;
          EXPECT_TRUE(ended_.emplace(name, exit.value_or(ExitRecord{})).second) << "ended twice";
          vms_at_end_[name] = static_cast<int>(cloud_->Vms().size());
        });
    ASSERT_TRUE(executor) << executor.error().message;
    executor_ = *std::move(executor);
  }

  static attempt::Name Named(const std::string& task = "t") { return {"r1", task, 1}; }
  static Attempt Of(const attempt::Name& name, const std::string& more = "",
                    const std::string& zones = kB) {
    return Sealed(TestOrder(name, "true"),
                  "compute-engine://example-project/" + zones +
                      "?machine_type=e2-small&image=repo/churn:1&store=gs://bucket/models"
                      "&service_account=vm@example-project.iam.gserviceaccount.com" +
                      more);
  }
  void Launch(const Attempt& attempt) {
    const auto launched = executor_->Launch(attempt);
    ASSERT_TRUE(launched) << launched.error().message;
  }
  ExitRecord WaitFor(const attempt::Name& name = Named()) {
    EXPECT_TRUE(Soon([&] { return HasEnded(name); })) << name.Text() << " never ended";
    const std::lock_guard lock(mutex_);
    return ended_[name];
  }
  bool HasEnded(const attempt::Name& name = Named()) {
    const std::lock_guard lock(mutex_);
    return ended_.contains(name);
  }
  int VmsAtEndOf(const attempt::Name& name = Named()) {
    const std::lock_guard lock(mutex_);
    return vms_at_end_[name];
  }

  static std::string VmOf(const attempt::Name& name = Named()) { return VmName({kHome, name}); }
  static std::string Place(const char* zone, const attempt::Name& name = Named()) {
    return std::string(zone) + "/" + VmOf(name);
  }
  static bool IsThere(const char* zone, const attempt::Name& name = Named()) {
    const auto vms = cloud_->Vms();
    return std::find(vms.begin(), vms.end(), Place(zone, name)) != vms.end();
  }
  static json Get(const char* zone, const std::string& name) {
    return cloud_->Call("GET", std::string("/compute/v1/projects/example-project/zones/") + zone +
                                   "/instances/" + name);
  }
  static void AwaitRunning(const char* zone, const attempt::Name& name = Named()) {
    ASSERT_TRUE(
        Soon([&] { return IsThere(zone, name) && Get(zone, VmOf(name))["status"] == "RUNNING"; }));
  }

  static io::Interrupt Limit() { return io::Within(std::chrono::minutes(1)); }
  static std::unique_ptr<artifact::Store> Store() {
    return artifact::OpenStore("gs://bucket/models").value();
  }
  static attempt::RemoteKeys Keys(const attempt::Name& name = Named()) {
    return attempt::RemoteKeys({kHome, name});
  }
  // What a VM does, as it does it. False: the fence is another's.
  static bool PlayStart(const char* zone, const attempt::Name& name = Named(),
                        const std::string& public_key = "") {
    AwaitRunning(zone, name);
    RemoteStart start;
    start.by = RemoteStart::kByMachine;
    start.vm_id = Get(zone, VmOf(name))["id"];
    start.boot = "boot1";
    start.zone = zone;
    start.vm = VmOf(name);
    start.public_key = public_key;
    start.started_at = Now();
    return Store()->CreateText(Keys(name).start, attempt::StartToJson(start), Limit()).value();
  }
  static void PlayExit(Ending ending, int code = 0, const attempt::Name& name = Named()) {
    ExitRecord exit;
    exit.run = name.run;
    exit.task = name.task;
    exit.number = name.number;
    exit.ending = ending;
    exit.exit_code = code;
    exit.started_at = exit.ended_at = Now();
    ASSERT_TRUE(Store()->CreateText(Keys(name).exit, attempt::ExitToJson(exit), Limit()));
  }
  std::string LogOf(const attempt::Name& name = Named()) {
    std::string log;
    attempt::LogReader reader(attempt::FolderOf(folder_ / "runs", name));
    EXPECT_TRUE(reader.ReadNew([&](std::string_view bytes) { log += bytes; }));
    return log;
  }
  void ExpectNothingLeft(const attempt::Name& name = Named()) {
    EXPECT_TRUE(Soon([&] { return cloud_->Vms().empty(); }));
    EXPECT_TRUE(Soon([&] { return Store()->List(Keys(name).prefix, Limit())->empty(); }));
    EXPECT_TRUE(cloud_->Ask("vms")["disks"].empty());
    EXPECT_TRUE(Soon([&] { return executor_->Debts().empty(); }));  // it is told once it is known
  }

  static inline CloudStandIn* cloud_ = nullptr;
  const io::TestFolder folder_;
  std::mutex mutex_;
  std::map<attempt::Name, ExitRecord> ended_;
  std::map<attempt::Name, int> vms_at_end_;
  std::unique_ptr<ComputeExecutor> executor_;
};

}  // namespace busker::execute

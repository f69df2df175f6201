// Attempts on VMs that begin, end, and do not get that far.
#include "execute/compute_executor.h"

#include "attempt/runner_copy.h"
#include "attempt/sealed_secrets.h"
#include "execute/compute_fixture.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using ComputeExecutorTest = ComputeFixture;

TEST_F(ComputeExecutorTest, AnAttemptIsCarriedOutByAVmThatIsGoneAfterwards) {
  const Attempt attempt = Of(Named());
  Launch(attempt);
  AwaitRunning(kB);
  EXPECT_EQ(Store()->GetText(Keys().order, Limit()).value(), attempt.order);
  EXPECT_EQ(Store()->GetText(attempt::RunnerKeyOf(io::Sha256Of("not a program")), Limit()).value(),
            "not a program");
  ASSERT_TRUE(PlayStart(kB));
  ASSERT_TRUE(Store()->CreateText(Keys().LogPart(0), "one\ntwo", Limit()));
  EXPECT_TRUE(Soon([&] { return LogOf().find("one\ntwo") != std::string::npos; }))
      << "the log is followed while it grows";
  ASSERT_TRUE(Store()->CreateText(Keys().LogPart(1), "\nthree\n", Limit()));
  PlayExit(Ending::kExited, 3);
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kExited);
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_TRUE(record.boot);
  EXPECT_NE(LogOf().find("one\ntwo\nthree\n"), std::string::npos) << LogOf();
  const auto kept = attempt::ReadExit(attempt::FolderOf(folder_ / "runs", Named()));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->exit_code, 3);
  ExpectNothingLeft();
}

// VMs fetched another file than they were told, after an upgrade beneath a busker that runs.
TEST_F(ComputeExecutorTest, ARunnerThatIsReplacedOnDiskIsTheNextVmsAndNotTheOneBefores) {
  const std::string builds[] = {"not a program", "the next build"};
  for (const std::string& build : builds) {
    ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "busker-runner", build));
    const auto name = Named(build == builds[0] ? "first" : "next");
    Launch(Of(name));
    AwaitRunning(kB, name);
    const std::string digest = io::Sha256Of(build);
    EXPECT_NE(Get(kB, VmOf(name))["metadata"].dump().find(digest), std::string::npos) << build;
    EXPECT_EQ(Store()->GetText(attempt::RunnerKeyOf(digest), Limit()).value_or("nothing"), build);
  }
  EXPECT_EQ(
      Store()->GetText(attempt::RunnerKeyOf(io::Sha256Of(builds[0])), Limit()).value_or("nothing"),
      builds[0]);
}

TEST_F(ComputeExecutorTest, ManyAttemptsAreAFewThreads) {
  constexpr int kAttempts = 20;
  const auto threads = [] {
    return std::distance(io::fs::directory_iterator("/proc/self/task"),
                         io::fs::directory_iterator());
  };
  const auto before = threads();
  for (int i = 0; i < kAttempts; ++i) {
    Launch(Of(Named("t" + std::to_string(i)), "", std::string(kB) + "," + kNorth));
  }
  EXPECT_TRUE(Soon([&] { return cloud_->Vms().size() == kAttempts; }));
  EXPECT_LE(threads() - before, 8);
  const auto begun = std::chrono::steady_clock::now();
  cloud_->Call("DELETE", "/_control/requests");
  std::this_thread::sleep_for(Milliseconds(500));
  const int lists = cloud_->Requests("/storage/v1/b/bucket/o?");
  EXPECT_LE(lists, (std::chrono::steady_clock::now() - begun) / Milliseconds(20) + 1)
      << "one list of objects for all of them";
  for (int i = 0; i < kAttempts; ++i) {
    const auto name = Named("t" + std::to_string(i));
    ASSERT_TRUE(PlayStart(IsThere(kB, name) ? kB : kNorth, name));
    PlayExit(Ending::kSucceeded, 0, name);
  }
  for (int i = 0; i < kAttempts; ++i) {
    EXPECT_EQ(WaitFor(Named("t" + std::to_string(i))).ending, Ending::kSucceeded);
  }
  EXPECT_TRUE(Soon([&] { return cloud_->Vms().empty(); }));
}

TEST_F(ComputeExecutorTest, AStockOutIsOfAZoneAndAQuotaOfARegion) {
  const std::string zones = std::string(kB) + "," + kC + "," + kNorth;
  cloud_->Misbehave("stock_out", kB);
  Launch(Of(Named(), "", zones));
  AwaitRunning(kC);
  EXPECT_FALSE(IsThere(kB));
  cloud_->Misbehave("quota", kB);
  Launch(Of(Named("other"), "", zones));
  AwaitRunning(kNorth, Named("other"));
  EXPECT_FALSE(IsThere(kC, Named("other")));
  EXPECT_NE(LogOf(Named("other")).find("QUOTA_EXCEEDED"), std::string::npos);
}

TEST_F(ComputeExecutorTest, WhereNoZoneHasRoomEachIsNamedWithItsReason) {
  cloud_->Misbehave("stock_out", kB, -1, {{"code", "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"}});
  cloud_->Misbehave("stock_out", kC, -1);
  Launch(Of(Named(), "", std::string(kB) + "," + kC));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("in europe-west1-b: ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"),
            std::string::npos)
      << record.message;
  EXPECT_NE(record.message.find("in europe-west1-c: ZONE_RESOURCE_POOL_EXHAUSTED:"),
            std::string::npos)
      << record.message;
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, AnErrorThatNobodyKnowsFailsWithItsTextAndIsNotAskedAgain) {
  cloud_->Misbehave("stock_out", kB, -1, {{"code", "SOMETHING_NEW"}});
  cloud_->Call("DELETE", "/_control/requests");
  Launch(Of(Named(), "", std::string(kB) + "," + kC));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("SOMETHING_NEW"), std::string::npos) << record.message;
  EXPECT_EQ(cloud_->Requests("POST /compute/v1/projects/example-project/zones/europe-west1-"), 1);
}

TEST_F(ComputeExecutorTest, WhatIsForbiddenIsToldWithTheRemedy) {
  cloud_->Tell("denied",
               {{"email", "busker@example.com"}, {"permission", "compute.instances.create"}});
  Launch(Of(Named()));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("Compute Instance Admin"), std::string::npos) << record.message;
}

// The look that followed the refusal was refused as well, for ever, and nothing ended the attempt.
TEST_F(ComputeExecutorTest, WhereNotEvenALookIsAllowedItEndsWithGooglesWords) {
  for (const char* permission : {"compute.instances.create", "compute.instances.get"}) {
    cloud_->Tell("denied", {{"email", "busker@example.com"}, {"permission", permission}});
  }
  Launch(Of(Named()));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("compute.instances.create"), std::string::npos) << record.message;
  EXPECT_TRUE(executor_->Debts().empty()) << "of a VM that never was";
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, AZoneThatIsNoneEndsIt) {
  Launch(Of(Named(), "", "europe-west1-q"));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_TRUE(record.message.starts_with("no VM in europe-west1-q: ")) << record.message;
  EXPECT_NE(record.message.find("zones/europe-west1-q' was not found"), std::string::npos)
      << record.message;
  ExpectNothingLeft();
}

// A stop while Compute Engine refused everything waited for what it would never be shown.
TEST_F(ComputeExecutorTest, AStopEndsWhereNoVmCanBeLookedAt) {
  Launch(Of(Named()));
  AwaitRunning(kB);
  cloud_->Tell("denied",
               {{"email", "busker@example.com"}, {"permission", "compute.instances.get"}});
  ASSERT_TRUE(executor_->Stop(Named()));
  EXPECT_EQ(WaitFor().ending, Ending::kCancelled);
  EXPECT_FALSE(PlayStart(kB)) << "the fence is ours";
  EXPECT_TRUE(Soon([&] { return executor_->Debts().size() == 1; })) << "a VM may be there";
  cloud_->Call("DELETE", "/_control/denied");
  ExpectNothingLeft();
}

// A busker that had been away for so long said that no VM had been made.
TEST_F(ComputeExecutorTest, AVmThatBeginsNothingIsGivenUpAndMayBeginNothingLater) {
  Launch(Of(Named()));
  AwaitRunning(kB);
  Open(Milliseconds(1));
  ASSERT_TRUE(executor_->Recover(Of(Named())));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("began nothing within"), std::string::npos) << record.message;
  EXPECT_EQ(VmsAtEndOf(), 0) << "before it is told";
  const auto console =
      io::ReadFile(attempt::FolderOf(folder_ / "runs", Named()) / "console").value_or("");
  EXPECT_NE(console.find("boot 1 of"), std::string::npos) << console;
  ExpectNothingLeft();
}

// The list of a store with very many objects never ended in time, and no VM was seen to begin.
TEST_F(ComputeExecutorTest, AVmIsSeenToBeginWithoutTheList) {
  Launch(Of(Named()));
  AwaitRunning(kB);
  cloud_->Misbehave("answer", "GET /storage/v1/b/bucket/o?", -1, {{"status", 503}});
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  cloud_->Behave();
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
}

TEST_F(ComputeExecutorTest, AnOperationThatNeverEndsIsGivenUp) {
  cloud_->Misbehave("stuck", kB);
  Launch(Of(Named()));
  EXPECT_TRUE(Soon([] { return IsThere(kB); }));
  Open(Milliseconds(1));
  ASSERT_TRUE(executor_->Recover(Of(Named())));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("made no VM in europe-west1-b within"), std::string::npos)
      << record.message;
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, OneThatIsStoppedBeforeItBeginsNeverBegins) {
  Launch(Of(Named()));
  AwaitRunning(kB);
  cloud_->Misbehave("hold", "DELETE /compute");
  ASSERT_TRUE(executor_->Stop(Named()));
  EXPECT_TRUE(Soon([] { return cloud_->Ask("held")["held"] == 1; }));
  EXPECT_FALSE(PlayStart(kB)) << "the fence is ours";
  EXPECT_FALSE(HasEnded()) << "as long as the VM is there";
  cloud_->Tell("release", json());
  EXPECT_EQ(WaitFor().ending, Ending::kCancelled);
  EXPECT_EQ(VmsAtEndOf(), 0);
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, OneThatIsStoppedWhileItRunsIsCancelledOnceItsVmIsGone) {
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  ASSERT_TRUE(executor_->Stop(Named()));
  EXPECT_EQ(WaitFor().ending, Ending::kCancelled);
  EXPECT_EQ(VmsAtEndOf(), 0);
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, APreemptionIsToldAsOne) {
  Launch(Of(Named(), "&spot_attempts=2"));
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_EQ(Get(kB, VmOf())["scheduling"]["provisioningModel"], "SPOT");
  cloud_->Happens("preempt", kB, VmOf());
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kPreempted);
  EXPECT_EQ(record.message, "the Spot VM was preempted");
}

// One answer that was late made a failed try of a preemption.
TEST_F(ComputeExecutorTest, APreemptionIsAskedForUntilItIsAnswered) {
  Launch(Of(Named(), "&spot_attempts=2"));
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  cloud_->Misbehave("answer", "zones/europe-west1-b/operations?", 3, {{"status", 503}});
  cloud_->Happens("preempt", kB, VmOf());
  EXPECT_EQ(WaitFor().ending, Ending::kPreempted);
}

TEST_F(ComputeExecutorTest, AfterSoManyPreemptionsItIsOnDemand) {
  Attempt attempt = Of(Named(), "&spot_attempts=2");
  attempt.preemptions = 2;
  Launch(attempt);
  AwaitRunning(kB);
  EXPECT_EQ(Get(kB, VmOf())["scheduling"]["provisioningModel"], "STANDARD");
}

TEST_F(ComputeExecutorTest, WhoEndedAVmIsTold) {
  const std::pair<const char*, const char*> events[] = {
      {"delete", "person@example.com asked Compute Engine to delete the VM"},
      {"stop", "person@example.com asked Compute Engine to stop the VM"},
      {"power_off", "the VM was switched off from within"},
      {"host_error", "the machine under the VM failed"}};
  for (const auto& [event, told] : events) {
    const attempt::Name name = Named(std::string("t-") + (event[0] == 'p' ? "p" : event));
    Launch(Of(name));
    ASSERT_TRUE(PlayStart(kB, name));
    cloud_->Happens(event, kB, VmOf(name));
    const ExitRecord record = WaitFor(name);
    EXPECT_EQ(record.ending, Ending::kLost) << event;
    EXPECT_EQ(record.message, told);
    EXPECT_TRUE(Soon([&] { return !IsThere(kB, name); })) << event;
  }
}

// "CONFLICT" was all that was said of one that was stopped.
TEST_F(ComputeExecutorTest, WhoEndedAVmThatWasBeingMadeIsTold) {
  for (const std::string event : {"delete", "stop"}) {
    const attempt::Name name = Named("t-" + event);
    cloud_->Misbehave("stuck", kB);
    Launch(Of(name));
    ASSERT_TRUE(Soon([&] { return IsThere(kB, name); }));
    cloud_->Happens(event, kB, VmOf(name));
    const ExitRecord record = WaitFor(name);
    EXPECT_EQ(record.ending, Ending::kNotStarted) << event;
    EXPECT_EQ(record.message,
              "the VM did not get as far as the program: person@example.com asked Compute Engine "
              "to " +
                  event + " the VM");
  }
}

// The VM that deletes itself because it was stopped hid who had stopped it.
TEST_F(ComputeExecutorTest, WhatAVmDidToItselfComesAfterWhatOthersDid) {
  Attempt attempt = Of(Named());
  const std::string account = "vm@example-project.iam.gserviceaccount.com";
  attempt.place.replace(attempt.place.find(account), account.size(), "person@example.com");
  Launch(attempt);
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  executor_.reset();
  cloud_->Call("POST", "/compute/v1/projects/example-project/zones/europe-west1-b/instances/" +
                           VmOf() + "/stop");
  EXPECT_TRUE(Soon([] { return Get(kB, VmOf())["status"] == "TERMINATED"; }));
  cloud_->Happens("delete", kB, VmOf());
  EXPECT_TRUE(Soon([] { return !IsThere(kB); }));
  Open();
  ASSERT_TRUE(executor_->Recover(attempt));
  const ExitRecord record = WaitFor();
  EXPECT_TRUE(record.message.ends_with("asked Compute Engine to stop the VM")) << record.message;
}

// A role that was taken away while the program ran left the attempt running for ever.
TEST_F(ComputeExecutorTest, WhatCannotBeLookedAtEndsWithItsTimeLimit) {
  Launch(Of(Named(), "&timeout_s=60"));
  ASSERT_TRUE(PlayStart(kB));
  EXPECT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  cloud_->Tell("denied",
               {{"email", "busker@example.com"}, {"permission", "compute.instances.get"}});
  std::this_thread::sleep_for(Milliseconds(300));
  EXPECT_FALSE(HasEnded()) << "its VM may run";
  executor_.reset();
  const io::fs::path folder = attempt::FolderOf(folder_ / "runs", Named());
  auto intent = ReadIntent(folder);
  ASSERT_TRUE(intent && *intent);
  (*intent)->last().asked_at -= std::chrono::hours(1);
  ASSERT_TRUE(WriteIntent(folder, **intent));
  Open();
  ASSERT_TRUE(executor_->Recover(Of(Named(), "&timeout_s=60")));
  EXPECT_EQ(WaitFor().ending, Ending::kLost);
  EXPECT_TRUE(Soon([&] { return executor_->Debts().size() == 1; }));
  cloud_->Call("DELETE", "/_control/denied");
  ExpectNothingLeft();
}

// A program that is told to stop by its VM's end says that it was cancelled; nobody had cancelled
// it.
TEST_F(ComputeExecutorTest, WhatAPersonEndedIsNotCancelled) {
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  cloud_->Happens("stop", kB, VmOf());
  PlayExit(Ending::kCancelled);
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kLost);
  EXPECT_EQ(record.message, "person@example.com asked Compute Engine to stop the VM");
}

// The store was away when the next busker looked, and a second VM was asked for.
TEST_F(ComputeExecutorTest, AStoreThatIsAwayMakesNobodyAskAgain) {
  Launch(Of(Named(), "", std::string(kB) + "," + kC));
  ASSERT_TRUE(PlayStart(kB));
  executor_.reset();
  const attempt::Name unfinished[] = {Named()};
  cloud_->Call("DELETE", "/_control/requests");
  cloud_->Misbehave("answer", "GET /storage", 6, {{"status", 403}});
  Open();
  ASSERT_TRUE(executor_->Sweep(unfinished));
  ASSERT_TRUE(executor_->Recover(Of(Named(), "", std::string(kB) + "," + kC)));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  EXPECT_EQ(cloud_->Requests("POST /compute"), 0);
  ExpectNothingLeft();
}

TEST_F(ComputeExecutorTest, TheTimeLimitOfAVmIsToldAsThat) {
  Launch(Of(Named(), "&timeout_s=60"));
  ASSERT_TRUE(PlayStart(kB));
  cloud_->Tell("clock", {{"advance_s", 60 + 40 * 60 + 10}});
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kLost);
  EXPECT_NE(record.message.find("time limit of 41m"), std::string::npos) << record.message;
}

// The answer was lost, and a second VM made.
TEST_F(ComputeExecutorTest, WhatWasAskedForAndNotAnsweredIsMadeOnce) {
  for (const std::string kind : {"lost", "cut_answer", "page"}) {
    const attempt::Name name = Named("t-" + kind.substr(0, 3));
    cloud_->Misbehave(kind, "POST /compute");
    Launch(Of(name));
    ASSERT_TRUE(PlayStart(kB, name));
    PlayExit(Ending::kSucceeded, 0, name);
    EXPECT_EQ(WaitFor(name).ending, Ending::kSucceeded) << kind;
  }
  cloud_->Misbehave("lost", "POST /compute");
  cloud_->Misbehave("forget_request_ids", "", -1);
  Launch(Of(Named("t-for")));
  ASSERT_TRUE(PlayStart(kB, Named("t-for")));
  PlayExit(Ending::kSucceeded, 0, Named("t-for"));
  EXPECT_EQ(WaitFor(Named("t-for")).ending, Ending::kSucceeded);
}

TEST_F(ComputeExecutorTest, AVmOfThatNameThatIsNotOursIsLeftAlone) {
  const json body = {
      {"name", VmOf()},
      {"machineType", "zones/europe-west1-b/machineTypes/e2-small"},
      {"labels", {{"busker-home", kHome}, {"busker-attempt", VmOf()}}},
      {"networkInterfaces", {json::object()}},
      {"disks",
       {{{"boot", true},
         {"autoDelete", true},
         {"initializeParams",
          {{"sourceImage", "projects/cos-cloud/global/images/family/cos-stable"}}}}}}};
  cloud_->Call("POST", "/compute/v1/projects/example-project/zones/europe-west1-b/instances", body);
  AwaitRunning(kB);
  Launch(Of(Named()));
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.message.find("is left alone"), std::string::npos) << record.message;
  ASSERT_TRUE(executor_->Sweep({}));
  std::this_thread::sleep_for(Milliseconds(300));
  EXPECT_TRUE(IsThere(kB)) << "nor does the sweep take what has no attempt of ours in its metadata";
  cloud_->Call("DELETE",
               "/compute/v1/projects/example-project/zones/europe-west1-b/instances/" + VmOf());
}

TEST_F(ComputeExecutorTest, SecretsAreSealedForTheVmThatWasMadeAndNoOther) {
  attempt::Order order = TestOrder(Named(), "true");
  order.secrets = {{"KEY", "key", true}};
  const auto key = attempt::SecretsKey::Make();
  ASSERT_TRUE(key);
  Launch(Sealed(order, Of(Named()).place));
  ASSERT_TRUE(PlayStart(kB, Named(), key->public_key()));
  ASSERT_TRUE(Soon([&] { return Store()->GetText(Keys().secrets, Limit()).has_value(); }));
  const std::string sealed = Store()->GetText(Keys().secrets, Limit()).value();
  EXPECT_EQ(sealed.find("hunter2"), std::string::npos);
  EXPECT_EQ(key->Open(sealed, {kHome, Named()}).value(), std::vector<std::string>{"hunter2!"});

  order = TestOrder(Named("other"), "true");
  order.secrets = {{"KEY", "key", true}};
  Launch(Sealed(order, Of(Named()).place));
  AwaitRunning(kB, Named("other"));
  RemoteStart stranger;
  stranger.by = RemoteStart::kByMachine;
  stranger.vm_id = "12345";
  stranger.zone = kB;
  stranger.vm = VmOf(Named("other"));
  stranger.public_key = key->public_key();
  stranger.started_at = Now();
  ASSERT_TRUE(
      Store()->CreateText(Keys(Named("other")).start, attempt::StartToJson(stranger), Limit()));
  std::this_thread::sleep_for(Milliseconds(500));
  EXPECT_FALSE(Store()->GetText(Keys(Named("other")).secrets, Limit()));
}

TEST_F(ComputeExecutorTest, ASecretThatIsNotSetEndsTheAttemptWithoutAVm) {
  Attempt attempt = Of(Named());
  attempt.secrets = {"other"};
  Launch(attempt);
  const ExitRecord record = WaitFor();
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_EQ(record.message, "secret \"other\" is not set");
  EXPECT_EQ(cloud_->Vms().size(), 0U);
}

TEST_F(ComputeExecutorTest, AVmWhoseProgramFailedIsKeptForALook) {
  Launch(Of(Named(), "&keep_on_failure=5s"));
  ASSERT_TRUE(PlayStart(kB));
  const auto kept_at_least_until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  PlayExit(Ending::kExited, 1);
  const ExitRecord record = WaitFor();
  EXPECT_NE(record.message.find("gcloud compute ssh " + VmOf() +
                                " --zone europe-west1-b --project example-project"),
            std::string::npos)
      << record.message;
  Open();
  ASSERT_TRUE(executor_->Sweep({}));
  std::this_thread::sleep_for(Milliseconds(500));
  EXPECT_TRUE(IsThere(kB) || std::chrono::steady_clock::now() > kept_at_least_until)
      << "nor does the next busker take it away before its time";
  EXPECT_TRUE(Soon([] { return cloud_->Vms().empty(); }));
}

TEST_F(ComputeExecutorTest, APlaceThatMakesNoSenseIsToldAtOnce) {
  const auto launched = executor_->Launch(Of(Named(), "&mount=/data"));
  ASSERT_FALSE(launched);
  EXPECT_EQ(launched.error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace busker::execute

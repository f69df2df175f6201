// What the next busker finds of attempts on VMs, what is left of them, and of what nothing is
// heard.
#include "attempt/runner_copy.h"
#include "execute/compute_fixture.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using ComputeRecovery = ComputeFixture;

TEST_F(ComputeRecovery, AnAttemptIsFoundAgainWhateverItsBuskerHadDone) {
  // Only decided on.
  ASSERT_TRUE(executor_->Recover(Of(Named("new"))));
  ASSERT_TRUE(PlayStart(kB, Named("new")));
  // Asked for, and it died before anything was answered.
  cloud_->Misbehave("hold", "POST /compute");
  Launch(Of(Named("asked")));
  EXPECT_TRUE(Soon([] { return cloud_->Ask("held")["held"] == 1; }));
  const attempt::Name unfinished[] = {Named("new"), Named("asked")};
  Open();
  ASSERT_TRUE(executor_->Sweep(unfinished));
  cloud_->Tell("release", json());
  ASSERT_TRUE(executor_->Recover(Of(Named("asked"))));
  ASSERT_TRUE(executor_->Recover(Of(Named("new"))));
  ASSERT_TRUE(PlayStart(kB, Named("asked")));
  // Begun; and it ended while nobody looked.
  EXPECT_TRUE(Soon([&] { return LogOf(Named("asked")).find("has begun") != std::string::npos; }));
  executor_.reset();
  ASSERT_TRUE(Store()->CreateText(Keys(Named("asked")).LogPart(0), "late\n", Limit()));
  PlayExit(Ending::kExited, 5, Named("asked"));
  Open();
  ASSERT_TRUE(executor_->Sweep(unfinished));
  ASSERT_TRUE(executor_->Recover(Of(Named("asked"))));
  EXPECT_EQ(WaitFor(Named("asked")).exit_code, 5);
  EXPECT_NE(LogOf(Named("asked")).find("late\n"), std::string::npos);
  // Told, but not tidied up.
  Open();
  ASSERT_TRUE(executor_->Sweep(unfinished));
  ended_.clear();
  ASSERT_TRUE(executor_->Recover(Of(Named("asked"))));
  EXPECT_EQ(WaitFor(Named("asked")).exit_code, 5);
  ASSERT_TRUE(executor_->Recover(Of(Named("new"))));
  PlayExit(Ending::kSucceeded, 0, Named("new"));
  EXPECT_EQ(WaitFor(Named("new")).ending, Ending::kSucceeded);
  ExpectNothingLeft(Named("asked"));
  ExpectNothingLeft(Named("new"));
}

// The VM was told to fetch the busker-runner of the new build, which nobody had put there.
TEST_F(ComputeRecovery, ABuskerOfAnotherBuildPutsItsOwnRunnerBeforeItAsksAgain) {
  cloud_->Call("DELETE", "/_control/requests");
  cloud_->Misbehave("answer", "POST /compute", -1, {{"status", 503}});
  Launch(Of(Named()));
  EXPECT_TRUE(Soon([] { return cloud_->Requests("POST /compute") > 0; }));
  executor_.reset();
  ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "busker-runner", "another build"));
  cloud_->Behave();
  Open();
  ASSERT_TRUE(executor_->Recover(Of(Named())));
  AwaitRunning(kB);
  const std::string digest = io::Sha256Of("another build");
  EXPECT_NE(Get(kB, VmOf())["metadata"].dump().find(digest), std::string::npos);
  EXPECT_EQ(Store()->GetText(attempt::RunnerKeyOf(digest), Limit()).value_or("nothing"),
            "another build");
  ASSERT_TRUE(PlayStart(kB));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  ExpectNothingLeft();
}

// Whoever copies the log goes on at an offset of it, and the next busker's lacked the first lines.
TEST_F(ComputeRecovery, TheNextBuskersLogIsTheSame) {
  cloud_->Misbehave("stock_out", kB);
  const Attempt attempt = Of(Named(), "", std::string(kB) + "," + kC);
  Launch(attempt);
  ASSERT_TRUE(PlayStart(kC));
  ASSERT_TRUE(Store()->CreateText(Keys().LogPart(0), "one\n", Limit()));
  EXPECT_TRUE(Soon([&] { return LogOf().ends_with("one\n"); }));
  executor_.reset();
  const std::string before = LogOf();
  EXPECT_NE(before.find("No VM in europe-west1-b"), std::string::npos) << before;
  EXPECT_NE(before.find("has begun"), std::string::npos) << before;
  ASSERT_TRUE(Store()->CreateText(Keys().LogPart(1), "two\n", Limit()));
  cloud_->Misbehave("answer", "GET /compute", 3, {{"status", 503}});
  Open();
  ASSERT_TRUE(executor_->Recover(attempt));
  EXPECT_TRUE(Soon([&] { return LogOf().ends_with("two\n"); }));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  EXPECT_EQ(LogOf(), before + "two\n");
}

// Nobody deleted it: the attempt did not know where, and the sweep left it to the attempt.
TEST_F(ComputeRecovery, AVmIsTakenAwayByAnAttemptThatHasForgottenWhereItWas) {
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  executor_.reset();
  const io::fs::path folder = attempt::FolderOf(folder_ / "runs", Named());
  ExitRecord exit;
  exit.run = "r1";
  exit.task = "t";
  exit.number = 1;
  exit.ending = Ending::kLost;
  exit.started_at = exit.ended_at = Now();
  ASSERT_TRUE(io::WriteFileAtomically(folder / attempt::kExitFile, attempt::ExitToJson(exit)));
  io::fs::remove(folder / kIntentFile);
  Open();
  ASSERT_TRUE(executor_->Recover(Of(Named())));
  EXPECT_EQ(WaitFor().ending, Ending::kLost);
  ExpectNothingLeft();
}

// A zone that had refused was taken as empty, when a later insert had made a VM there after all.
TEST_F(ComputeRecovery, AZoneInWhichAVmIsMadeIsNotFree) {
  Launch(Of(Named()));
  AwaitRunning(kB);
  executor_.reset();
  const io::fs::path folder = attempt::FolderOf(folder_ / "runs", Named());
  auto intent = ReadIntent(folder);
  ASSERT_TRUE(intent && *intent);
  VmAsk& ask = (*intent)->last();
  ask.is_free = ask.has_no_room = true;
  ask.operation.clear();
  ASSERT_TRUE(WriteIntent(folder, **intent));
  Open();
  ASSERT_TRUE(executor_->Recover(Of(Named())));
  ASSERT_TRUE(PlayStart(kB));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  ExpectNothingLeft();
}

TEST_F(ComputeRecovery, WhatEarlierBuskersLeftIsTakenAwayAndNothingElse) {
  Launch(Of(Named("over")));
  ASSERT_TRUE(PlayStart(kB, Named("over")));
  Launch(Of(Named("unfinished")));
  ASSERT_TRUE(PlayStart(kB, Named("unfinished")));
  executor_.reset();
  // Decoys: another home, a copy that a person made, one with a name like ours, one without labels.
  const auto decoy = [](const std::string& name, const json& labels) {
    const json body = {
        {"name", name},
        {"machineType", "zones/europe-west1-c/machineTypes/e2-small"},
        {"labels", labels},
        {"networkInterfaces", {json::object()}},
        {"metadata", {{"items", {{{"key", "busker-attempt"}, {"value", "home1/r1/over.1"}}}}}},
        {"disks",
         {{{"boot", true},
           {"autoDelete", true},
           {"initializeParams",
            {{"sourceImage", "projects/cos-cloud/global/images/family/cos-stable"},
             {"labels", labels}}}}}}};
    cloud_->Call("POST", "/compute/v1/projects/example-project/zones/europe-west1-c/instances",
                 body);
  };
  decoy("copy", {{"busker-home", kHome}, {"busker-attempt", VmOf(Named("over"))}});
  decoy("busker-x", {{"busker-home", "home2"}, {"busker-attempt", "busker-x"}});
  decoy("busker-y", {{"busker-home", kHome}, {"busker-attempt", "busker-y"}});
  decoy("plain", json::object());
  Open();
  const attempt::Name unfinished[] = {Named("unfinished")};
  ASSERT_TRUE(executor_->Sweep(unfinished));
  EXPECT_TRUE(Soon([] { return !IsThere(kB, Named("over")); }));
  std::this_thread::sleep_for(Milliseconds(300));
  EXPECT_TRUE(IsThere(kB, Named("unfinished")));
  EXPECT_EQ(cloud_->Vms().size(), 5U);
  ASSERT_TRUE(executor_->Recover(Of(Named("unfinished"))));
  EXPECT_TRUE(Soon([] { return Store()->List(Keys(Named("over")).prefix, Limit())->empty(); }))
      << "its objects, too";
  PlayExit(Ending::kSucceeded, 0, Named("unfinished"));
  EXPECT_EQ(WaitFor(Named("unfinished")).ending, Ending::kSucceeded);
  for (const char* name : {"copy", "busker-x", "busker-y", "plain"}) {
    EXPECT_TRUE(Get(kC, name).contains("id")) << name;
    cloud_->Call("DELETE", std::string("/compute/v1/projects/example-project/zones/"
                                       "europe-west1-c/instances/") +
                               name);
  }
}

TEST_F(ComputeRecovery, AZoneThatCannotBeReachedIsNotEmpty) {
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  executor_.reset();
  cloud_->Misbehave("partial_list", kB, -1);
  Open();
  ASSERT_TRUE(executor_->Sweep({}));
  std::this_thread::sleep_for(Milliseconds(300));
  EXPECT_TRUE(IsThere(kB));
  cloud_->Behave();
  EXPECT_TRUE(Soon([] { return cloud_->Vms().empty(); })) << "it is looked at again";
}

TEST_F(ComputeRecovery, ADeletionThatIsRefusedIsADebtUntilItIsPaid) {
  cloud_->Tell("denied",
               {{"email", "busker@example.com"}, {"permission", "compute.instances.delete"}});
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded) << "the run does not wait for it";
  ASSERT_TRUE(Soon([&] { return executor_->Debts().size() == 1; }));
  const Debt debt = executor_->Debts()[0];
  EXPECT_EQ(debt.what, "VM " + VmOf());
  EXPECT_EQ(debt.where, "europe-west1-b of example-project");
  EXPECT_EQ(debt.attempt, Named());
  EXPECT_NE(debt.why.find("compute.instances.delete"), std::string::npos) << debt.why;
  EXPECT_LT(Now() - debt.since, std::chrono::minutes(1));
  cloud_->Call("DELETE", "/_control/denied");
  ExpectNothingLeft();
}

TEST_F(ComputeRecovery, ADeletionThatNeverEndsIsADebt) {
  cloud_->Misbehave("stuck_delete", kB);
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  ASSERT_TRUE(Soon([&] { return executor_->Debts().size() == 1; }));
  EXPECT_NE(executor_->Debts()[0].why.find("still there"), std::string::npos);
  ExpectNothingLeft();
}

// What was left in a cloud cost money until somebody ran something there.
TEST_F(ComputeRecovery, APlaceIsNotedUntilNothingIsLeftThere) {
  const PlacesInUse places(folder_ / "places");
  const std::string place = "compute-engine://example-project/europe-west1-b";
  EXPECT_TRUE(places.All().empty());
  Launch(Of(Named()));
  EXPECT_EQ(places.All(), std::vector{place}) << "before anything is asked for";
  ASSERT_TRUE(PlayStart(kB));
  PlayExit(Ending::kSucceeded);
  executor_.reset();  // in the middle of it
  ASSERT_TRUE(IsThere(kB));
  EXPECT_EQ(places.All(), std::vector{place});
  EXPECT_EQ(places.StoresOf(place), std::set<std::string>{"gs://bucket/models"});
  cloud_->Misbehave("answer", "GET /compute", 2, {{"status", 503}});
  cloud_->Misbehave("answer", "GET /storage", 1, {{"status", 403}});
  Open();
  ASSERT_TRUE(executor_->Sweep({}));
  EXPECT_TRUE(Soon([&] { return places.All().empty(); })) << "without any attempt there";
  ExpectNothingLeft();
}

TEST_F(ComputeRecovery, APlaceThatCannotBeNotedIsNotUsed) {
  ASSERT_TRUE(io::WriteFileUnsynced(folder_ / "places", "no folder"));
  const auto launched = executor_->Launch(Of(Named()));
  ASSERT_FALSE(launched);
  EXPECT_EQ(launched.error().kind, ErrorKind::kTemporary) << "the disk may be full";
  EXPECT_TRUE(cloud_->Vms().empty());
  io::fs::remove(folder_ / "places");
  Launch(Of(Named()));
  AwaitRunning(kB);
}

// An attempt whose VM could not be looked at ran for hours, and nobody was told that.
TEST_F(ComputeRecovery, WhatIsNotHeardOfIsToldWithItsReason) {
  Launch(Of(Named()));
  ASSERT_TRUE(PlayStart(kB));
  ASSERT_TRUE(Soon([&] { return LogOf().find("has begun") != std::string::npos; }));
  EXPECT_TRUE(executor_->Silences().empty());
  const Instant before = Now();
  cloud_->Tell("denied",
               {{"email", "busker@example.com"}, {"permission", "compute.instances.get"}});
  ASSERT_TRUE(Soon([&] { return executor_->Silences().size() == 1; }));
  const Silence silence = executor_->Silences()[0];
  EXPECT_EQ(silence.attempt, Named());
  EXPECT_EQ(silence.what, "VM " + VmOf());
  EXPECT_EQ(silence.where, "europe-west1-b of example-project");
  EXPECT_NE(silence.why.find("compute.instances.get"), std::string::npos) << silence.why;
  EXPECT_GE(silence.since, before - Milliseconds(1));
  cloud_->Call("DELETE", "/_control/denied");
  EXPECT_TRUE(Soon([&] { return executor_->Silences().empty(); })) << "it is heard of again";
  EXPECT_FALSE(HasEnded());
  // The store tells of all attempts whose objects are there.
  cloud_->Misbehave("answer", "GET /storage/v1/b/bucket/o?", -1, {{"status", 403}});
  ASSERT_TRUE(Soon([&] { return !executor_->Silences().empty(); }));
  EXPECT_EQ(executor_->Silences()[0].attempt, Named());
  EXPECT_EQ(executor_->Silences()[0].where, "gs://bucket/models");
  cloud_->Behave();
  PlayExit(Ending::kSucceeded);
  EXPECT_EQ(WaitFor().ending, Ending::kSucceeded);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace busker::execute

#include "prepare/cost.h"

#include <gtest/gtest.h>

namespace busker::prepare {
namespace {

service::Service WithMachines(const std::string& place) {
  service::Service service;
  service.targets["cloud"].executor = place;
  service.targets["local-box"].executor = "docker://";
  service::Action& training = service.actions["training"];
  training.timeout = std::chrono::hours(2);
  return service;
}

TEST(Cost, AtTheWorstIsThatOfEveryTryToItsLimit) {
  auto service = WithMachines("compute-engine://p/us-central1-a?machine_type=e2-standard-2");
  EXPECT_EQ(WorstCost(service, "training", "cloud"),
            "at the worst 2.7 VM-hours of e2-standard-2 (1 attempt of at most 2h 40m), about $0.18 "
            "by list prices of August 2026 in us-central1");
  service.actions["training"].retries = 1;
  service.targets["cloud"].machine.spot_attempts = 2;
  EXPECT_EQ(WorstCost(service, "training", "cloud"),
            "at the worst 10.7 VM-hours of e2-standard-2 (4 attempts of at most 2h 40m), about "
            "$0.71 by list prices of August 2026 in us-central1")
      << "as if nothing were lent for less";
  service.actions["training"].run_timeout = std::chrono::hours(3);
  EXPECT_NE(WorstCost(service, "training", "cloud").find("5.7 VM-hours"), std::string::npos);
  service.targets["cloud"].machine.keep_on_failure = std::chrono::hours(1);
  EXPECT_NE(WorstCost(service, "training", "cloud").find("6.7 VM-hours"), std::string::npos)
      << "one that is kept costs the same";
}

TEST(Cost, WithoutATimeoutIsThatOfADay) {
  auto service = WithMachines("compute-engine://p/us-central1-a?machine_type=n1-standard-1");
  service.actions["training"].timeout.reset();
  EXPECT_EQ(WorstCost(service, "training", "cloud"),
            "at the worst 24.7 VM-hours of n1-standard-1 (1 attempt of at most 1d 00h, for no "
            "timeout is said), about $1.17 by list prices of August 2026 in us-central1");
}

TEST(Cost, InSeveralZonesIsThatOfTheDearest) {
  const auto service = WithMachines(
      "compute-engine://p/us-central1-a,europe-west6-b,us-west1-a?machine_type=e2-standard-2");
  EXPECT_TRUE(WorstCost(service, "training", "cloud")
                  .ends_with("about $0.25 by list prices of August 2026 in europe-west6"));
}

TEST(Cost, OfAMachineOfUnknownPriceIsToldInHours) {
  EXPECT_EQ(WorstCost(WithMachines("compute-engine://p/us-central1-a?machine_type=a3-mega"),
                      "training", "cloud"),
            "at the worst 2.7 VM-hours of a3-mega (1 attempt of at most 2h 40m)");
}

TEST(Cost, OfWhatHasNoMachineIsNone) {
  const auto service = WithMachines("compute-engine://p/us-central1-a?machine_type=e2-small");
  EXPECT_EQ(WorstCost(service, "training", "local-box"), "");
  EXPECT_EQ(WorstCost(service, "training", "local"), "");
  EXPECT_EQ(WorstCost(service, "testing", "cloud"), "");
}

TEST(Cost, AfterwardsIsThatOfTheSecondsOnRecord) {
  record::RunRow run;
  run.tasks.resize(2);
  run.tasks[0].task.place =
      "compute-engine://p/us-central1-a?machine_type=e2-standard-2&image=churn:1&timeout_s=60";
  EXPECT_EQ(CostOf(run), "") << "nothing is on record yet";
  run.tasks[0].attempts.resize(2);
  run.tasks[0].attempts[0].machine = std::chrono::milliseconds(90'400);
  run.tasks[0].attempts[1].machine = std::chrono::milliseconds(3600'000);
  EXPECT_EQ(CostOf(run),
            "3691 VM-seconds of e2-standard-2, about $0.07 by list prices of August 2026 in "
            "us-central1");
  run.tasks[0].attempts.pop_back();
  EXPECT_TRUE(CostOf(run).starts_with("91 VM-seconds of e2-standard-2, less than $0.01"));
}

}  // namespace
}  // namespace busker::prepare

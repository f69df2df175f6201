#include "daemon/announcer.h"

#include <gtest/gtest.h>

#include <thread>

namespace busker::daemon {
namespace {

using enum plan::State;
constexpr Milliseconds kNow{0};
constexpr Milliseconds kLimit{10'000};

plan::Decision Started(const std::string& run, int number = 1) {
  return plan::StartAttempt{run, "t", number};
}
plan::Decision Ended(const std::string& run) {
  return plan::RunChanged{run, kRunning, kSucceeded, ""};
}

TEST(Announcer, TellsOfOneRunInOrderUntilItEnds) {
  Announcer announcer;
  const auto heard = announcer.Subscribe("r1", {Started("r1", 7)});
  announcer.Announce(Started("r1", 8));
  announcer.Announce(Started("r2", 9));
  announcer.Announce(Ended("r1"));
  announcer.Announce(Started("r1", 10));
  EXPECT_EQ(std::get<plan::StartAttempt>(heard->Next(kNow).value()).number, 7);
  EXPECT_FALSE(heard->Ended());
  EXPECT_EQ(std::get<plan::StartAttempt>(heard->Next(kNow).value()).number, 8);
  EXPECT_TRUE(std::holds_alternative<plan::RunChanged>(heard->Next(kNow).value()));
  EXPECT_TRUE(heard->Ended());
  EXPECT_FALSE(heard->Next(kLimit));
  EXPECT_FALSE(heard->Lost());
}

TEST(Announcer, TellsEveryListenerOfARun) {
  Announcer announcer;
  const auto one = announcer.Subscribe("r1");
  const auto other = announcer.Subscribe("r1");
  announcer.Subscribe("r1").reset();  // has gone, which hurts nobody
  announcer.Announce(Ended("r1"));
  EXPECT_TRUE(one->Next(kNow));
  EXPECT_TRUE(other->Next(kNow));
}

TEST(Announcer, NeverWaitsForASlowListenerWhoLosesTheRest) {
  Announcer announcer;
  const auto slow = announcer.Subscribe("r1");
  for (int i = 0; i < 10'001; ++i) announcer.Announce(Started("r1", i));
  EXPECT_TRUE(slow->Lost());
  EXPECT_TRUE(slow->TakeLost());
  EXPECT_FALSE(slow->TakeLost()) << "it is told once";
  announcer.Announce(Ended("r1"));
  std::size_t heard = 0;
  while (slow->Next(kNow)) ++heard;
  EXPECT_EQ(heard, 10'000U);
  EXPECT_TRUE(slow->Ended());
}

TEST(Announcer, EndsEveryonesWaitWhenTheConductorEnds) {
  Announcer announcer;
  const auto heard = announcer.Subscribe("r1");
  std::thread listener([&] { EXPECT_FALSE(heard->Next(kLimit)); });
  announcer.End();
  listener.join();
  EXPECT_TRUE(heard->Ended());
  EXPECT_TRUE(announcer.Subscribe("r2")->Ended());
}

TEST(RunOf, IsEmptyForWhatIsAboutNoRun) {
  plan::RunQueued queued;
  queued.run.id = "r1";
  EXPECT_EQ(RunOf(queued), "r1");
  EXPECT_EQ(RunOf(Started("r2")), "r2");
  EXPECT_EQ(RunOf(plan::GraphNoted{}), "");
}

}  // namespace
}  // namespace busker::daemon

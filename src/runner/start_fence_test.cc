#include "runner/start_fence.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

using Owner = Fence::Owner;

class StartFence : public testing::Test {
 protected:
  StartFence() : store_(artifact::OpenStore("file://" + folder_.path().string()).value()) {}

  static attempt::RemoteStart Machine(const std::string& id, const std::string& boot) {
    attempt::RemoteStart start;
    start.by = attempt::RemoteStart::kByMachine;
    start.vm_id = id;
    start.boot = boot;
    start.zone = "zone-of-" + id;
    return start;
  }
  Fence Take(const attempt::RemoteStart& own) {
    auto fence = TakeFence(*store_, keys_, own, io::Within(Milliseconds(60'000)));
    EXPECT_TRUE(fence) << fence.error().message;
    return *std::move(fence);
  }

  io::TestFolder folder_;
  const std::unique_ptr<artifact::Store> store_;
  const attempt::RemoteKeys keys_{{"home", {"r", "t", 1}}};
};

TEST_F(StartFence, IsTakenByOneMachineAndToldToTheOthers) {
  const Fence first = Take(Machine("1", "a"));
  EXPECT_EQ(first.owner, Owner::kThisBoot);
  EXPECT_FALSE(first.was_there);
  const Fence second = Take(Machine("2", "a"));
  EXPECT_EQ(second.owner, Owner::kOther);
  EXPECT_EQ(second.start.zone, "zone-of-1");
}

TEST_F(StartFence, IsKnownAgainByTheBootThatTookIt) {
  Take(Machine("1", "a"));
  const Fence again = Take(Machine("1", "a"));
  EXPECT_EQ(again.owner, Owner::kThisBoot);
  EXPECT_TRUE(again.was_there);
  EXPECT_EQ(Take(Machine("1", "b")).owner, Owner::kEarlierBoot);
}

TEST_F(StartFence, IsNoBootsWhereTheKernelTellsNone) {
  Take(Machine("1", ""));
  EXPECT_EQ(Take(Machine("1", "")).owner, Owner::kEarlierBoot);
}

TEST_F(StartFence, ThatBuskerTookIsNoMachines) {
  attempt::RemoteStart busker;
  busker.by = attempt::RemoteStart::kByBusker;
  Take(busker);
  EXPECT_EQ(Take(Machine("1", "a")).owner, Owner::kOther);
  EXPECT_EQ(Take(Machine("", "")).owner, Owner::kOther);
}

TEST_F(StartFence, OfManyMachinesAtOnceHasOneOwner) {
  std::vector<std::thread> machines;
  std::atomic<int> owners = 0;
  for (int i = 0; i < 8; ++i) {
    machines.emplace_back([&, i] {
      if (Take(Machine(std::to_string(i), "a")).owner == Owner::kThisBoot) ++owners;
    });
  }
  for (std::thread& machine : machines) machine.join();
  EXPECT_EQ(owners, 1);
}

TEST_F(StartFence, ThatCannotBeReadIsNobodys) {
  ASSERT_TRUE(store_->PutText(keys_.start, "{", io::Within(Milliseconds(60'000))));
  EXPECT_FALSE(TakeFence(*store_, keys_, Machine("1", "a"), io::Within(Milliseconds(60'000))));
}

}  // namespace
}  // namespace busker::runner

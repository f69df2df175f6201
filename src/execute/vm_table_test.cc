#include "execute/vm_table.h"

#include <gtest/gtest.h>

#include <functional>

namespace busker::execute {
namespace {

bool IsThere(VmSight sight) {
  return sight == VmSight::kComing || sight == VmSight::kRunning || sight == VmSight::kStopping ||
         sight == VmSight::kStopped;
}
bool IsEnding(VmPhase phase) { return phase == VmPhase::kGivenUp || phase == VmPhase::kOver; }

void ForEach(const std::function<void(VmPhase, VmSight, VmDeed)>& check) {
  for (const VmPhase phase : kVmPhases) {
    for (const VmSight sight : kVmSights) {
      SCOPED_TRACE(testing::Message()
                   << "phase " << static_cast<int>(phase) << ", sight " << static_cast<int>(sight));
      check(phase, sight, DeedFor(phase, sight));
    }
  }
}

TEST(VmTable, WhatTheCloudDidNotTellChangesNothing) {
  ForEach([](VmPhase, VmSight sight, VmDeed deed) {
    if (sight == VmSight::kUnknown) {
      EXPECT_EQ(deed, VmDeed::kWait);
    }
  });
}

TEST(VmTable, NothingIsDoneToAVmOfOthers) {
  ForEach([](VmPhase, VmSight sight, VmDeed deed) {
    if (sight != VmSight::kForeign) return;
    EXPECT_NE(deed, VmDeed::kDelete);
    EXPECT_NE(deed, VmDeed::kAsk);
    EXPECT_NE(deed, VmDeed::kWait) << "and it is not waited for";
  });
}

TEST(VmTable, AVmIsAskedForOnlyWhileNothingIsKnownOfIt) {
  ForEach([](VmPhase phase, VmSight sight, VmDeed deed) {
    EXPECT_EQ(deed == VmDeed::kAsk, phase == VmPhase::kAsked && sight == VmSight::kAbsent);
  });
}

TEST(VmTable, WhatIsThereIsDeletedOnceTheAttemptIsOverOrGivenUpAndNeverBefore) {
  ForEach([](VmPhase phase, VmSight sight, VmDeed deed) {
    EXPECT_EQ(deed == VmDeed::kDelete, IsEnding(phase) && IsThere(sight));
  });
}

TEST(VmTable, AZoneIsLeftOnlyWhenNothingOfOursIsThere) {
  ForEach([](VmPhase phase, VmSight sight, VmDeed deed) {
    const bool is_free = sight == VmSight::kAbsent || sight == VmSight::kForeign;
    EXPECT_EQ(deed == VmDeed::kLetGo, IsEnding(phase) && is_free);
  });
}

// Instances that were "inactive" to one side and "terminated" to the other matched no branch, and
// stayed for ever.
TEST(VmTable, NobodyWaitsForAVmThatHasStoppedOrIsGone) {
  ForEach([](VmPhase, VmSight sight, VmDeed deed) {
    if (sight == VmSight::kStopped || sight == VmSight::kAbsent) {
      EXPECT_NE(deed, VmDeed::kWait);
    }
  });
}

TEST(VmTable, AnAttemptThatMayRunIsSettledAndNotAskedForAgain) {
  EXPECT_EQ(DeedFor(VmPhase::kBegun, VmSight::kAbsent), VmDeed::kSettle);
  EXPECT_EQ(DeedFor(VmPhase::kBegun, VmSight::kStopped), VmDeed::kSettle);
  EXPECT_EQ(DeedFor(VmPhase::kBegun, VmSight::kForeign), VmDeed::kSettle);
  EXPECT_EQ(DeedFor(VmPhase::kBegun, VmSight::kStopping), VmDeed::kWait)
      << "its last word may be on its way";
  EXPECT_EQ(DeedFor(VmPhase::kComing, VmSight::kAbsent), VmDeed::kSettle);
  EXPECT_EQ(DeedFor(VmPhase::kAsked, VmSight::kForeign), VmDeed::kRefuse);
}

}  // namespace
}  // namespace busker::execute

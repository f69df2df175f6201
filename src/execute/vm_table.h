// What is done about a VM, by what we know of its attempt and what the cloud says of the VM. Pure:
// the whole table, in one place.
#pragma once

#include <array>

namespace busker::execute {

// Of the attempt, as the start fence, the exit record and our own calls have it.
enum class VmPhase {
  kAsked,    // an insert was sent, and it is not known how it went
  kComing,   // the insert was carried out; nobody owns the start yet
  kBegun,    // the VM owns the start
  kGivenUp,  // we own the start: no VM will ever begin
  kOver,     // how it ended is known
};
inline constexpr std::array kVmPhases = {VmPhase::kAsked, VmPhase::kComing, VmPhase::kBegun,
                                         VmPhase::kGivenUp, VmPhase::kOver};

// Of the VM, in one zone.
enum class VmSight {
  kUnknown,  // the cloud did not tell
  kAbsent,   // it told that there is none
  kForeign,  // one of that name that is not ours
  kComing,
  kRunning,
  kStopping,
  kStopped,
};
inline constexpr std::array kVmSights = {VmSight::kUnknown, VmSight::kAbsent,  VmSight::kForeign,
                                         VmSight::kComing,  VmSight::kRunning, VmSight::kStopping,
                                         VmSight::kStopped};

enum class VmDeed {
  kWait,    // and look again
  kAsk,     // send the insert (again), by the same id
  kRefuse,  // the attempt cannot be in this zone: the name is another's
  kSettle,  // it will not go on: own the start or find the exit record, and tell how it ended
  kDelete,  // and look again
  kLetGo,   // there is nothing of ours here
};

VmDeed DeedFor(VmPhase phase, VmSight sight);

}  // namespace busker::execute

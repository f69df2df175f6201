#include "execute/vm_table.h"

namespace busker::execute {
namespace {

using D = VmDeed;

// Each phase has a limit of its own besides, after which kWait is no answer any more
// (compute_executor.cc).
constexpr D kTable[5][7] = {
    // kUnknown  kAbsent     kForeign    kComing     kRunning    kStopping   kStopped
    {D::kWait, D::kAsk, D::kRefuse, D::kWait, D::kWait, D::kWait, D::kSettle},         // kAsked
    {D::kWait, D::kSettle, D::kSettle, D::kWait, D::kWait, D::kWait, D::kSettle},      // kComing
    {D::kWait, D::kSettle, D::kSettle, D::kWait, D::kWait, D::kWait, D::kSettle},      // kBegun
    {D::kWait, D::kLetGo, D::kLetGo, D::kDelete, D::kDelete, D::kDelete, D::kDelete},  // kGivenUp
    {D::kWait, D::kLetGo, D::kLetGo, D::kDelete, D::kDelete, D::kDelete, D::kDelete},  // kOver
};

}  // namespace

VmDeed DeedFor(VmPhase phase, VmSight sight) {
  return kTable[static_cast<int>(phase)][static_cast<int>(sight)];
}

}  // namespace busker::execute

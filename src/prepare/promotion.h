// The step "promote": what the gate, the tests, the sample and a pin say of a version that a run
// has saved, and the live pointer accordingly.
#pragma once

#include "prepare/step.h"

namespace busker::prepare {

// As CarryOutStep. A version that is refused, or waits for approval, is no error: the step has
// done its work, and the ruling says so.
Result<StepDone> Promote(const PromoteStep& step, const home::Folder& home, Instant now,
                         const MayChange& may_change);

}  // namespace busker::prepare

// The VM that this runs on, as Compute Engine has it.
#pragma once

#include "base/result.h"
#include "io/interrupt.h"
#include "runner/vm_metadata.h"

namespace busker::runner {

// Asks for the VM's end, and does not wait for it: soon after, this process is told. That it is
// gone is fine. kFailed: its account may not, with what to do.
Result<void> DeleteOwnVm(const VmMetadata& vm, const io::Interrupt& interrupt);

}  // namespace busker::runner

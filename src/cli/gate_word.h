// How a run went, in a word: that of its state, or "refused" when the gate did not let the version
// pass that it saved.
#pragma once

#include <string>

#include "prepare/ruling.h"

namespace busker::cli {

struct GateWord {
  std::string state;     // "succeeded", "refused", ...
  std::string why;       // the run's message, or why it was refused, or that it waited
  bool refused = false;  // the run succeeded, and its version was refused
  bool waited = false;   // or was left for somebody to approve
};

// What cannot be read of the gate's rulings is told as the reason.
GateWord WordOf(const record::RunRow& run, prepare::Rulings& rulings);

}  // namespace busker::cli

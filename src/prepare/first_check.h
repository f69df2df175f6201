// What is asked of a version before it becomes live, whoever makes it so: the step of a run, a
// person with a verb, over the API or on the dashboard. One place, so that none asks less.
#pragma once

#include <optional>
#include <string>

#include "artifact/version.h"
#include "base/result.h"
#include "io/interrupt.h"
#include "predict/signature.h"

namespace busker::prepare {

// Loads the model with the runtime that will serve it, and compares its sample, bit for bit
// (predict/loaded_version.h). A sentence for the record: "served online: its sample of 120 came out
// right", "not served online: it has no serving_sample.json"; empty: nothing here serves such a
// version. kInvalid: it cannot be served as it was trained, and why.
Result<std::string> CheckFirst(artifact::Store& store, const artifact::Manifest& version,
                               const io::Interrupt& interrupt);

// How a version stands with that, for who looks at it; nothing is changed.
struct Serving {
  bool is_served = false;  // its sample came out right
  std::string sentence;    // as CheckFirst's, or why it is not served online
  std::string model;       // "XGBoost 3.2.0, binary:logistic, 500 trees"; empty: none was read
  std::optional<predict::Signature> signature;
  std::size_t sample_size = 0;
};
Result<Serving> LookAtServing(artifact::Store& store, const artifact::Manifest& version,
                              const io::Interrupt& interrupt);

}  // namespace busker::prepare

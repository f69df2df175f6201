// An attempt whose start this VM owns, from its order to its exit record in the artifact store.
//
// What the attempt is to do is in the order, and is done by another busker-runner in the container.
// Here is what that one cannot do: fetch the image, hand in the secrets, ship the log, have
// docker's last word, and hear that the VM is to stop.
#pragma once

#include <optional>
#include <string>

#include "artifact/store.h"
#include "attempt/exit_record.h"
#include "attempt/sealed_secrets.h"
#include "base/result.h"
#include "runner/signals.h"
#include "runner/vm_metadata.h"

namespace busker::runner {

struct OwnedAttempt {
  std::string sealed_order;                // which can be opened
  std::optional<attempt::SecretsKey> key;  // whose public key is in the start fence; none: the
                                           // order has no secrets
  bool was_there = false;                  // an earlier process of this boot had begun
};

// To the end of the attempt; what it returns is in the store then, and the log before it. An Error:
// it is not, after an hour.
Result<attempt::ExitRecord> Carry(const VmMetadata& vm, artifact::Store& store, OwnedAttempt owned,
                                  Signals& signals);

}  // namespace busker::runner

// The live pointer of a service, moved by hand.
#pragma once

#include <string>

#include "artifact/store.h"
#include "daemon/ledger.h"
#include "model/live.h"
#include "service/service.h"

namespace busker::daemon {

// What is asked for, and by whom.
struct MoveRequest {
  std::string by;
  std::string why = "by hand";
  bool unchecked = false;  // the version is not asked first; noted with the move
  bool unpin = false;      // also from a version that is pinned, which then no longer is
};

// Makes a version live. `version` as model::FindVersion reads it; errors as that and
// model::Promote. One that waits for approval is approved by it.
Result<model::LivePointer> Promote(artifact::Store& store, const service::Service& service,
                                   const std::string& version, const MoveRequest& request,
                                   const Ledger& ledger, const io::Interrupt& interrupt);

// Makes live again what was live before; errors as model::Rollback.
Result<model::LivePointer> Rollback(artifact::Store& store, const service::Service& service,
                                    const MoveRequest& request, const Ledger& ledger,
                                    const io::Interrupt& interrupt);

// Pins the version, which is live; errors as model::FindVersion and model::PinLive.
Result<model::LivePointer> Pin(artifact::Store& store, const service::Service& service,
                               const std::string& version, const std::string& by,
                               const std::string& why, const Ledger& ledger,
                               const io::Interrupt& interrupt);
Result<model::LivePointer> Unpin(artifact::Store& store, const service::Service& service,
                                 const std::string& by, const Ledger& ledger,
                                 const io::Interrupt& interrupt);

}  // namespace busker::daemon

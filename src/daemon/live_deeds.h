// The live pointer of a service, moved by hand.
#pragma once

#include <string>

#include "artifact/store.h"
#include "daemon/ledger.h"
#include "model/live.h"
#include "service/service.h"

namespace busker::daemon {

// Makes a version live. `version` as model::FindVersion reads it; errors as that and
// model::Promote.
Result<model::LivePointer> Promote(artifact::Store& store, const service::Service& service,
                                   const std::string& version, const std::string& by,
                                   const std::string& why, const Ledger& ledger,
                                   const io::Interrupt& interrupt);

// Makes live again what was live before; errors as model::Rollback.
Result<model::LivePointer> Rollback(artifact::Store& store, const service::Service& service,
                                    const std::string& by, const Ledger& ledger,
                                    const io::Interrupt& interrupt);

}  // namespace busker::daemon

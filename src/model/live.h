// The live pointer: which version of a service applications and online predictions use now. One per
// service and service version, kept as NAME/VERSION/live.json in the artifact store, replaced
// atomically, never by two at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/version.h"
#include "base/result.h"
#include "base/time.h"
#include "io/interrupt.h"

namespace busker::model {

struct LiveMove {
  artifact::VersionName version;
  std::string by;   // who moved it: a user name, or "run ID"; of either, 4 KiB are kept
  std::string why;  // "auc >= live.auc - 0.01: 0.81 >= 0.79", "by hand", "rollback"
  Instant at{};
};

struct LivePointer {
  LiveMove now;
  std::vector<LiveMove> before;  // what rollback goes back to: latest first, at most 100
};

// nullopt: nothing is live yet. kUnusable: live.json cannot be read.
Result<std::optional<LivePointer>> ReadLive(artifact::Store& store, const std::string& service,
                                            const std::string& service_version,
                                            const io::Interrupt& interrupt);

// Makes `move.version` live. The version must exist (kNotFound, naming the nearest ones there are)
// and every file of it is verified first (kUnusable names the corrupt file). Making live what is
// live already changes nothing.
Result<LivePointer> Promote(artifact::Store& store, const LiveMove& move,
                            const io::Interrupt& interrupt);

// The two parts of Promote. To verify reads every file of the version.
Result<void> VerifyVersion(artifact::Store& store, const artifact::VersionName& name,
                           const io::Interrupt& interrupt);
Result<LivePointer> MoveLive(artifact::Store& store, const LiveMove& move,
                             const io::Interrupt& interrupt);

// Makes live again what was live before; repeated, it goes further back. kNotFound when there is
// nothing to go back to. The version is verified first, as with Promote.
Result<LivePointer> Rollback(artifact::Store& store, const std::string& service,
                             const std::string& service_version, const std::string& by, Instant at,
                             const io::Interrupt& interrupt);

}  // namespace busker::model

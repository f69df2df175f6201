// The live pointer: which version of a service applications and online predictions use now. One per
// service and service version, kept as NAME/VERSION/live.json in the artifact store, replaced
// atomically, never by two at once.
#pragma once

#include <functional>
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
  std::string check = {};  // what asking it first came to, a sentence; empty: it was not asked
};

// Keeps the pointer where it is: gates do not move it, and people only once they have unpinned it.
struct Pin {
  std::string by, why;
  Instant at{};
};

struct LivePointer {
  LiveMove now;
  std::vector<LiveMove> before;  // what rollback goes back to: latest first, at most 100
  std::optional<Pin> pin = {};
};

// "pinned by mari since 2026-11-30T08:00:00Z: release week".
std::string Sentence(const Pin& pin);

// What becomes of a pin when the pointer is to move: the move is refused, or the pin goes.
enum class Pinned { kRefuse, kUnpin };

// What is asked of a version before it becomes live, beside its files' digests; gives
// LiveMove::check. An error: it does not become live.
using FirstCheck = std::function<Result<std::string>(const artifact::Manifest&)>;

// nullopt: nothing is live yet. kUnusable: live.json cannot be read.
Result<std::optional<LivePointer>> ReadLive(artifact::Store& store, const std::string& service,
                                            const std::string& service_version,
                                            const io::Interrupt& interrupt);

// Makes `move.version` live. The version must exist (kNotFound, naming the nearest ones there are),
// every file of it is verified first (kUnusable names the corrupt file), and `check`, unless empty,
// is asked. kInvalid: it is pinned. Making live what is live already changes nothing.
Result<LivePointer> Promote(artifact::Store& store, const LiveMove& move,
                            const io::Interrupt& interrupt, Pinned pinned = Pinned::kRefuse,
                            const FirstCheck& check = {});

// The two parts of Promote. To verify reads every file of the version.
Result<artifact::Manifest> VerifyVersion(artifact::Store& store, const artifact::VersionName& name,
                                         const io::Interrupt& interrupt);
Result<LivePointer> MoveLive(artifact::Store& store, const LiveMove& move,
                             const io::Interrupt& interrupt, Pinned pinned = Pinned::kRefuse);

// Makes live again what was live before; repeated, it goes further back. kNotFound when there is
// nothing to go back to. The version is verified and `check` asked first, as with Promote.
Result<LivePointer> Rollback(artifact::Store& store, const std::string& service,
                             const std::string& service_version, const std::string& by, Instant at,
                             const io::Interrupt& interrupt, Pinned pinned = Pinned::kRefuse,
                             const FirstCheck& check = {});

// Pins `version`, which is live (else kInvalid), or changes who pinned it and why.
Result<LivePointer> PinLive(artifact::Store& store, const artifact::VersionName& version,
                            const Pin& pin, const io::Interrupt& interrupt);

// kNotFound: nothing is pinned.
Result<LivePointer> Unpin(artifact::Store& store, const std::string& service,
                          const std::string& service_version, const io::Interrupt& interrupt);

}  // namespace busker::model

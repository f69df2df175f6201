// What the gate said of each version: kept as NAME/VERSION/gate.json in the artifact store, beside
// the live pointer, replaced atomically, never by two at once.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "artifact/version.h"
#include "base/result.h"
#include "base/time.h"
#include "io/interrupt.h"

namespace busker::model {

struct Ruling {
  artifact::VersionName version;
  bool passed = false;  // it may become live; false: it was refused
  std::string why;      // "rmse 110.97 is not <= 60.53 (57.64 * 1.05)"
  std::string run;
  Instant at{};
  bool waits = false;            // it passed, and is made live by whoever approves it
  std::string approved_by = {};  // it waited, and this one has made it live

  bool NeededApproval() const { return waits || !approved_by.empty(); }
};

nlohmann::ordered_json RulingToJson(const Ruling& ruling);
// Errors name the place: "WHAT: ...".
Result<Ruling> RulingFromJson(const nlohmann::ordered_json& value, const std::string& what);

// Latest first, at most 1,000. Nothing was ruled yet: empty. kUnusable: gate.json cannot be read.
Result<std::vector<Ruling>> ReadRulings(artifact::Store& store, const std::string& service,
                                        const std::string& service_version,
                                        const io::Interrupt& interrupt);

// Notes a ruling, in place of an earlier one of the same version.
Result<void> NoteRuling(artifact::Store& store, const Ruling& ruling,
                        const io::Interrupt& interrupt);

// Notes who approved a version that waits; of another, nothing changes.
Result<void> NoteApproval(artifact::Store& store, const artifact::VersionName& version,
                          const std::string& by, const io::Interrupt& interrupt);

// The version that waits for somebody to approve it: the last one that passed, if it waits. Earlier
// ones are not asked about any more. nullptr: none waits.
const Ruling* FindWaiting(const std::vector<Ruling>& rulings);

// That of the version; nullptr: there is none.
const Ruling* FindRuling(const std::vector<Ruling>& rulings, const artifact::VersionName& version);

}  // namespace busker::model

// The versions of a service that may be live, and which one is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/retirement.h"
#include "artifact/version.h"
#include "base/result.h"
#include "model/live.h"
#include "model/rulings.h"

namespace busker::model {

struct Versions {
  std::vector<artifact::Manifest> all;        // oldest first
  std::vector<std::string> unreadable;        // a sentence for each that was left out
  std::vector<artifact::Retirement> retired;  // in no list any more
  std::optional<LivePointer> live;
  std::vector<Ruling> rulings;  // of the gate

  bool IsLive(const artifact::Manifest& version) const {
    return live && live->now.version == version.name;
  }
  // The ruling of the version that waits for somebody to approve it; nullptr: none does.
  const Ruling* Waiting() const {
    const Ruling* const waiting = FindWaiting(rulings);
    return waiting != nullptr && !(live && live->now.version == waiting->version) ? waiting
                                                                                  : nullptr;
  }
};

// Those that the `actions`, which promote, have saved. With what the actions `tests` found when
// they tested each last among its metrics: "testing.auc".
Result<Versions> ReadVersions(artifact::Store& store, const std::string& service,
                              const std::string& service_version,
                              const std::vector<std::string>& actions,
                              const io::Interrupt& interrupt,
                              const std::vector<std::string>& tests = {});

// Does a person mean that version by `text`? A timestamp, ACTION/TIMESTAMP, or a whole key.
bool IsMeant(const artifact::VersionName& name, const std::string& text);

// The version that a person means by `text`: a timestamp, ACTION/TIMESTAMP, or a whole key.
// kNotFound, naming the nearest, or telling that it was retired; kInvalid when it is a timestamp of
// several actions.
Result<artifact::VersionName> FindVersion(const Versions& versions, const std::string& service,
                                          const std::string& service_version,
                                          const std::string& text);

}  // namespace busker::model

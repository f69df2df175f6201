// The versions of a service that may be live, and which one is.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "artifact/version.h"
#include "cli/workspace.h"
#include "model/live.h"

namespace busker::cli {

struct Versions {
  std::unique_ptr<artifact::Store> store;
  std::vector<artifact::Manifest> all;  // of the actions that promote, oldest first
  std::vector<std::string> unreadable;
  std::optional<model::LivePointer> live;

  bool IsLive(const artifact::Manifest& version) const {
    return live && live->now.version == version.name;
  }
};

Result<Versions> ReadVersions(const Workspace& workspace);

// The version that a person means by `text`: a timestamp, ACTION/TIMESTAMP, or a whole key.
Result<artifact::VersionName> FindVersion(const Workspace& workspace, const Versions& versions,
                                          const std::string& text);

}  // namespace busker::cli

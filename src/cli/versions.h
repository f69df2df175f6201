// The versions of the service in the folder.
#pragma once

#include <memory>

#include "cli/workspace.h"
#include "model/versions.h"

namespace busker::cli {

struct Versions : model::Versions {
  std::unique_ptr<artifact::Store> store;  // null where nothing was ever run
};

Result<Versions> ReadVersions(const Workspace& workspace);

Result<artifact::VersionName> FindVersion(const Workspace& workspace, const Versions& versions,
                                          const std::string& text);

}  // namespace busker::cli

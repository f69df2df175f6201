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

// The same of the versions that were read; "live" is the one that is.
Result<const artifact::Manifest*> FindShown(const Workspace& workspace, const Versions& versions,
                                            const std::string& text);

// "20261128T191125Z waits for approval since ...: auc 0.8 is > 0.7; busker promote ... makes it
// live".
std::string WaitingSentence(const model::Ruling& waiting);

}  // namespace busker::cli

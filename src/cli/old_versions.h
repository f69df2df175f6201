// Versions that nothing needs any more, for busker gc: retired, and a day later removed.
#pragma once

#include <string>
#include <vector>

#include "artifact/clearable_store.h"
#include "artifact/retirement.h"
#include "cli/gc.h"
#include "cli/workspace.h"

namespace busker::cli {

struct OldVersions {
  std::vector<artifact::Manifest> retired;     // now
  std::vector<artifact::Retirement> removed;   // now; they were retired a day ago or earlier
  std::vector<artifact::Retirement> returned;  // they had become needed meanwhile
  std::vector<artifact::Retirement> waiting;   // retired less than a day ago
};

Result<OldVersions> ClearOldVersions(const Common& common, const Workspace& workspace,
                                     artifact::ClearableStore& store, const GcOptions& options);

// Makes a retired version one again; as model::FindVersion reads `text`. kNotFound: there is none.
Result<artifact::Retirement> TakeBackVersion(const Common& common, const Workspace& workspace,
                                             artifact::Store& store, const std::string& text);

}  // namespace busker::cli

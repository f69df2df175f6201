// busker promote and busker rollback: the live pointer, moved by hand.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"

namespace busker::cli {
namespace {

Result<int> Tell(const Common& common, const Workspace& workspace, const model::LivePointer& live) {
  const model::LiveMove& now = live.now;
  Note(common, workspace.home, "live pointer moved",
       fmt::format("{}: {}", now.version.Key(), now.why));
  if (common.json) {
    PrintJson({{"version", now.version.timestamp},
               {"live", true},
               {"by", now.by},
               {"why", now.why},
               {"at", FormatRfc3339(now.at)},
               {"key", now.version.Key()}});
  } else {
    PrintLine(fmt::format("{} of {} is live now", now.version.timestamp, now.version.service));
  }
  return 0;
}

}  // namespace

Result<int> Promote(const Common& common, const PromoteOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  TRY_ASSIGN(const artifact::VersionName name, FindVersion(workspace, versions, options.version));
  TRY_ASSIGN(const model::LivePointer live,
             model::Promote(*versions.store, {name, common.By(), options.why, Now()}));
  return Tell(common, workspace, live);
}

Result<int> Rollback(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  if (versions.store == nullptr) return NotFound("nothing was ever live here");
  TRY_ASSIGN(const model::LivePointer live,
             model::Rollback(*versions.store, workspace.service.name, workspace.service.version,
                             common.By(), Now()));
  return Tell(common, workspace, live);
}

}  // namespace busker::cli

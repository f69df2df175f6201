// busker promote and busker rollback: the live pointer, moved by hand.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"
#include "daemon/live_deeds.h"

namespace busker::cli {
namespace {

Result<int> Tell(const Common& common, const model::LivePointer& live) {
  const model::LiveMove& now = live.now;
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
  if (!HasHome(workspace.home)) TRY(FindVersion(workspace, {}, options.version));  // has none
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Promote(*store, workspace.service, options.version, common.By(), options.why,
                             LedgerOf(workspace.home), artifact::ForFiles()));
  return Tell(common, live);
}

Result<int> Rollback(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) return NotFound("nothing was ever live here");
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Rollback(*store, workspace.service, common.By(), LedgerOf(workspace.home),
                              artifact::ForFiles()));
  return Tell(common, live);
}

}  // namespace busker::cli

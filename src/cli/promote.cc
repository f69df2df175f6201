// busker promote, rollback, pin and unpin: the live pointer, by hand.
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
               {"key", now.version.Key()},
               {"check", serve::TextOrNull(now.check)}});
  } else {
    PrintLine(fmt::format("{} of {} is live now{}", now.version.timestamp, now.version.service,
                          now.check.empty() ? "" : "; " + now.check));
  }
  return 0;
}

Result<int> TellOfPin(const Common& common, const model::LivePointer& live) {
  const std::string& version = live.now.version.timestamp;
  if (common.json) {
    PrintJson({{"version", version}, {"pin", serve::DescribePin(live)}});
  } else {
    PrintLine(live.pin ? fmt::format("{} stays live until busker unpin", version)
                       : fmt::format("{} is live, and a gate may let another be", version));
  }
  return 0;
}

daemon::MoveRequest RequestOf(const Common& common, const PromoteOptions& options) {
  return {common.By(), options.why, options.unchecked, options.unpin};
}

}  // namespace

Result<int> Promote(const Common& common, const PromoteOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) TRY(FindVersion(workspace, {}, options.version));  // has none
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Promote(*store, workspace.service, options.version, RequestOf(common, options),
                             LedgerOf(workspace.home), artifact::ForFiles()));
  return Tell(common, live);
}

Result<int> Rollback(const Common& common, const PromoteOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) return NotFound("nothing was ever live here");
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Rollback(*store, workspace.service, RequestOf(common, options),
                              LedgerOf(workspace.home), artifact::ForFiles()));
  return Tell(common, live);
}

Result<int> Pin(const Common& common, const PinOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) TRY(FindVersion(workspace, {}, options.version));  // has none
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Pin(*store, workspace.service, options.version, common.By(), options.why,
                         LedgerOf(workspace.home), artifact::ForDecision()));
  return TellOfPin(common, live);
}

Result<int> Unpin(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home)) return NotFound("nothing was ever live here");
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const model::LivePointer live,
             daemon::Unpin(*store, workspace.service, common.By(), LedgerOf(workspace.home),
                           artifact::ForDecision()));
  return TellOfPin(common, live);
}

}  // namespace busker::cli

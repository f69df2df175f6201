// busker promote and busker rollback: the live pointer, moved by hand.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/print.h"
#include "cli/versions.h"

namespace busker::cli {
namespace {

std::string Described(const model::LiveMove& move) {
  return fmt::format("{}: {}", move.version.Key(), move.why);
}

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
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  TRY_ASSIGN(const artifact::VersionName name, FindVersion(workspace, versions, options.version));
  const model::LiveMove move{name, common.By(), options.why, Now()};
  record::Deed deed{common.By(), "promote", "live pointer moved", Described(move)};
  TRY_ASSIGN(const model::LivePointer live, Do(workspace.home, deed, [&] {
               return model::Promote(*versions.store, move, artifact::ForFiles());
             }));
  return Tell(common, live);
}

Result<int> Rollback(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  if (versions.store == nullptr) return NotFound("nothing was ever live here");
  record::Deed deed{common.By(), "rollback", "live pointer moved", workspace.service.name};
  TRY_ASSIGN(const model::LivePointer live, Do(workspace.home, deed, [&] {
               auto moved = model::Rollback(*versions.store, workspace.service.name,
                                            workspace.service.version, common.By(), Now(),
                                            artifact::ForFiles());
               if (moved) deed.detail = Described(moved->now);
               return moved;
             }));
  return Tell(common, live);
}

}  // namespace busker::cli

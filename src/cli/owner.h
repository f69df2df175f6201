// Reaching the process that owns a home, or becoming it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "daemon/client.h"
#include "daemon/daemon.h"
#include "home/ownership.h"

namespace busker::cli {

// Notes the folders that busker up serves. kInvalid for a path that could not be read back.
Result<void> WriteServed(const home::Home& home, const std::vector<std::string>& paths);

// The folders that the home was last served for (busker up), else the one that it is in; and
// `folder`.
std::vector<std::string> ServedPaths(const home::Home& home, const std::string& folder);

// Of whoever owns the home.
daemon::Client ClientOf(const home::Home& home);

daemon::DaemonOptions DaemonOptionsFor(const Common& common, std::vector<std::string> paths,
                                       bool schedules);

// A busker that answers for the home: whoever owns it, else one that is started in the background
// and ends when nothing is left to do.
Result<daemon::Client> Reach(const Common& common, const Place& place);

// Asks it; asks the next one when that one was just ending and did nothing, for up to 15 s.
Result<void> AskOwner(const Common& common, const Place& place,
                      const std::function<Result<void>(const daemon::Owner&)>& ask);

// Whether this program was started by a task of a run. What a task leaves behind ends with it, so
// there work may be left only with a busker that is at work already.
bool IsInTask(const Common& common);
Result<void> CheckMayLeaveWork(const Common& common, const Place& place);

// Starts that one; whoever calls this has let go of the home.
Result<void> StartInBackground(const Common& common, const Place& place);

// The home is this process's own, or somebody answers for it. Waits up to `limit` while neither
// holds; says so, unless facts are asked for.
struct OwnerOrClient {
  std::optional<home::Ownership> ownership;
  daemon::Client client;
};
Result<OwnerOrClient> OwnOrReach(const Common& common, const Place& place, const std::string& doing,
                                 Milliseconds limit);

}  // namespace busker::cli

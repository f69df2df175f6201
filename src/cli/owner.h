// Reaching the process that owns a home, or becoming it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/workspace.h"
#include "daemon/client.h"
#include "daemon/daemon.h"

namespace busker::cli {

// The folders that the home was last served for (busker up), and `folder`.
std::vector<std::string> ServedPaths(const dispatch::Home& home, const std::string& folder);

daemon::Client ClientOf(const dispatch::Home& home);

daemon::DaemonOptions DaemonOptionsFor(const Common& common, std::vector<std::string> paths,
                                       bool schedules);

// A busker that answers for the home: whoever owns it, else one that is started in the background
// and ends when nothing is left to do.
Result<daemon::Client> Reach(const Common& common, const Place& place);

// Starts that one; whoever calls this has let go of the home.
Result<void> StartInBackground(const Common& common, const Place& place);

// The home is this process's own, or somebody answers for it. Waits up to `limit` while neither
// holds; says so, unless `quiet`.
struct OwnerOrClient {
  std::optional<dispatch::Ownership> ownership;
  daemon::Client client;
};
Result<OwnerOrClient> OwnOrReach(const Place& place, const std::string& doing, Milliseconds limit,
                                 bool quiet);

}  // namespace busker::cli

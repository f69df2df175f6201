// What people call the actions and graphs that a home knows, and which one they mean.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "cli/workspace.h"

namespace busker::cli {

// The definitions below the folder and below what busker up last served, as the owner of the home
// reads them. Nothing else is asked, so it takes no busker that is up.
std::shared_ptr<const catalogue::Catalogue> ReadDefinitions(const Place& place);

// The action or graph that `text` means: whatever busker status calls one. "training" is one of the
// folder's service (in a folder that has none, of the only service with such an action),
// "churn/training" any service's, "nightly" a graph file; where that is the schedule of an action,
// the action. kNotFound names the nearest.
Result<plan::GraphKey> FindGraph(const Place& place, const std::string& text);

// The same with its definition: kNotFound, too, when it is on record alone.
Result<std::shared_ptr<const catalogue::Definition>> FindDefinition(const Place& place,
                                                                    const std::string& text);

// The run that `what` means: an id or the beginning of one, or the newest run of an action or graph
// (FindGraph); the newest run of all when it is empty. kNotFound; kInvalid when several begin so.
Result<record::RunRow> FindRun(const Place& place, record::Record& record, const std::string& what);

}  // namespace busker::cli

// Which of a graph's waiting runs goes on next, and why one of them does not: the number of runs at
// once, pauses, backfills, the run before.
#pragma once

#include <string>

#include "plan/graph_table.h"

namespace busker::plan {

// nullptr: none may. Valid until the graph's runs change.
const Candidate* NextRun(const GraphEntry& entry, Instant now);

// What in its own graph keeps a waiting run from going on, for people; empty: nothing.
std::string WhyWaits(const GraphEntry& entry, const ActiveRun& active, Instant now);

}  // namespace busker::plan

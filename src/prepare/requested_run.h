// The run that somebody asks for, as the plan is to queue it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "plan/graph.h"
#include "plan/run.h"

namespace busker::prepare {

// The data date that `text` names in a zone: "2019-08-01", "today" or "yesterday".
Result<std::string> DateNamed(const std::string& text, const std::string& zone, Instant now);

// The run of `graph` that somebody asks for. `date`: "2019-08-01", "today" or "yesterday" (midnight
// in the graph's zone), or an RFC 3339 instant; none: `now`.
Result<plan::DagRun> RequestRun(const plan::Graph& graph, const std::optional<std::string>& date,
                                Instant now);

// The run of `graph` for one instant of its schedule, asked for by hand (a backfill).
plan::DagRun RequestRunAt(const plan::Graph& graph, Instant due, Instant now);

}  // namespace busker::prepare

// What a service file or a graph file says, as the plan's definition of a graph.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "plan/graph.h"
#include "plan/run.h"
#include "service/graph_file.h"
#include "service/service.h"

namespace busker::prepare {

plan::GraphKey KeyOf(const service::Service& service, const std::string& action);

Result<plan::Graph> GraphOf(const service::Service& service, const service::Action& action);
Result<plan::Graph> GraphOf(const service::GraphFile& file);

// The run of `graph` that somebody asks for. `date`: "2019-08-01" (midnight in the graph's zone) or
// an RFC 3339 instant; none: `now`.
Result<plan::DagRun> RequestRun(const plan::Graph& graph, const std::optional<std::string>& date,
                                Instant now);

// The run of `graph` for one instant of its schedule, asked for by hand (a backfill).
plan::DagRun RequestRunAt(const plan::Graph& graph, Instant due, Instant now);

}  // namespace busker::prepare

// What a service file or a graph file says, as the plan's definition of a graph.
#pragma once

#include <string>

#include "base/result.h"
#include "plan/graph.h"
#include "service/graph_file.h"
#include "service/service.h"

namespace busker::catalogue {

Result<plan::Graph> GraphOf(const service::Service& service, const service::Action& action);
Result<plan::Graph> GraphOf(const service::GraphFile& file);

}  // namespace busker::catalogue

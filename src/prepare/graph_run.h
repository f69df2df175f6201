// From a graph file to its runs: each task's code as an order for the runner.
#pragma once

#include <string>
#include <vector>

#include "prepare/action_run.h"
#include "service/graph_file.h"

namespace busker::prepare {

// `environment`: "NAME=value" of the person or unit that started Busker.
Result<PreparedRun> PrepareRun(const service::GraphFile& file, const plan::DagRun& run,
                               const std::vector<std::string>& environment);

}  // namespace busker::prepare

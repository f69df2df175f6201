// The order of a graph's tasks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "service/fault.h"
#include "service/graph_file.h"

namespace busker::service {

struct Dependency {
  std::size_t child, parent;  // indices of tasks
  Position at;
};

// Fills each task's `after` and puts the tasks in an order in which each comes behind its parents,
// that of the file where they leave a choice. A cycle is a fault that names its tasks.
void OrderTasks(std::vector<GraphTask>& tasks, const std::vector<Dependency>& dependencies,
                Faults& faults);

}  // namespace busker::service

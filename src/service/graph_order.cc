#include "service/graph_order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>

#include "service/combinations.h"

namespace busker::service {
namespace {

// Of the tasks that have no place in the order, each waits for another of them, so a walk from any
// of them to what it waits for comes back to where it has been.
void TellCycle(const std::vector<GraphTask>& tasks, const std::vector<Dependency>& dependencies,
               const std::vector<std::size_t>& waits_for, Faults& faults) {
  std::vector<const Dependency*> to_parent(tasks.size(), nullptr);
  for (const Dependency& dependency : dependencies) {
    const bool open = waits_for[dependency.child] > 0 && waits_for[dependency.parent] > 0;
    if (open && to_parent[dependency.child] == nullptr) to_parent[dependency.child] = &dependency;
  }
  const auto first = std::find_if(waits_for.begin(), waits_for.end(),
                                  [](std::size_t parents) { return parents > 0; });
  auto task = static_cast<std::size_t>(first - waits_for.begin());
  std::vector<bool> seen(tasks.size(), false);
  while (!seen[task]) {
    seen[task] = true;
    task = to_parent[task]->parent;
  }
  std::vector<std::string> cycle = {tasks[task].name};
  Position at;
  const std::size_t begin = task;
  do {
    const Dependency& dependency = *to_parent[task];
    if (std::tie(dependency.at.line, dependency.at.column) > std::tie(at.line, at.column)) {
      at = dependency.at;
    }
    task = dependency.parent;
    cycle.push_back(tasks[task].name);
  } while (task != begin);
  faults.Add(at, "the dependencies go in a circle: " + CycleSentence(cycle));
}

}  // namespace

void OrderTasks(std::vector<GraphTask>& tasks, const std::vector<Dependency>& dependencies,
                Faults& faults) {
  std::vector<std::size_t> waits_for(tasks.size(), 0);
  std::vector<std::vector<std::size_t>> children(tasks.size());
  for (const Dependency& dependency : dependencies) {
    tasks[dependency.child].after.push_back(tasks[dependency.parent].name);
    children[dependency.parent].push_back(dependency.child);
    ++waits_for[dependency.child];
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (waits_for[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t task = ready.top();
    ready.pop();
    order.push_back(task);
    for (const std::size_t child : children[task]) {
      if (--waits_for[child] == 0) ready.push(child);
    }
  }
  if (order.size() < tasks.size()) {
    TellCycle(tasks, dependencies, waits_for, faults);
    return;
  }
  std::vector<GraphTask> ordered;
  ordered.reserve(tasks.size());
  for (const std::size_t task : order) ordered.push_back(std::move(tasks[task]));
  tasks = std::move(ordered);
}

}  // namespace busker::service

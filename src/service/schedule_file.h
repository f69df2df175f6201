// Graph files that are the schedules of actions. In a whole repository, scheduler/configs/NAME.json
// whose tasks start the action NAME, wait for it and check it says the same as a schedule of that
// action does, and no more: both are one thing, and what is carried out is the action
// (docs/decisions/0042-the-whole-repository.md).
#pragma once

#include <string>
#include <vector>

#include "service/graph_file.h"
#include "service/service.h"

namespace busker::service {

struct ScheduleFile {
  std::string action;
  std::string path;   // absolute
  std::string shown;  // relative to the service's folder
};

// Those of the whole repository at `root`, by name; none of any other folder. One that cannot be
// read is among them when its text speaks of starting the action.
std::vector<ScheduleFile> FindScheduleFiles(const std::string& root);

// For people: why a graph file of such a name, with a task that starts, waits for or checks the
// action, is a graph and not its schedule; a sentence for each such file. It may be meant so.
std::vector<std::string> NearlySchedules(const std::string& root);

// Whether each task of the graph is "make [...] NAME-start", "... NAME-wait" or "... NAME-check",
// or busker start NAME, busker wait NAME or busker check NAME, and one of them starts it.
bool IsScheduleOf(const GraphFile& file, const std::string& action);

// The action's schedule becomes the file's, with its bounds, catch-up and limits, so that the
// action begins when the graph's runs would have. A run's data date is that instant, as of any
// action.
Result<void> TakeSchedule(const GraphFile& file, Action& action);

}  // namespace busker::service

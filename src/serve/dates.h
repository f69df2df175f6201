// What became of each data date of an action or graph: what is told of a date is told of the work,
// however many runs it took, and whoever asked for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/graph.h"
#include "record/record.h"

namespace busker::serve {

struct DataDate {
  std::string date;  // "2026-10-14"
  // As the newest run of it is, but succeeded as soon as one is; of a schedule that runs more than
  // once a day, failed as soon as one of its instants is. nullopt: there is no run.
  std::optional<plan::State> state;
  std::string run;      // that the state is of; empty: none
  std::string message;  // of that run
  std::string trigger;
  std::uint64_t runs = 0;
};

// Latest date first. `runs`: newest first. Among the dates are those that the schedule has between
// two of its own that have succeeded, and that never ran: 1,000 at most.
std::vector<DataDate> DatesOf(const plan::Graph& graph, const std::vector<record::RunRow>& runs);

// Failed, or never ran.
bool IsOpen(const DataDate& date);

}  // namespace busker::serve

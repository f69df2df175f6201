// The graphs of the agenda, defined or only remembered: what is known of each, and which runs after
// which.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/graph.h"
#include "plan/graph_runs.h"
#include "plan/turn.h"

namespace busker::plan {

// The graphs among which one has its place in the order of preparing (plan/admission.h).
struct AdmissionLine;

// What Admission keeps of a graph, for itself.
class AdmissionOfGraph {
  friend class Admission;
  AdmissionLine* line_ = nullptr;
  std::optional<Candidate> candidate_;  // what it has in its line
  bool changed_ = false;                // it is among those to be looked at again
  bool has_held_ = false;               // runs that know that their graph is missing
};

// What Schedules keeps of a graph, for itself.
class ScheduleOfGraph {
  friend class Schedules;
  std::optional<Instant> once_after_;                          // an instant that was another run's
  std::set<Instant> ran_ahead_;                                // instants to come, with their run
  std::optional<Instant> schedule_timer_, expectation_timer_;  // the ones that count
};

struct GraphEntry {
  std::shared_ptr<const Graph> graph;  // nullptr: it is only remembered
  GraphMemory memory;
  std::string missing;                   // why there is no `graph`; empty: nobody has said
  std::optional<Instant> prepare_after;  // preparing a run failed, and may not then
  std::set<GraphKey> downstream;         // graphs that run after this one
  GraphRuns runs;
  AdmissionOfGraph admission;
  ScheduleOfGraph schedule;

  std::size_t RunsAtOnce() const;
  // Whether its runs that are not prepared yet may be.
  bool MayPrepare(Instant now) const {
    return missing.empty() && (!prepare_after || *prepare_after <= now);
  }
};

class GraphTable {
 public:
  // The graph's entry, which stays where it is; a new one, if nothing was known of it.
  GraphEntry& Of(const GraphKey& key);
  const GraphEntry* Find(const GraphKey& key) const;  // nullptr: nothing is known of it
  std::map<GraphKey, GraphEntry>& all() { return entries_; }
  const std::map<GraphKey, GraphEntry>& all() const { return entries_; }
  std::vector<GraphKey> Keys(bool defined) const;  // sorted

  // The graph is defined so, or no longer. One that runs by hand alone runs after no other.
  void Define(std::shared_ptr<const Graph> graph);
  void Undefine(GraphEntry& entry, const std::string& why);

  // The graphs that are to run after a success of this one: they are not paused, and all others
  // that they run after have succeeded as well since they last ran so.
  std::vector<GraphEntry*> DueAfter(const GraphEntry& entry);

 private:
  void Unlink(const Graph& graph);
  bool AllSucceeded(const GraphEntry& entry, const GraphKey& newest) const;

  std::map<GraphKey, GraphEntry> entries_;
};

// What the end of a run says about its graph, and whom it concerns.
void RememberEnd(GraphEntry& entry, const ActiveRun& active, Turn& turn);

}  // namespace busker::plan

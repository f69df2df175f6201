// What the schedules of graphs bring: the instants that are due, as far as the graphs' policies let
// them run, and whether what had to succeed by some time has. How far a schedule has been dealt
// with is in its graph's memory; plan/timetable.h knows the instants.
#pragma once

#include <string>
#include <vector>

#include "plan/graph_table.h"
#include "plan/timers.h"
#include "plan/timetable.h"
#include "plan/turn.h"

namespace busker::plan {

class Schedules {
 public:
  Schedules(Turn& turn, Timers& timers) : turn_(turn), timers_(timers) {}

  // An instant to come of the graph's that has had its run.
  void NoteAhead(GraphEntry& entry, Instant due);

  // Whether another definition than `graph` has dealt with what was due until now. To be asked
  // before that is the graph's.
  bool IsOvertaken(const GraphEntry& entry, const Graph& graph) const;
  // entry.graph is new, or another than before. `overtaken`: as IsOvertaken said. `pauses`: as in
  // GraphDefined. What is due now, and expected, is to be looked at then.
  void Define(GraphEntry& entry, bool overtaken, const std::string& pauses);
  // Nothing of its definition is waited for any more.
  void StopTimers(GraphEntry& entry);

  // The runs that are due now, to be queued. Then, and whenever one of the graph's has ended, Await
  // the next.
  std::vector<DagRun> ComeDue(GraphEntry& entry, Milliseconds on_time = kOnTime);
  void Await(GraphEntry& entry);
  // Tells, if the newest run that was due has not succeeded by when it had to.
  void Expect(GraphEntry& entry);
  // Whether the timer, which fires, still counts for its graph.
  bool Fires(GraphEntry& entry, const Timer& timer);

  // The clock was set back.
  void StepBack(GraphEntry& entry);

 private:
  std::vector<DagRun> ComeDueOnce(GraphEntry& entry, Milliseconds on_time);
  bool SetBack(GraphEntry& entry);
  DagRun RunFor(const GraphEntry& entry, Instant due, Milliseconds on_time) const;
  void TellMissed(GraphEntry& entry, Instant by, Instant due);
  void AwaitExpectation(GraphEntry& entry);

  Turn& turn_;
  Timers& timers_;
};

// The instant's day in the zone.
std::string DateIn(const std::string& zone, Instant instant);

}  // namespace busker::plan

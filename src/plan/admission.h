// Which run goes on next, of all graphs: the first of each graph (plan/next_run.h) stands in its
// line, and the first of all lines goes on as long as few tasks wait for a slot. How many runs are
// being prepared at a time is bounded, of each service and of all.
//
// The cost is that of the graphs that have changed, not of all that wait.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/graph_table.h"
#include "plan/ready_queue.h"
#include "plan/timers.h"
#include "plan/turn.h"

namespace busker::plan {

// The actions of one service; graph files have one together. What the runs of a service are
// prepared from is common to them, and when that hangs it keeps no other service waiting.
struct AdmissionLine {
  Candidates candidates;           // one of each graph that has a run that could go on
  std::optional<Candidate> first;  // of them, if the line has room
  std::size_t preparing = 0;       // runs
  std::size_t preparing_max = 0;
};

class Admission {
 public:
  Admission(GraphTable& graphs, const ReadyQueue& ready, Turn& turn, Timers& timers)
      : graphs_(graphs), ready_(ready), turn_(turn), timers_(timers) {}

  // A run that has not ended: it waits for its turn, also if it was prepared before, or goes on
  // being at work.
  void Enter(ActiveRun& active);
  // It has ended.
  void Leave(ActiveRun& active);

  // Something has changed that decides which of the graph's runs go on.
  void Touch(GraphEntry& entry);

  // The next run that goes on; nullptr: none may. Its tasks are to be judged, if it was prepared
  // before; else it is now being prepared.
  ActiveRun* AdmitNext();

  // The tasks of a run that was being prepared are decided.
  void NotePrepared(ActiveRun& active);
  // They could not be: it waits again, for what failed may not the next time.
  void PrepareLater(ActiveRun& active, const std::string& message);
  // TimerKind::kPrepareLong: the run may hang, so others are prepared in its place.
  void NoteLongPreparing(ActiveRun& active);
  // Whether such a timer counts no more, as most do not: runs are prepared long before anybody
  // would ask why they are not. `active` is its run; nullptr: that has ended.
  static bool IsNeedless(const Timer& timer, const ActiveRun* active);

  // A task of the run, whose trigger rule holds, waits for its past.
  void AwaitPast(ActiveRun& active);
  // Nothing of the run can go on before its past has (plan/past.h); it can again.
  void Park(ActiveRun& active);
  void Unpark(ActiveRun& active);

  // What waits for a span of time waits as long as it did when the clock is set.
  void StepClock(GraphEntry& entry, Milliseconds by);
  void StepClock(ActiveRun& active, Milliseconds by);

  // Why the run is being prepared still, or waits for its turn.
  static std::string ExplainPreparing(const ActiveRun& active, Instant now);
  std::string ExplainWaiting(const ActiveRun& active) const;

 private:
  AdmissionLine& LineOf(const GraphKey& key);
  void Offer(AdmissionLine& line);
  void Reconsider(GraphEntry& entry);
  void TellHeld(GraphEntry& entry);
  bool MayAdmit(const Candidate& candidate) const;
  void BeginPreparing(GraphEntry& entry, ActiveRun& active);
  void EndPreparing(GraphEntry& entry, const ActiveRun& active);

  GraphTable& graphs_;
  const ReadyQueue& ready_;
  Turn& turn_;
  Timers& timers_;
  std::vector<GraphEntry*> changed_;  // their candidates are to be looked at again, each once
  std::map<std::string, AdmissionLine> lines_;  // by service; "" of graph files
  Candidates firsts_;          // of the lines that have room, and so what goes on next
  std::size_t preparing_ = 0;  // runs, but for those that it takes long with
};

}  // namespace busker::plan

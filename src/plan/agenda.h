// The engine's mind: everything that is to be done, and what follows from what happened. Pure: no
// clock, no file, no thread; it is handed the time.
//
// A schedule comes due, an upstream succeeds or somebody asks: a run is queued. It is prepared when
// its graph's concurrency allows. A task is ready once its trigger rule holds among the tasks
// before it, and starts when slots, its pool, cpus and memory allow, the highest priority first; a
// failed attempt is followed by another while attempts are left. A run ends when all its tasks
// have, so its state is a function of theirs.
//
// It says what each event means to runs. Admission knows which run goes on next, Schedules what
// time brings, RunsAtWork what may start in those at work; all of them decide in one Turn.
//
// The cost of a turn grows with what happened, not with what is waiting.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "plan/admission.h"
#include "plan/advance.h"
#include "plan/graph_table.h"
#include "plan/ready_queue.h"
#include "plan/runs_at_work.h"
#include "plan/schedules.h"
#include "plan/timers.h"
#include "plan/turn.h"

namespace busker::plan {

class Agenda {
 public:
  // `new_id` makes ids for runs (base/id.h MakeRunId); it may repeat itself.
  using NewId = std::function<std::string(Instant)>;

  explicit Agenda(NewId new_id, Capacity capacity = {});
  Agenda(const Agenda&) = delete;
  Agenda& operator=(const Agenda&) = delete;

  // Before anything else: what an earlier Busker left. `memories` of all graphs ever seen, `runs`
  // those that have not ended, oldest first; `ahead`, as for ClockStepped, and with it what lies
  // between GraphMemory::cursor and ran_until. The events of the first Advance are to begin with
  // the definitions of all graphs: what ends before its graph's is known brings about nothing else.
  void Restore(std::vector<GraphMemory> memories, std::vector<DagRun> runs,
               const std::vector<RunAhead>& ahead = {});

  // Takes in `events`, in order, brings everything up to date with `now` and says what to do.
  // Events about unknown runs, or attempts that are not running, are stale and change nothing.
  Advanced Advance(std::span<const Event> events, Instant now);

  // A run that has not ended; nullptr: none such. Valid until the next Advance.
  const DagRun* FindRun(const std::string& id) const;
  const Graph* FindGraph(const GraphKey& key) const;
  const GraphMemory* FindMemory(const GraphKey& key) const;
  std::vector<std::string> UnfinishedOf(const GraphKey& key) const;  // ids, oldest first
  std::vector<GraphKey> Graphs() const;                              // those defined, sorted
  std::vector<GraphKey> Undefined() const;                           // those only remembered
  std::string WhyMissing(const GraphKey& key) const;                 // as GraphRemoved said
  bool Idle() const { return runs_.empty(); }                        // no run that has not ended
  bool Resting() const;  // none, but those that wait for their definition
  std::size_t runs_unfinished() const { return runs_.size(); }
  std::size_t attempts_running() const { return ready_.running(); }
  std::size_t tasks_ready() const { return ready_.size(); }  // and wait for room

  // The next instants of the graph's schedule, as it would run them; at most `count`.
  std::vector<Instant> Coming(const GraphKey& key, Instant after, int count) const;

  // Why: one sentence, and until when at the latest where there is such an instant. Of a run, of a
  // task in it, of a graph.
  std::string ExplainRun(const std::string& run, Instant now) const;
  std::string ExplainTask(const std::string& run, const std::string& task, Instant now) const;
  std::string ExplainGraph(const GraphKey& graph, Instant now) const;

 private:
  // agenda_events.cc: what each event means.
  void On(const RunRequested& event);
  void On(const RunPrepared& event);
  void On(const RunNotPrepared& event);
  void On(const AttemptEnded& event);
  void On(const AttemptNotBegun& event);
  void On(const CancelRequested& event);
  void On(const RetryRequested& event);
  void On(const SkipRequested& event);
  void On(const GraphDefined& event);
  void On(const GraphRemoved& event);
  void On(const GraphPaused& event);
  void On(const ClockStepped& event);
  void On(const CapacityChanged& event);
  void FireTimers();
  void On(const Timer& timer);

  // What follows.
  void Forgive(ActiveRun& active, Task& task, const std::string& message);
  ActiveRun* Find(const std::string& id);
  ActiveRun& AddRun(DagRun run);
  void Queue(DagRun run);
  void QueueInPlaceOfOthers(GraphEntry& entry, DagRun run);
  void QueueDue(GraphEntry& entry, Milliseconds on_time = kOnTime);
  void QueueDownstream(const GraphEntry& entry, const DagRun& run);
  void TakeUpRestored();
  bool AdmitRuns();
  void Cancel(ActiveRun& active, const std::string& by, std::string message = {});
  void SettleEnded();
  void Settle(ActiveRun& active);
  void End(ActiveRun& active, State state, std::string message);
  void DropBehind(const GraphEntry& entry, const DagRun& run);

  const NewId new_id_;
  Turn turn_;
  Timers timers_;
  ActiveRuns runs_;
  GraphTable graphs_;
  ReadyQueue ready_;
  Admission admission_;
  Schedules schedules_;
  RunsAtWork work_;
  std::set<std::string> requested_;    // ids that requests of this turn brought
  std::vector<std::string> restored_;  // runs, until the first turn
  std::uint64_t next_order_ = 1;
};

}  // namespace busker::plan

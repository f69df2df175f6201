// The runs at work: which of their tasks may start, and what the end of one means for those that
// wait for it. A run all of whose tasks have ended, or of which none can go on, is left to the
// agenda.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plan/admission.h"

namespace busker::plan {

using ActiveRuns = std::unordered_map<std::string, ActiveRun>;  // by id

class RunsAtWork {
 public:
  RunsAtWork(ActiveRuns& runs, GraphTable& graphs, Admission& admission, ReadyQueue& ready,
             Turn& turn, Timers& timers)
      : runs_(runs),
        graphs_(graphs),
        admission_(admission),
        ready_(ready),
        turn_(turn),
        timers_(timers) {}

  // Makes a task ready whose rule holds; ends one that cannot run, then judges those behind it.
  void Judge(ActiveRun& active, std::size_t task);
  void JudgeAll(ActiveRun& active);
  // What waits for its past, or for room, in the runs of the graph may start now: that task of
  // them, or any; and so may a run that is not prepared yet.
  void JudgeAgain(GraphEntry& entry, std::string task = {});
  // Does so; false: there was nothing.
  bool JudgeWaiting();

  // A task has come to its end: what waits for it is judged.
  void Finish(ActiveRun& active, std::size_t task, State state, std::string message);
  // All that have not ended: what runs is told to stop, what waits comes to `state` at once.
  void StopAll(ActiveRun& active, State state, const std::string& message);
  // The run had its time.
  void EndOverdue(ActiveRun& active);

  // The attempt is over, whatever became of it; nullptr: it is not the one that runs.
  Task* EndAttempt(ActiveRun* active, const std::string& task, int number);
  // The task, whose attempt is over, is to have another after the delay.
  void TryAgain(ActiveRun& active, Task& task, Milliseconds delay, const std::string& message);
  // Starts what is ready, as far as there is room.
  void StartReady();

  // What waits for a span of time waits as long as it did when the clock is set; and, after a
  // restart, no longer than that span, though the clock was ahead.
  void StepClock(ActiveRun& active, Milliseconds by);
  void BoundWaits(ActiveRun& active);

  // Runs that may have ended, or be held up, since they were last taken.
  void MayHaveEnded(const ActiveRun& active) { settling_.push_back(active.run.id); }
  std::vector<std::string> TakeSettling() { return std::exchange(settling_, {}); }
  // Parks the run, if nothing of it can go on before its past has.
  void ParkIfHeldUp(ActiveRun& active);

 private:
  const std::vector<std::size_t>& Conclude(ActiveRun& active, std::size_t task, State state,
                                           std::string message);
  bool JudgeOne(ActiveRun& active, std::size_t task, State* end, std::string* why);
  bool MayStart(ActiveRun& active, const Task& task);
  void MakeReadyAt(ActiveRun& active, std::size_t task);
  void Start(ActiveRun& active, std::size_t task);
  void SetDeadline(ActiveRun& active, Instant deadline);

  ActiveRuns& runs_;
  GraphTable& graphs_;
  Admission& admission_;
  ReadyQueue& ready_;
  Turn& turn_;
  Timers& timers_;
  std::vector<std::string> settling_;                       // ids, until the event is dealt with
  std::vector<std::pair<GraphEntry*, std::string>> again_;  // whose waiting tasks are to be judged
};

}  // namespace busker::plan

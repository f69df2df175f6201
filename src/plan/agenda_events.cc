// What each thing that can happen means to the agenda.
#include <fmt/core.h>

#include <utility>

#include "plan/agenda.h"

namespace busker::plan {

void Agenda::On(const RunRequested& event) { Queue(event.run); }

void Agenda::On(const RunPrepared& event) {
  ActiveRun* active = Find(event.run);
  if (active == nullptr || active->stage != ActiveRun::Stage::kPreparing) return;
  DagRun& run = active->run;
  run.tasks = event.tasks;
  run.timeout = event.timeout;
  run.prepared = true;
  for (Task& task : run.tasks) task.attempts_max = task.retries + 1;
  active->Index();
  admission_.NotePrepared(*active);
  turn_.Decide(TasksPlanned{run.id, run.tasks, run.timeout});
  if (run.due) work_.JudgeAgain(graphs_.Of(run.graph));
  work_.JudgeAll(*active);
}

void Agenda::On(const RunNotPrepared& event) {
  ActiveRun* active = Find(event.run);
  if (active == nullptr || active->stage != ActiveRun::Stage::kPreparing) return;
  if (!event.passing) return End(*active, State::kFailed, event.message);
  if (++active->prepare_tries >= kBeginTriesMax) {
    return End(*active, State::kFailed,
               fmt::format("{}; it was tried {} times", event.message, active->prepare_tries));
  }
  admission_.PrepareLater(*active, event.message);
}

void Agenda::On(const AttemptEnded& event) {
  ActiveRun* active = Find(event.run);
  Task* task = work_.EndAttempt(active, event.task, event.number);
  if (task == nullptr) return;
  const std::size_t index = active->IndexOf(*task);
  const DagRun& run = active->run;
  active->begin_tries.erase(index);
  if (active->timed_out) {
    work_.Finish(*active, index, State::kFailed, task->message);
  } else if (event.succeeded && !run.cancel_requested) {
    work_.Finish(*active, index, State::kSucceeded, "");
  } else if (event.cancelled || run.cancel_requested) {
    const std::string& why = run.cancel_requested ? task->message : event.message;
    work_.Finish(*active, index, State::kCancelled, why.empty() ? "cancelled" : why);
  } else if (event.preempted && task->preemptions < task->preemptions_max) {
    Forgive(*active, *task, event.message);
  } else if (task->attempts >= task->attempts_max) {
    work_.Finish(*active, index, State::kFailed, event.message);
  } else if (event.permanent) {
    work_.Finish(*active, index, State::kFailed,
                 event.message + "; not tried again, since it would end the same");
  } else {
    work_.TryAgain(*active, *task, RetryDelay(*task, task->attempts + 1), event.message);
  }
}

// The next attempt is begun at once: nothing is wrong with the program.
void Agenda::Forgive(ActiveRun& active, Task& task, const std::string& message) {
  ++task.preemptions;
  ++task.attempts_max;
  turn_.Decide(PreemptionForgiven{active.run.id, task.name, task.attempts, task.preemptions,
                                  task.attempts_max});
  work_.TryAgain(active, task, Milliseconds(0),
                 fmt::format("{} (preemption {} of {} that are not failed tries)", message,
                             task.preemptions, task.preemptions_max));
}

void Agenda::On(const AttemptNotBegun& event) {
  ActiveRun* active = Find(event.run);
  Task* task = work_.EndAttempt(active, event.task, event.number);
  if (task == nullptr) return;
  const std::size_t index = active->IndexOf(*task);
  const DagRun& run = active->run;
  if (active->timed_out) return work_.Finish(*active, index, State::kFailed, task->message);
  if (run.cancel_requested) {
    return work_.Finish(*active, index, State::kCancelled, task->message);
  }
  const int tries = ++active->begin_tries[index];
  std::string message = "it could not be begun: " + event.message;
  if (tries >= kBeginTriesMax) {
    return work_.Finish(*active, index, State::kFailed,
                        fmt::format("{}; it was tried {} times", message, tries));
  }
  message += fmt::format(" (try {} of {} is next)", tries + 1, kBeginTriesMax);
  turn_.Decide(AttemptUndone{run.id, task->name, task->attempts});
  --task->attempts;
  work_.TryAgain(*active, *task, BeginDelay(tries), message);
}

void Agenda::On(const CancelRequested& event) {
  if (ActiveRun* active = Find(event.run)) Cancel(*active, event.by);
}

void Agenda::On(const RetryRequested& event) {
  if (runs_.contains(event.run.id)) return;
  if (!IsFinal(event.run.state) || event.run.state == State::kSucceeded) return;
  ActiveRun again(event.run, 0);
  DagRun& run = again.run;
  run.cancel_requested = false;
  if (std::exchange(run.deadline, std::nullopt)) turn_.Decide(DeadlineSet{run.id, std::nullopt});
  turn_.Move(again, State::kQueued, "");
  for (Task& task : run.tasks) {
    const bool stays = task.state == State::kSucceeded || task.waived;
    if (stays) continue;
    task.attempts_max = task.attempts + task.retries + 1;
    task.preemptions = 0;
    task.not_before.reset();
    turn_.Decide(TaskCleared{run.id, task.name, task.attempts_max, event.by});
    turn_.Move(again, task, State::kQueued, "");
    if (task.name != event.waive) continue;
    task.waived = true;
    turn_.Move(again, task, State::kSkipped, "skipped by " + event.by);
  }
  const ActiveRun& active = AddRun(std::move(run));
  // All that was left is waived: it has nothing to wait for.
  if (active.AllFinal()) work_.MayHaveEnded(active);
}

void Agenda::On(const SkipRequested& event) {
  ActiveRun* active = Find(event.run);
  Task* task = active == nullptr ? nullptr : active->Find(event.task);
  if (task == nullptr || task->state != State::kQueued) return;
  task->waived = true;
  work_.Finish(*active, active->IndexOf(*task), State::kSkipped, "skipped by " + event.by);
}

void Agenda::On(const GraphDefined& event) {
  GraphEntry& entry = graphs_.Of(event.graph->key);
  const bool overtaken = schedules_.IsOvertaken(entry, *event.graph);
  graphs_.Define(event.graph);
  work_.JudgeAgain(entry);  // more of its runs may run at once
  admission_.Touch(entry);
  schedules_.Define(entry, overtaken, event.pauses);
  QueueDue(entry);
  schedules_.Expect(entry);
}

void Agenda::On(const GraphRemoved& event) {
  GraphEntry& entry = graphs_.Of(event.graph);
  const bool was_defined = entry.graph != nullptr;
  graphs_.Undefine(entry, event.why);
  admission_.Touch(entry);
  schedules_.StopTimers(entry);
  if (was_defined) turn_.Note(entry.memory, "graph removed");
}

void Agenda::On(const GraphPaused& event) {
  GraphEntry& entry = graphs_.Of(event.graph);
  if (entry.memory.paused == event.paused) return;
  entry.memory.paused = event.paused;
  entry.memory.paused_by = event.paused ? event.by : "";
  turn_.Note(entry.memory, event.paused ? "paused" : "resumed", event.by);
  admission_.Touch(entry);
  QueueDue(entry, Milliseconds(0));
}

void Agenda::On(const ClockStepped& event) {
  for (const RunAhead& one : event.ahead) schedules_.NoteAhead(graphs_.Of(one.graph), one.due);
  for (auto& [_, entry] : graphs_.all()) {
    admission_.StepClock(entry, event.by);
    if (event.by.count() < 0) schedules_.StepBack(entry);
  }
  for (auto& [_, active] : runs_) {
    admission_.StepClock(active, event.by);
    work_.StepClock(active, event.by);
  }
}

void Agenda::On(const CapacityChanged& event) {
  ready_.SetCapacity(event.capacity);
  for (auto& [_, active] : runs_) work_.JudgeAll(active);  // some can never start now
}

void Agenda::FireTimers() {
  while (const auto timer = timers_.TakeDue(turn_.now())) {
    On(*timer);
    SettleEnded();
  }
}

void Agenda::On(const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::kRetry:
      if (ActiveRun* active = Find(timer.key)) work_.Judge(*active, timer.task);
      return;
    case TimerKind::kDeadline:
      if (ActiveRun* active = Find(timer.key);
          active != nullptr && active->run.deadline && *active->run.deadline <= turn_.now()) {
        work_.EndOverdue(*active);
      }
      return;
    case TimerKind::kPrepareLong:
      if (ActiveRun* active = Find(timer.key)) admission_.NoteLongPreparing(*active);
      return;
    case TimerKind::kPrepare:
      return admission_.Touch(graphs_.Of(GraphKey::Parse(timer.key)));
    case TimerKind::kSchedule:
      if (GraphEntry& entry = graphs_.Of(GraphKey::Parse(timer.key));
          schedules_.Fires(entry, timer)) {
        QueueDue(entry);
      }
      return;
    case TimerKind::kExpected:
      if (GraphEntry& entry = graphs_.Of(GraphKey::Parse(timer.key));
          schedules_.Fires(entry, timer)) {
        schedules_.Expect(entry);
      }
      return;
  }
}

}  // namespace busker::plan

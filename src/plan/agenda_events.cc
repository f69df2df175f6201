// What each thing that can happen means to the agenda.
#include <fmt/core.h>

#include <algorithm>

#include "plan/agenda.h"
#include "plan/timetable.h"

namespace busker::plan {

void Agenda::Take(const RunRequested& event) { Queue(event.run); }

void Agenda::Take(const RunPrepared& event) {
  ActiveRun* active = Find(event.run);
  if (active == nullptr || active->stage != ActiveRun::Stage::kPreparing) return;
  DagRun& run = active->run;
  run.tasks = event.tasks;
  run.timeout = event.timeout;
  run.prepared = true;
  for (Task& task : run.tasks) task.attempts_max = task.retries + 1;
  active->Index();
  EndPreparing(*active);
  active->stage = ActiveRun::Stage::kAdmitted;
  Hold(*active, "");
  Decide(TasksPlanned{run.id, run.tasks, run.timeout});
  if (run.due) JudgeAgain(run.graph);
  JudgeAll(*active);
}

void Agenda::Take(const RunNotPrepared& event) {
  ActiveRun* active = Find(event.run);
  if (active == nullptr || active->stage != ActiveRun::Stage::kPreparing) return;
  if (event.passing) return PrepareLater(*active, event.message);
  End(*active, State::kFailed, event.message);
}

// The attempt is over, whatever became of it; nullptr: it is not the one that runs.
Task* Agenda::EndAttempt(ActiveRun* active, const std::string& name, int number) {
  Task* task = active == nullptr ? nullptr : active->Find(name);
  if (task == nullptr || !task->attempt_running || task->attempts != number) return nullptr;
  task->attempt_running = false;
  ready_.Release(*task);
  return task;
}

void Agenda::Take(const AttemptEnded& event) {
  ActiveRun* active = Find(event.run);
  Task* task = EndAttempt(active, event.task, event.number);
  if (task == nullptr) return;
  const std::size_t index = active->IndexOf(*task);
  const DagRun& run = active->run;
  active->begin_tries.erase(index);
  if (active->timed_out) {
    FinishTask(*active, index, State::kFailed, task->message);
  } else if (event.succeeded && !run.cancel_requested) {
    FinishTask(*active, index, State::kSucceeded, "");
  } else if (event.cancelled || run.cancel_requested) {
    const std::string& why = run.cancel_requested ? task->message : event.message;
    FinishTask(*active, index, State::kCancelled, why.empty() ? "cancelled" : why);
  } else if (task->attempts >= task->attempts_max) {
    FinishTask(*active, index, State::kFailed, event.message);
  } else if (event.permanent) {
    FinishTask(*active, index, State::kFailed,
               event.message + "; not tried again, since it would end the same");
  } else {
    task->not_before = now_ + RetryDelay(*task, task->attempts + 1);
    task->message = event.message;
    Move(*active, *task, State::kQueued, event.message);
    Decide(RetryPlanned{run.id, task->name, task->attempts + 1, *task->not_before, event.message});
    MakeReadyAt(*active, index);
  }
}

void Agenda::Take(const AttemptNotBegun& event) {
  ActiveRun* active = Find(event.run);
  Task* task = EndAttempt(active, event.task, event.number);
  if (task == nullptr) return;
  const std::size_t index = active->IndexOf(*task);
  const DagRun& run = active->run;
  if (active->timed_out) return FinishTask(*active, index, State::kFailed, task->message);
  if (run.cancel_requested) return FinishTask(*active, index, State::kCancelled, task->message);
  const int tries = ++active->begin_tries[index];
  std::string message = "it could not be begun: " + event.message;
  if (tries >= kBeginTriesMax) {
    return FinishTask(*active, index, State::kFailed,
                      fmt::format("{}; it was tried {} times", message, tries));
  }
  message += fmt::format(" (try {} of {} is next)", tries + 1, kBeginTriesMax);
  Decide(AttemptUndone{run.id, task->name, task->attempts});
  --task->attempts;
  task->not_before = now_ + BeginDelay(tries);
  Move(*active, *task, State::kQueued, message);
  Decide(RetryPlanned{run.id, task->name, task->attempts + 1, *task->not_before, message});
  MakeReadyAt(*active, index);
}

void Agenda::Take(const CancelRequested& event) {
  if (ActiveRun* active = Find(event.run)) Cancel(*active, event.by);
}

void Agenda::Take(const RetryRequested& event) {
  if (runs_.contains(event.run.id)) return;
  if (!IsFinal(event.run.state) || event.run.state == State::kSucceeded) return;
  ActiveRun again(event.run, 0);
  DagRun& run = again.run;
  run.cancel_requested = false;
  if (std::exchange(run.deadline, std::nullopt)) Decide(DeadlineSet{run.id, std::nullopt});
  Move(again, State::kQueued, "");
  for (Task& task : run.tasks) {
    const bool stays = task.state == State::kSucceeded || task.waived;
    if (stays) continue;
    task.attempts_max = task.attempts + task.retries + 1;
    task.not_before.reset();
    Decide(TaskCleared{run.id, task.name, task.attempts_max, event.by});
    Move(again, task, State::kQueued, "");
    if (task.name != event.waive) continue;
    task.waived = true;
    Move(again, task, State::kSkipped, "skipped by " + event.by);
  }
  if (const ActiveRun& active = AddRun(std::move(run)); active.AllFinal()) {
    settling_.push_back(active.run.id);  // all that was left is waived: it has nothing to wait for
  }
}

void Agenda::Take(const SkipRequested& event) {
  ActiveRun* active = Find(event.run);
  Task* task = active == nullptr ? nullptr : active->Find(event.task);
  if (task == nullptr || task->state != State::kQueued) return;
  task->waived = true;
  FinishTask(*active, active->IndexOf(*task), State::kSkipped, "skipped by " + event.by);
}

void Agenda::Take(const GraphDefined& event) {
  const Graph& graph = event.graph;
  Entry& entry = EntryOf(graph.key);
  GraphMemory& memory = entry.memory;
  bool dealt_with = false;  // another schedule than this, up to now
  if (entry.graph) {
    for (const GraphKey& other : entry.graph->after) EntryOf(other).downstream.erase(graph.key);
    const auto next = memory.cursor ? FirstDue(*entry.graph, *memory.cursor) : std::nullopt;
    dealt_with = (memory.schedule_text != graph.schedule_text || memory.zone != graph.zone) &&
                 (!next || *next > now_);
  }
  entry.graph = graph;
  entry.missing.clear();
  JudgeAgain(graph.key);  // more of its runs may run at once
  if (SetBack(entry)) Note(entry);
  if (graph.by_hand) {
    entry.schedule_timer.reset();
    entry.expected_timer.reset();
    return Touch(entry);
  }
  for (const GraphKey& other : graph.after) EntryOf(other).downstream.insert(graph.key);

  const bool is_new = memory.zone.empty();
  const bool changed =
      !is_new && (memory.schedule_text != graph.schedule_text || memory.zone != graph.zone);
  const bool had_none = changed && memory.schedule_text.empty();
  // What the old schedule was to run until now has run; the new one holds from now on. (What it was
  // to run while it was paused or Busker was down is left to the new one, as a whole.)
  if (memory.cursor && (dealt_with || had_none)) memory.cursor = std::max(*memory.cursor, now_);
  entry.once_after.reset();
  if (changed && graph.once && memory.cursor && (!graph.start || *graph.start > *memory.cursor)) {
    entry.once_after = std::exchange(memory.cursor, std::nullopt);
  }
  if (!memory.cursor && !graph.once) memory.cursor = FirstCursor(graph, now_);
  if (!memory.expected_cursor) memory.expected_cursor = now_;
  memory.schedule_text = graph.schedule_text;
  memory.zone = graph.zone;
  if (is_new && !event.pauses.empty()) {
    memory.paused = true;
    memory.paused_by = event.pauses;
  }
  if (is_new || changed) Note(entry, is_new ? "graph defined" : "schedule changed");
  Touch(entry);
  entry.schedule_timer.reset();
  entry.expected_timer.reset();
  ComeDue(entry);
  Expect(entry);
}

void Agenda::Take(const GraphRemoved& event) {
  Entry& entry = EntryOf(event.graph);
  entry.missing = event.why;
  Touch(entry);
  if (!entry.graph) return;
  for (const GraphKey& other : entry.graph->after) EntryOf(other).downstream.erase(event.graph);
  entry.graph.reset();
  entry.schedule_timer.reset();
  entry.expected_timer.reset();
  Note(entry, "graph removed");
}

void Agenda::Take(const GraphPaused& event) {
  Entry& entry = EntryOf(event.graph);
  if (entry.memory.paused == event.paused) return;
  entry.memory.paused = event.paused;
  entry.memory.paused_by = event.paused ? event.by : "";
  Note(entry, event.paused ? "paused" : "resumed", event.by);
  Touch(entry);
  ComeDue(entry, Milliseconds(0));
}

void Agenda::Take(const ClockStepped& event) {
  for (const RunAhead& one : event.ahead) EntryOf(one.graph).ran_ahead.insert(one.due);
  for (auto& [key, entry] : entries_) {
    if (entry.prepare_after) {
      *entry.prepare_after += event.by;
      At(*entry.prepare_after, TimerKind::kPrepare, key);
    }
    if (event.by.count() >= 0) continue;
    // Runs that wait for an instant that is ahead now go on waiting until it comes.
    for (auto due = entry.dues.upper_bound(now_); due != entry.dues.end(); ++due) {
      At(due->first, TimerKind::kPrepare, key);
    }
    Touch(entry);
    if (!SetBack(entry)) continue;
    Note(entry);
    AwaitSchedule(entry);
    if (entry.graph && !entry.graph->by_hand && entry.graph->expected_by) AwaitExpected(entry);
  }
  for (auto& [id, active] : runs_) {
    DagRun& run = active.run;
    if (active.stage == ActiveRun::Stage::kPreparing) {
      active.preparing_since += event.by;
      At(active.preparing_since + kPrepareUsual, TimerKind::kPrepareLong, id);
    }
    if (run.deadline) {
      run.deadline = *run.deadline + event.by;
      Decide(DeadlineSet{id, run.deadline});
      At(*run.deadline, TimerKind::kDeadline, id);
    }
    for (std::size_t i = 0; i < run.tasks.size(); ++i) {
      Task& task = run.tasks[i];
      if (!task.not_before || task.state != State::kQueued) continue;
      task.not_before = *task.not_before + event.by;
      Decide(RetryPlanned{id, task.name, task.attempts + 1, *task.not_before, task.message});
      At(*task.not_before, TimerKind::kRetry, id, i);
    }
  }
}

void Agenda::Take(const CapacityChanged& event) {
  ready_.SetCapacity(event.capacity);
  for (auto& [_, active] : runs_) JudgeAll(active);  // some can never start now
}

}  // namespace busker::plan

#include "plan/runs_at_work.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "plan/past.h"

namespace busker::plan {
namespace {

// Why the task is skipped.
std::string WhySkipped(const ActiveRun& active, std::size_t task) {
  const Task* blocker = active.Blocker(task);
  if (blocker == nullptr) return "nothing before it failed";
  return fmt::format("{} {}{}", blocker->name, blocker->state == State::kFailed ? "" : "was ",
                     NameOf(blocker->state));
}

}  // namespace

void RunsAtWork::Judge(ActiveRun& active, std::size_t index) {
  std::vector<std::size_t> open = {index};
  for (std::size_t i = 0; i < open.size(); ++i) {
    State end = State::kSkipped;
    std::string why;
    if (!JudgeOne(active, open[i], &end, &why)) continue;
    const auto& successors = Conclude(active, open[i], end, std::move(why));
    open.insert(open.end(), successors.begin(), successors.end());
  }
}

// True: the task is to end, without having been run.
bool RunsAtWork::JudgeOne(ActiveRun& active, std::size_t index, State* end, std::string* why) {
  const Task& task = active.run.tasks[index];
  if (active.stage != ActiveRun::Stage::kAdmitted || task.state != State::kQueued) return false;
  if (active.run.cancel_requested || active.timed_out) return false;
  switch (active.Judge(index)) {
    case ActiveRun::Verdict::kWait:
      return false;
    case ActiveRun::Verdict::kStart:
      *end = State::kFailed;
      *why = ready_.Hopeless(task);
      if (why->empty() && MayStart(active, task)) MakeReadyAt(active, index);
      return !why->empty();
    case ActiveRun::Verdict::kSkip:
      *end = State::kSkipped;
      *why = WhySkipped(active, index);
      return true;
  }
  return false;
}

void RunsAtWork::JudgeAll(ActiveRun& active) {
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) Judge(active, i);
  MayHaveEnded(active);
}

// Of a task whose trigger rule holds.
bool RunsAtWork::MayStart(ActiveRun& active, const Task& task) {
  if (!task.depends_on_past && !active.parked) return true;
  const GraphEntry& entry = graphs_.Of(active.run.graph);
  if (task.depends_on_past && !HeldByPast(entry, active.run, task.name).empty()) {
    admission_.AwaitPast(active);
    MayHaveEnded(active);
    return false;
  }
  if (!active.parked) return true;
  if (entry.runs.at_work() >= entry.RunsAtOnce()) return false;
  admission_.Unpark(active);
  return true;
}

// Into the queue of what can start: now, or when its retry may.
void RunsAtWork::MakeReadyAt(ActiveRun& active, std::size_t index) {
  const Task& task = active.run.tasks[index];
  if (task.not_before && *task.not_before > turn_.now()) {
    return timers_.Set(*task.not_before, TimerKind::kRetry, active.run.id, index);
  }
  ready_.Add(MakeReady(active.run, active.order, index));
}

void RunsAtWork::JudgeAgain(GraphEntry& entry, std::string task) {
  if (entry.graph && !entry.graph->past_roots.empty()) admission_.Touch(entry);
  if (!entry.runs.awaiting_past().empty()) again_.emplace_back(&entry, std::move(task));
}

bool RunsAtWork::JudgeWaiting() {
  if (again_.empty()) return false;
  const auto again = std::exchange(again_, {});
  for (const auto& [entry, name] : again) {
    const GraphRuns::Set& waiting = entry->runs.awaiting_past();
    std::vector<ActiveRun*> oldest_first(waiting.begin(), waiting.end());
    std::sort(oldest_first.begin(), oldest_first.end(), [](const ActiveRun* a, const ActiveRun* b) {
      return std::tie(*a->run.due, a->run.id) < std::tie(*b->run.due, b->run.id);
    });
    for (ActiveRun* active : oldest_first) {
      if (name.empty()) {
        JudgeAll(*active);
      } else if (const Task* task = active->Find(name)) {
        Judge(*active, active->IndexOf(*task));
      }
    }
  }
  return true;
}

void RunsAtWork::Finish(ActiveRun& active, std::size_t task, State state, std::string message) {
  for (const std::size_t next : Conclude(active, task, state, std::move(message))) {
    Judge(active, next);
  }
}

// Those that are to be judged.
const std::vector<std::size_t>& RunsAtWork::Conclude(ActiveRun& active, std::size_t index,
                                                     State state, std::string message) {
  Task& task = active.run.tasks[index];
  if (task.state == State::kQueued) ready_.Remove(MakeReady(active.run, active.order, index));
  task.not_before.reset();
  turn_.Move(active, task, state, std::move(message));
  const std::vector<std::size_t>& successors = active.NoteFinal(index);
  if (active.AllFinal() || active.waits_for_past) MayHaveEnded(active);
  if (task.depends_on_past && active.run.due) JudgeAgain(graphs_.Of(active.run.graph), task.name);
  return successors;
}

void RunsAtWork::StopAll(ActiveRun& active, State state, const std::string& message) {
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) {
    Task& task = active.run.tasks[i];
    if (IsFinal(task.state)) continue;
    if (task.attempt_running) {
      task.message = message;
      turn_.Decide(StopAttempt{active.run.id, task.name, task.attempts});
    } else {
      Finish(active, i, state, message);
    }
  }
}

void RunsAtWork::EndOverdue(ActiveRun& active) {
  if (active.timed_out || active.run.cancel_requested) return;
  active.timed_out = true;
  StopAll(active, State::kFailed,
          fmt::format("the run did not end within its run_timeout of {}",
                      FormatDuration(active.run.timeout.value_or(Milliseconds(0)))));
}

Task* RunsAtWork::EndAttempt(ActiveRun* active, const std::string& name, int number) {
  Task* task = active == nullptr ? nullptr : active->Find(name);
  if (task == nullptr || !task->attempt_running || task->attempts != number) return nullptr;
  task->attempt_running = false;
  ready_.Release(*task);
  return task;
}

void RunsAtWork::TryAgain(ActiveRun& active, Task& task, Milliseconds delay,
                          const std::string& message) {
  const Instant at = turn_.now() + delay;
  task.not_before = at;
  turn_.Move(active, task, State::kQueued, message);
  turn_.Decide(RetryPlanned{active.run.id, task.name, task.attempts + 1, at, message});
  MakeReadyAt(active, active.IndexOf(task));
}

void RunsAtWork::StartReady() {
  while (const auto next = ready_.TakeNext()) {
    const auto found = runs_.find(next->run);
    CHECK(found != runs_.end(), "a ready task belongs to a run that has not ended");
    Start(found->second, next->task);
  }
}

void RunsAtWork::Start(ActiveRun& active, std::size_t index) {
  DagRun& run = active.run;
  Task& task = run.tasks[index];
  ++task.attempts;
  task.attempt_running = true;
  task.not_before.reset();
  if (run.state == State::kQueued) {
    turn_.Move(active, State::kRunning, "");
    if (run.timeout && !run.deadline) SetDeadline(active, turn_.now() + *run.timeout);
  }
  turn_.Move(active, task, State::kRunning, "");
  turn_.Decide(StartAttempt{run.id, task.name, task.attempts});
}

void RunsAtWork::SetDeadline(ActiveRun& active, Instant deadline) {
  active.run.deadline = deadline;
  turn_.Decide(DeadlineSet{active.run.id, deadline});
  timers_.Set(deadline, TimerKind::kDeadline, active.run.id);
}

void RunsAtWork::StepClock(ActiveRun& active, Milliseconds by) {
  DagRun& run = active.run;
  if (run.deadline) SetDeadline(active, *run.deadline + by);
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    Task& task = run.tasks[i];
    if (!task.not_before || task.state != State::kQueued) continue;
    task.not_before = *task.not_before + by;
    turn_.Decide(
        RetryPlanned{run.id, task.name, task.attempts + 1, *task.not_before, task.message});
    timers_.Set(*task.not_before, TimerKind::kRetry, run.id, i);
  }
}

void RunsAtWork::BoundWaits(ActiveRun& active) {
  DagRun& run = active.run;
  const Instant now = turn_.now();
  if (run.deadline && run.timeout && *run.deadline > now + *run.timeout) {
    SetDeadline(active, now + *run.timeout);
  }
  for (Task& task : run.tasks) {
    if (!task.not_before || task.state != State::kQueued) continue;
    const Instant latest = now + RetryDelay(task, task.attempts + 1);
    if (*task.not_before <= latest) continue;
    task.not_before = latest;
    turn_.Decide(RetryPlanned{run.id, task.name, task.attempts + 1, latest, task.message});
  }
}

void RunsAtWork::ParkIfHeldUp(ActiveRun& active) {
  if (!active.waits_for_past || active.parked) return;
  if (active.stage != ActiveRun::Stage::kAdmitted) return;
  GraphEntry& entry = graphs_.Of(active.run.graph);
  if (!IsHeldUp(entry, active)) return;
  admission_.Park(active);
  JudgeAgain(entry);
}

}  // namespace busker::plan

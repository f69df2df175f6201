// What time brings: retries, deadlines, instants of schedules, expectations.
#include <fmt/core.h>

#include <algorithm>

#include "plan/agenda.h"
#include "plan/timetable.h"

namespace busker::plan {
namespace {

// Scheduled runs of one graph that have not ended; what is caught up beyond them waits.
constexpr std::size_t kOutstandingMax = 1000;

}  // namespace

void Agenda::FireTimers() {
  while (!timers_.empty() && timers_.top().at <= now_) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (timer.kind == TimerKind::kRetry || timer.kind == TimerKind::kDeadline ||
        timer.kind == TimerKind::kPrepareLong) {
      ActiveRun* active = Find(timer.key);
      if (active == nullptr) continue;
      const auto& deadline = active->run.deadline;
      if (timer.kind == TimerKind::kRetry) {
        Judge(*active, timer.task);
      } else if (timer.kind == TimerKind::kPrepareLong) {
        NoteLongPreparing(*active);
      } else if (deadline && *deadline <= now_) {
        EndOverdue(*active);
      }
    } else if (timer.kind == TimerKind::kPrepare) {
      Touch(EntryOf(timer.key));
    } else {
      Entry& entry = EntryOf(timer.key);
      const bool expected = timer.kind == TimerKind::kExpected;
      auto& awaited = expected ? entry.expected_timer : entry.schedule_timer;
      if (awaited != timer.at) continue;
      awaited.reset();
      if (expected) {
        Expect(entry);
      } else {
        ComeDue(entry);
      }
    }
    SettleEnded();
  }
}

// Most runs are prepared long before anybody would ask why they are not.
bool Agenda::IsNeedless(const Timer& timer) const {
  if (timer.kind != TimerKind::kPrepareLong) return false;
  const auto found = runs_.find(timer.key);
  return found == runs_.end() || found->second.stage != ActiveRun::Stage::kPreparing ||
         found->second.preparing_since + kPrepareUsual != timer.at;
}

// A clock that was ahead for a moment leaves marks in the future, behind which nothing would come
// due or be told until then. True: there were some.
bool Agenda::SetBack(Entry& entry) {
  GraphMemory& memory = entry.memory;
  bool any = false;
  const auto set_back = [&](std::optional<Instant>& mark, Instant to) {
    if (!mark || *mark <= now_) return;
    mark = to;
    any = true;
  };
  if (entry.graph && !entry.graph->once) {
    const std::optional<Instant> was = memory.cursor;
    set_back(memory.cursor, now_);
    if (memory.cursor != was) memory.ran_until = std::max(memory.ran_until, was);
  }
  set_back(memory.expected_cursor, now_);
  set_back(memory.last_due, now_);
  for (auto& [_, past] : memory.pasts) {
    any |= past.due > now_;
    past.due = std::min(past.due, now_);
  }
  set_back(memory.last_success, now_);
  // Before any success: one too many runs after others is better than one that never comes.
  set_back(memory.last_after, now_ - Milliseconds(1));
  return any;
}

// Nor does what waits for a span of time, by a clock that was ahead, wait longer than that span.
void Agenda::SetBackWaits(ActiveRun& active) {
  DagRun& run = active.run;
  if (run.deadline && run.timeout && *run.deadline > now_ + *run.timeout) {
    run.deadline = now_ + *run.timeout;
    Decide(DeadlineSet{run.id, run.deadline});
    At(*run.deadline, TimerKind::kDeadline, run.id);
  }
  for (Task& task : run.tasks) {
    if (!task.not_before || task.state != State::kQueued) continue;
    const Instant latest = now_ + RetryDelay(task, task.attempts + 1);
    if (*task.not_before <= latest) continue;
    task.not_before = latest;
    Decide(RetryPlanned{run.id, task.name, task.attempts + 1, latest, task.message});
  }
}

// Queues what the schedule has due, as far as the graph's policies let it, and waits for the next.
void Agenda::ComeDue(Entry& entry, Milliseconds on_time) {
  if (!entry.graph || entry.graph->by_hand || entry.memory.paused) return;
  GraphMemory& memory = entry.memory;
  if (entry.graph->once) {
    if (memory.cursor) return;
    Instant due = entry.graph->start.value_or(now_);
    if (due > now_) return AwaitSchedule(entry);
    // Without a start it is for now, and no other run's instant.
    if (entry.once_after) due = std::max(due, *entry.once_after + Milliseconds(1));
    memory.cursor = due;
    Note(entry);
    return QueueDue(entry, due, on_time);
  }
  const std::size_t room = kOutstandingMax - std::min(kOutstandingMax, entry.dues.size());
  const DueInstants due = DueNow(*entry.graph, *memory.cursor, now_, room, on_time);
  if (due.cursor != *memory.cursor) {
    memory.cursor = due.cursor;
    if (memory.ran_until && *memory.ran_until <= due.cursor) memory.ran_until.reset();
    Note(entry);
  }
  for (const Instant instant : due.instants) QueueDue(entry, instant, on_time);
  entry.ran_ahead.erase(entry.ran_ahead.begin(), entry.ran_ahead.upper_bound(*memory.cursor));
  AwaitSchedule(entry);
}

void Agenda::QueueDue(Entry& entry, Instant due, Milliseconds on_time) {
  if (entry.ran_ahead.contains(due)) return;
  DagRun run;
  run.graph = entry.memory.key;
  run.due = due;
  run.scheduled_at = DataInstant(*entry.graph, due);
  run.data_date = DateIn(entry.graph->zone, run.scheduled_at);
  run.trigger = now_ - due <= on_time ? "schedule" : "catch-up";
  run.requested_by = "busker";
  run.requested_at = now_;
  Queue(std::move(run));
}

void Agenda::AwaitSchedule(Entry& entry) {
  if (!entry.graph || entry.graph->by_hand || entry.memory.paused) return;
  std::optional<Instant> next;
  if (entry.graph->once) {
    if (!entry.memory.cursor) next = entry.graph->start;
  } else if (entry.memory.cursor && entry.dues.size() < kOutstandingMax) {
    next = FirstDue(*entry.graph, *entry.memory.cursor);
  }
  // What is due already and was left over waits for the next turn: no turn does it all.
  if (next) next = std::max(*next, now_ + Milliseconds(1));
  if (next == entry.schedule_timer) return;
  entry.schedule_timer = next;
  if (next) At(*next, TimerKind::kSchedule, entry.memory.key);
}

// Has the newest run that was due succeeded by when it had to?
void Agenda::Expect(Entry& entry) {
  if (!entry.graph || entry.graph->by_hand || !entry.graph->expected_by) return;
  GraphMemory& memory = entry.memory;
  const ZonedCron& expected_by = *entry.graph->expected_by;
  const auto by = expected_by.Previous(now_ + Milliseconds(1));
  if (by && *by > *memory.expected_cursor) {
    // Not what was due before the graph was known, or looked at before.
    const Instant before =
        std::max(expected_by.Previous(*by).value_or(*by), *memory.expected_cursor);
    memory.expected_cursor = *by;
    const bool scheduled = entry.graph->schedule.has_value();
    const auto due = scheduled ? LastDue(*entry.graph, *by) : std::optional(before);
    const bool expected = due && (*due > before || !scheduled) && !memory.paused;
    const auto done = [&](const std::optional<Instant>& at) { return at && *at >= *due; };
    if (expected && !done(memory.last_success) &&
        !(done(memory.last_due) && memory.last_succeeded)) {
      const auto started =
          std::find_if(entry.active.begin(), entry.active.end(),
                       [&](const auto& id) { return runs_.at(id).run.state == State::kRunning; });
      const bool failed = done(memory.last_due);
      const bool late = started != entry.active.end() || failed;
      Decide(Tell{late ? Tell::Kind::kLate : Tell::Kind::kNeverStarted, memory.key,
                  started != entry.active.end() ? *started : std::string(),
                  DateIn(entry.graph->zone, DataInstant(*entry.graph, *due)),
                  fmt::format("it was to have succeeded by {}, and {}", FormatRfc3339(*by),
                              failed ? "its last run did not succeed"
                              : late ? "is still running"
                                     : "no run of it has started")});
      // The next success is told, too. What failed has failed, however late it is by now.
      if (!failed || memory.trouble == Trouble::kNone) {
        memory.trouble = late ? Trouble::kLate : Trouble::kNeverStarted;
      }
    }
    Note(entry);
  }
  AwaitExpected(entry);
}

void Agenda::AwaitExpected(Entry& entry) {
  const auto next = entry.graph->expected_by->Next(std::max(*entry.memory.expected_cursor, now_));
  if (next == entry.expected_timer) return;
  entry.expected_timer = next;
  if (next) At(*next, TimerKind::kExpected, entry.memory.key);
}

// The run had its time: what runs is told to stop, what waits will not begin.
void Agenda::EndOverdue(ActiveRun& active) {
  if (active.timed_out || active.run.cancel_requested) return;
  active.timed_out = true;
  const std::string message =
      fmt::format("the run did not end within its run_timeout of {}",
                  FormatDuration(active.run.timeout.value_or(Milliseconds(0))));
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) {
    Task& task = active.run.tasks[i];
    if (IsFinal(task.state)) continue;
    task.message = message;
    if (task.attempt_running) {
      Decide(StopAttempt{active.run.id, task.name, task.attempts});
    } else {
      FinishTask(active, i, State::kFailed, message);
    }
  }
}

std::vector<Instant> Agenda::Coming(const GraphKey& key, Instant after, int count) const {
  const Graph* graph = FindGraph(key);
  if (graph == nullptr) return {};
  return plan::Coming(*graph, after, static_cast<std::size_t>(count));
}

std::string Agenda::DateIn(const std::string& zone, Instant instant) {
  return LocalDate(instant, zone).value_or(FormatDate(instant));  // the zone was checked before
}

}  // namespace busker::plan

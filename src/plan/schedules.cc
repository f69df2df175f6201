#include "plan/schedules.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace busker::plan {
namespace {

// Scheduled runs of one graph that have not ended; what is caught up beyond them waits.
constexpr std::size_t kOutstandingMax = 1000;

bool IsOtherSchedule(const GraphMemory& memory, const Graph& graph) {
  return memory.schedule_text != graph.schedule_text || memory.zone != graph.zone;
}

// The instant's day in the graph's zone, which its schedule has at hand.
std::string DateIn(const Graph& graph, Instant instant) {
  if (!graph.schedule) return plan::DateIn(graph.zone, instant);
  return FormatDate(instant + graph.schedule->zone().At(instant).offset);
}

}  // namespace

std::string DateIn(const std::string& zone, Instant instant) {
  return LocalDate(instant, zone).value_or(FormatDate(instant));  // the zone was checked before
}

void Schedules::NoteAhead(GraphEntry& entry, Instant due) { entry.schedule.ran_ahead_.insert(due); }

bool Schedules::IsOvertaken(const GraphEntry& entry, const Graph& graph) const {
  if (!entry.graph || !IsOtherSchedule(entry.memory, graph)) return false;
  const auto& cursor = entry.memory.cursor;
  const auto next = cursor ? FirstDue(*entry.graph, *cursor) : std::nullopt;
  return !next || *next > turn_.now();
}

void Schedules::Define(GraphEntry& entry, bool overtaken, const std::string& pauses) {
  const Graph& graph = *entry.graph;
  GraphMemory& memory = entry.memory;
  const Instant now = turn_.now();
  if (SetBack(entry)) turn_.Note(memory);
  StopTimers(entry);  // they are those of what it was
  if (graph.by_hand) return;

  const bool is_new = memory.zone.empty();
  const bool changed = !is_new && IsOtherSchedule(memory, graph);
  const bool had_none = changed && memory.schedule_text.empty();
  // What the old schedule was to run until now has run; the new one holds from now on. (What it was
  // to run while it was paused or Busker was down is left to the new one, as a whole.)
  if (memory.cursor && (overtaken || had_none)) memory.cursor = std::max(*memory.cursor, now);
  entry.schedule.once_after_.reset();
  if (changed && graph.once && memory.cursor && (!graph.start || *graph.start > *memory.cursor)) {
    entry.schedule.once_after_ = std::exchange(memory.cursor, std::nullopt);
  }
  if (!memory.cursor && !graph.once) memory.cursor = FirstCursor(graph, now);
  if (!memory.expected_cursor) memory.expected_cursor = now;
  memory.schedule_text = graph.schedule_text;
  memory.zone = graph.zone;
  if (is_new && !pauses.empty()) {
    memory.paused = true;
    memory.paused_by = pauses;
  }
  if (is_new || changed) turn_.Note(memory, is_new ? "graph defined" : "schedule changed");
}

void Schedules::StopTimers(GraphEntry& entry) {
  entry.schedule.schedule_timer_.reset();
  entry.schedule.expectation_timer_.reset();
}

std::vector<DagRun> Schedules::ComeDue(GraphEntry& entry, Milliseconds on_time) {
  std::vector<DagRun> runs;
  if (!entry.graph || entry.graph->by_hand || entry.memory.paused) return runs;
  if (entry.graph->once) return ComeDueOnce(entry, on_time);
  GraphMemory& memory = entry.memory;
  const std::size_t room = kOutstandingMax - std::min(kOutstandingMax, entry.runs.due_count());
  const DueInstants due = DueNow(*entry.graph, *memory.cursor, turn_.now(), room, on_time);
  std::set<Instant>& ahead = entry.schedule.ran_ahead_;
  if (due.cursor != *memory.cursor) {
    memory.cursor = due.cursor;
    // The run of the last instant says so, too (Agenda::Restore), and its end notes the memory.
    const bool run_tells = !due.instants.empty() && due.instants.back() == due.cursor &&
                           !ahead.contains(due.cursor) && !entry.runs.HasDue(due.cursor) &&
                           !memory.ran_until;
    if (memory.ran_until && *memory.ran_until <= due.cursor) memory.ran_until.reset();
    if (!run_tells) turn_.Note(memory);
  }
  for (const Instant instant : due.instants) {
    if (!ahead.contains(instant)) runs.push_back(RunFor(entry, instant, on_time));
  }
  ahead.erase(ahead.begin(), ahead.upper_bound(*memory.cursor));
  return runs;
}

std::vector<DagRun> Schedules::ComeDueOnce(GraphEntry& entry, Milliseconds on_time) {
  GraphMemory& memory = entry.memory;
  if (memory.cursor) return {};
  Instant due = entry.graph->start.value_or(turn_.now());
  if (due > turn_.now()) return {};
  // Without a start it is for now, and no other run's instant.
  const auto& after = entry.schedule.once_after_;
  if (after) due = std::max(due, *after + Milliseconds(1));
  memory.cursor = due;
  turn_.Note(memory);
  if (entry.schedule.ran_ahead_.contains(due)) return {};
  return {RunFor(entry, due, on_time)};
}

DagRun Schedules::RunFor(const GraphEntry& entry, Instant due, Milliseconds on_time) const {
  DagRun run;
  run.graph = entry.memory.key;
  run.due = due;
  run.scheduled_at = DataInstant(*entry.graph, due);
  run.data_date = DateIn(*entry.graph, run.scheduled_at);
  run.trigger = turn_.now() - due <= on_time ? "schedule" : "catch-up";
  run.requested_by = "busker";
  run.requested_at = turn_.now();
  return run;
}

void Schedules::Await(GraphEntry& entry) {
  if (!entry.graph || entry.graph->by_hand || entry.memory.paused) return;
  std::optional<Instant> next;
  if (entry.graph->once) {
    if (!entry.memory.cursor) next = entry.graph->start;
  } else if (entry.memory.cursor && entry.runs.due_count() < kOutstandingMax) {
    next = FirstDue(*entry.graph, *entry.memory.cursor);
  }
  // What is due already and was left over waits for the next turn: no turn does it all.
  if (next) next = std::max(*next, turn_.now() + Milliseconds(1));
  if (next == entry.schedule.schedule_timer_) return;
  entry.schedule.schedule_timer_ = next;
  if (next) timers_.Set(*next, TimerKind::kSchedule, entry.memory.key.Text());
}

void Schedules::Expect(GraphEntry& entry) {
  if (!entry.graph || entry.graph->by_hand || !entry.graph->expected_by) return;
  GraphMemory& memory = entry.memory;
  const Graph& graph = *entry.graph;
  const auto by = graph.expected_by->Previous(turn_.now() + Milliseconds(1));
  if (by && *by > *memory.expected_cursor) {
    // Not what was due before the graph was known, or looked at before.
    const Instant before =
        std::max(graph.expected_by->Previous(*by).value_or(*by), *memory.expected_cursor);
    memory.expected_cursor = *by;
    const auto due = graph.schedule ? LastDue(graph, *by) : std::optional(before);
    const bool expected = due && (*due > before || !graph.schedule) && !memory.paused;
    if (expected) TellMissed(entry, *by, *due);
    turn_.Note(memory);
  }
  AwaitExpectation(entry);
}

// Unless the run that was due then has succeeded, or a later one.
void Schedules::TellMissed(GraphEntry& entry, Instant by, Instant due) {
  GraphMemory& memory = entry.memory;
  const auto done = [&](const std::optional<Instant>& at) { return at && *at >= due; };
  if (done(memory.last_success) || (done(memory.last_due) && memory.last_succeeded)) return;
  const ActiveRun* running = entry.runs.FirstRunning();
  const bool failed = done(memory.last_due);
  const bool late = running != nullptr || failed;
  turn_.Decide(NotifyPeople{late ? NotifyPeople::Kind::kLate : NotifyPeople::Kind::kNeverStarted,
                            memory.key, running != nullptr ? running->run.id : std::string(),
                            DateIn(*entry.graph, DataInstant(*entry.graph, due)),
                            fmt::format("it was to have succeeded by {}, and {}", FormatRfc3339(by),
                                        failed ? "its last run did not succeed"
                                        : late ? "is still running"
                                               : "no run of it has started")});
  // The next success is told, too. What failed has failed, however late it is by now.
  if (!failed || memory.trouble == Trouble::kNone) {
    memory.trouble = late ? Trouble::kLate : Trouble::kNeverStarted;
  }
}

void Schedules::AwaitExpectation(GraphEntry& entry) {
  const Instant after = std::max(*entry.memory.expected_cursor, turn_.now());
  const auto next = entry.graph->expected_by->Next(after);
  if (next == entry.schedule.expectation_timer_) return;
  entry.schedule.expectation_timer_ = next;
  if (next) timers_.Set(*next, TimerKind::kExpected, entry.memory.key.Text());
}

bool Schedules::Fires(GraphEntry& entry, const Timer& timer) {
  auto& awaited = timer.kind == TimerKind::kExpected ? entry.schedule.expectation_timer_
                                                     : entry.schedule.schedule_timer_;
  if (awaited != timer.at) return false;
  awaited.reset();
  return true;
}

void Schedules::StepBack(GraphEntry& entry) {
  if (!SetBack(entry)) return;
  turn_.Note(entry.memory);
  Await(entry);
  if (entry.graph && !entry.graph->by_hand && entry.graph->expected_by) AwaitExpectation(entry);
}

// A clock that was ahead for a moment leaves marks in the future, behind which nothing would come
// due or be told until then. True: there were some.
bool Schedules::SetBack(GraphEntry& entry) {
  const Instant now = turn_.now();
  GraphMemory& memory = entry.memory;
  bool any = false;
  const auto set_back = [&](std::optional<Instant>& mark, Instant to) {
    if (!mark || *mark <= now) return;
    mark = to;
    any = true;
  };
  if (entry.graph && !entry.graph->once) {
    const std::optional<Instant> was = memory.cursor;
    set_back(memory.cursor, now);
    if (memory.cursor != was) memory.ran_until = std::max(memory.ran_until, was);
  }
  set_back(memory.expected_cursor, now);
  set_back(memory.last_due, now);
  for (auto& [_, past] : memory.pasts) {
    any |= past.due > now;
    past.due = std::min(past.due, now);
  }
  set_back(memory.last_success, now);
  // Before any success: one too many runs after others is better than one that never comes.
  set_back(memory.last_after, now - Milliseconds(1));
  return any;
}

}  // namespace busker::plan

#include "plan/agenda.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace busker::plan {
namespace {

// That an instant was dealt with, its run alone says until it has ended (Schedules::ComeDue).
void TakeCursor(const DagRun& run, GraphMemory& memory) {
  if (!run.due || !run.batch.empty() || !memory.cursor || memory.ran_until) return;
  memory.cursor = std::max(*memory.cursor, *run.due);
}

}  // namespace

Agenda::Agenda(NewId new_id, Capacity capacity)
    : new_id_(std::move(new_id)),
      ready_(std::move(capacity)),
      admission_(graphs_, ready_, turn_, timers_),
      schedules_(turn_, timers_),
      work_(runs_, graphs_, admission_, ready_, turn_, timers_) {}

void Agenda::Restore(std::vector<GraphMemory> memories, std::vector<DagRun> runs,
                     const std::vector<RunAhead>& ahead) {
  for (const RunAhead& one : ahead) schedules_.NoteAhead(graphs_.Of(one.graph), one.due);
  for (GraphMemory& memory : memories) {
    GraphEntry& entry = graphs_.Of(memory.key);
    entry.memory = std::move(memory);
  }
  for (DagRun& run : runs) {
    TakeCursor(run, graphs_.Of(run.graph).memory);
    ActiveRun& active = AddRun(std::move(run));
    for (const Task& task : active.run.tasks) {
      if (!task.attempt_running) continue;
      ready_.Occupy(task);
      // It was told so before, but may not have heard.
      if (active.run.cancel_requested) {
        turn_.Decide(StopAttempt{active.run.id, task.name, task.attempts});
      }
    }
    if (active.run.deadline) {
      timers_.Set(*active.run.deadline, TimerKind::kDeadline, active.run.id);
    }
    restored_.push_back(active.run.id);
  }
}

Advanced Agenda::Advance(std::span<const Event> events, Instant now) {
  turn_.Begin(now);
  requested_.clear();
  // First the clock: a step is no time that has passed, so nothing times out by it. Then what was
  // due before the events came.
  for (const Event& event : events) {
    if (const auto* stepped = std::get_if<ClockStepped>(&event)) On(*stepped);
  }
  FireTimers();
  for (const Event& event : events) {
    if (std::holds_alternative<ClockStepped>(event)) continue;
    std::visit([&](const auto& what) { On(what); }, event);
    SettleEnded();
  }
  TakeUpRestored();
  FireTimers();
  do {
    work_.StartReady();
  } while (AdmitRuns());
  const auto needless = [&](const Timer& timer) {
    return timer.kind == TimerKind::kPrepareLong && Admission::IsNeedless(timer, Find(timer.key));
  };
  return {turn_.End(), timers_.Next(needless)};
}

const DagRun* Agenda::FindRun(const std::string& id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second.run;
}

const Graph* Agenda::FindGraph(const GraphKey& key) const {
  const GraphEntry* entry = graphs_.Find(key);
  return entry == nullptr ? nullptr : entry->graph.get();
}

const GraphMemory* Agenda::FindMemory(const GraphKey& key) const {
  const GraphEntry* entry = graphs_.Find(key);
  return entry == nullptr ? nullptr : &entry->memory;
}

std::vector<std::string> Agenda::UnfinishedOf(const GraphKey& key) const {
  const GraphEntry* entry = graphs_.Find(key);
  if (entry == nullptr) return {};
  std::vector<std::string> ids;
  for (const ActiveRun* active : entry->runs.OldestFirst()) ids.push_back(active->run.id);
  return ids;
}

std::vector<GraphKey> Agenda::Graphs() const { return graphs_.Keys(true); }

std::vector<GraphKey> Agenda::Undefined() const { return graphs_.Keys(false); }

std::string Agenda::WhyMissing(const GraphKey& key) const {
  const GraphEntry* entry = graphs_.Find(key);
  return entry == nullptr ? "" : entry->missing;
}

bool Agenda::Resting() const {
  std::size_t waiting = 0;
  for (const auto& [_, entry] : graphs_.all()) {
    if (entry.missing.empty()) continue;
    for (const ActiveRun* active : entry.runs.Waiting()) waiting += active->run.prepared ? 0 : 1;
  }
  return waiting == runs_.size();
}

std::vector<Instant> Agenda::Coming(const GraphKey& key, Instant after, int count) const {
  const Graph* graph = FindGraph(key);
  if (graph == nullptr) return {};
  return plan::Coming(*graph, after, static_cast<std::size_t>(count));
}

ActiveRun* Agenda::Find(const std::string& id) {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second;
}

ActiveRun& Agenda::AddRun(DagRun run) {
  const std::string id = run.id;
  ActiveRun& active = runs_.emplace(id, ActiveRun(std::move(run), next_order_++)).first->second;
  admission_.Enter(active);
  return active;
}

// A new run: skipped, in place of others, or in the queue, as its graph's concurrency says. Runs of
// a backfill neither give way nor make others give way: they wait.
void Agenda::Queue(DagRun run) {
  GraphEntry& entry = graphs_.Of(run.graph);
  if (run.due && entry.runs.HasDue(*run.due)) return;  // that instant has its run
  if (!run.id.empty() && (runs_.contains(run.id) || !requested_.insert(run.id).second)) return;
  while (run.id.empty() || runs_.contains(run.id)) run.id = new_id_(turn_.now());
  if (entry.graph) run.priority += entry.graph->priority;
  const Overlap overlap = entry.graph && run.batch.empty() ? entry.graph->overlap : Overlap::kQueue;
  turn_.Decide(RunQueued{run});
  if (overlap == Overlap::kReplace) return QueueInPlaceOfOthers(entry, std::move(run));
  const ActiveRun* other = overlap == Overlap::kSkip ? entry.runs.FirstOther(turn_.now()) : nullptr;
  ActiveRun& active = AddRun(std::move(run));
  if (other == nullptr) return;
  End(active, State::kSkipped, fmt::format("run {} had not ended", other->run.id));
}

void Agenda::QueueInPlaceOfOthers(GraphEntry& entry, DagRun run) {
  const std::vector<ActiveRun*> others = entry.runs.OldestFirst();
  const std::string by = fmt::format("run {}, which replaces it", AddRun(std::move(run)).run.id);
  for (ActiveRun* other : others) {
    const bool waits =
        other->stage == ActiveRun::Stage::kWaiting && IsToCome(other->run, turn_.now());
    if (other->run.batch.empty() && !waits) Cancel(*other, by);
  }
}

// What the schedule has due, as far as the graph's policies let it.
void Agenda::QueueDue(GraphEntry& entry, Milliseconds on_time) {
  for (DagRun& run : schedules_.ComeDue(entry, on_time)) Queue(std::move(run));
  schedules_.Await(entry);
}

void Agenda::QueueDownstream(const GraphEntry& entry, const DagRun& run) {
  for (GraphEntry* downstream : graphs_.DueAfter(entry)) {
    downstream->memory.last_after = turn_.now();
    turn_.Note(downstream->memory);
    DagRun next;
    next.graph = downstream->memory.key;
    next.scheduled_at = run.scheduled_at;
    next.data_date = DateIn(downstream->graph->zone, run.scheduled_at);
    next.trigger = fmt::format("after {} (run {})", run.graph, run.id);
    next.requested_by = "busker";
    next.requested_at = turn_.now();
    Queue(std::move(next));
  }
}

// What an earlier Busker left goes on.
void Agenda::TakeUpRestored() {
  for (const std::string& id : std::exchange(restored_, {})) {
    ActiveRun* active = Find(id);
    if (active == nullptr) continue;
    work_.BoundWaits(*active);
    work_.JudgeAll(*active);
    SettleEnded();
  }
}

// Has runs prepared whose graphs allow it. True: runs that were prepared before went on, and may
// have tasks to start.
bool Agenda::AdmitRuns() {
  bool went_on = false;
  while (ActiveRun* active = admission_.AdmitNext()) {
    if (active->run.prepared) {
      went_on = true;
      work_.JudgeAll(*active);
    }
    SettleEnded();
  }
  return went_on;
}

// A run whose time is over is being stopped already.
void Agenda::Cancel(ActiveRun& active, const std::string& by, std::string message) {
  DagRun& run = active.run;
  if (run.cancel_requested || active.timed_out) return;
  run.cancel_requested = true;
  turn_.Decide(CancelAccepted{run.id, by});
  if (message.empty()) message = "cancelled by " + by;
  run.message = message;
  work_.MayHaveEnded(active);
  work_.StopAll(active, State::kCancelled, message);
}

void Agenda::SettleEnded() {
  for (bool more = true; more;) {
    const std::vector<std::string> ids = work_.TakeSettling();
    for (const std::string& id : ids) {
      if (ActiveRun* active = Find(id)) Settle(*active);
    }
    more = work_.JudgeWaiting() || !ids.empty();
  }
}

void Agenda::Settle(ActiveRun& active) {
  const DagRun& run = active.run;
  if (!run.prepared) {
    if (run.cancel_requested) End(active, State::kCancelled, run.message);
    return;
  }
  if (!active.AllFinal()) return work_.ParkIfHeldUp(active);
  const Task* decider = nullptr;
  const State state = active.Outcome(&decider);
  std::string message;
  if (decider != nullptr && !decider->message.empty()) {
    message = fmt::format("{}: {}", decider->name, decider->message);
  }
  End(active, state, std::move(message));
}

// The run leaves the agenda; what its end brings about is queued.
void Agenda::End(ActiveRun& active, State state, std::string message) {
  turn_.Move(active, state, std::move(message));
  GraphEntry& entry = graphs_.Of(active.run.graph);
  admission_.Leave(active);
  const ActiveRuns::node_type ended = runs_.extract(active.run.id);
  RememberEnd(entry, active, turn_);
  work_.JudgeAgain(entry);
  const DagRun& run = active.run;
  if (state == State::kSucceeded && run.batch.empty()) QueueDownstream(entry, run);
  if (state != State::kSucceeded && !run.batch.empty() && !active.dropped) DropBehind(entry, run);
  schedules_.Await(entry);  // there is room again for instants that are caught up
}

// With depends_on_past: a run of a backfill did not succeed, so those behind it do not begin.
void Agenda::DropBehind(const GraphEntry& entry, const DagRun& run) {
  if (!entry.graph || !entry.graph->depends_on_past || !run.due) return;
  const std::string why = fmt::format(
      "the run for {} before it {}{} (depends_on_past); busker backfill --retry-failed "
      "goes on from there",
      run.data_date, run.state == State::kFailed ? "" : "was ", NameOf(run.state));
  for (const auto& [_, batch] : entry.runs.batches()) {
    for (const Candidate& candidate : batch.waiting) {
      ActiveRun& behind = *candidate.run;
      if (!behind.run.due || *behind.run.due < *run.due) continue;
      behind.dropped = true;
      Cancel(behind, "busker", why);
    }
  }
}

}  // namespace busker::plan

#include "plan/agenda.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace busker::plan {

namespace {

constexpr std::array<std::string_view, 4> kTroubles = {"", "failed", "late", "never-started"};

}  // namespace

std::string_view NameOf(Trouble trouble) { return kTroubles[static_cast<std::size_t>(trouble)]; }

std::optional<Trouble> ParseTrouble(std::string_view name) {
  const auto found = std::find(kTroubles.begin(), kTroubles.end(), name);
  if (found == kTroubles.end()) return std::nullopt;
  return static_cast<Trouble>(found - kTroubles.begin());
}

std::string_view NameOf(Tell::Kind kind) {
  switch (kind) {
    case Tell::Kind::kFailed:
      return "failed";
    case Tell::Kind::kRecovered:
      return "recovered";
    case Tell::Kind::kLate:
      return "late";
    case Tell::Kind::kNeverStarted:
      return "never-started";
  }
  return "";
}

Agenda::Agenda(NewId new_id, Capacity capacity)
    : new_id_(std::move(new_id)), ready_(std::move(capacity)) {}

void Agenda::Restore(std::vector<GraphMemory> memories, std::vector<DagRun> runs,
                     const std::vector<RunAhead>& ahead) {
  for (const RunAhead& one : ahead) EntryOf(one.graph).ran_ahead.insert(one.due);
  for (GraphMemory& memory : memories) {
    Entry& entry = EntryOf(memory.key);
    entry.memory = std::move(memory);
  }
  for (DagRun& run : runs) {
    ActiveRun& active = AddRun(std::move(run));
    for (const Task& task : active.run.tasks) {
      if (!task.attempt_running) continue;
      ready_.Occupy(task);
      // It was told so before, but may not have heard.
      if (active.run.cancel_requested) {
        Decide(StopAttempt{active.run.id, task.name, task.attempts});
      }
    }
    if (active.run.deadline) At(*active.run.deadline, TimerKind::kDeadline, active.run.id);
    restored_.push_back(active.run.id);
  }
}

Advanced Agenda::Advance(std::span<const Event> events, Instant now) {
  now_ = now;
  requested_.clear();
  // First the clock: a step is no time that has passed, so nothing times out by it. Then what was
  // due before the events came.
  for (const Event& event : events) {
    if (const auto* stepped = std::get_if<ClockStepped>(&event)) Take(*stepped);
  }
  FireTimers();
  for (const Event& event : events) {
    if (std::holds_alternative<ClockStepped>(event)) continue;
    std::visit([&](const auto& what) { Take(what); }, event);
    SettleEnded();
  }
  TakeUpRestored();
  FireTimers();
  do {
    StartReady();
  } while (Admit());
  Advanced advanced{std::exchange(decisions_, {}), std::nullopt};
  while (!timers_.empty() && IsNeedless(timers_.top())) timers_.pop();
  if (!timers_.empty()) advanced.wake_at = timers_.top().at;
  return advanced;
}

const DagRun* Agenda::FindRun(const std::string& id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second.run;
}

const Graph* Agenda::FindGraph(const GraphKey& key) const {
  const Entry* entry = FindEntry(key);
  return entry == nullptr || !entry->graph ? nullptr : &*entry->graph;
}

const GraphMemory* Agenda::FindMemory(const GraphKey& key) const {
  const Entry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->memory;
}

std::vector<std::string> Agenda::UnfinishedOf(const GraphKey& key) const {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  if (const Entry* entry = FindEntry(key)) {
    const auto add = [&](const std::set<Candidate>& waiting) {
      for (const Candidate& candidate : waiting) found.emplace_back(candidate.order, candidate.run);
    };
    for (const std::string& id : entry->active) found.emplace_back(runs_.at(id).order, id);
    add(entry->by_hand);
    add(entry->scheduled);
    for (const auto& [_, batch] : entry->batches) add(batch.waiting);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> ids;
  for (auto& [_, id] : found) ids.push_back(std::move(id));
  return ids;
}

std::vector<GraphKey> Agenda::Graphs() const {
  std::vector<GraphKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.graph) keys.push_back(key);
  }
  return keys;
}

std::vector<GraphKey> Agenda::Undefined() const {
  std::vector<GraphKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (!entry.graph) keys.push_back(key);
  }
  return keys;
}

std::string Agenda::WhyMissing(const GraphKey& key) const {
  const Entry* entry = FindEntry(key);
  return entry == nullptr ? "" : entry->missing;
}

bool Agenda::Resting() const {
  std::size_t waiting = 0;
  for (const auto& [_, entry] : entries_) {
    if (entry.missing.empty()) continue;
    for (const std::string& id : WaitingOf(entry)) waiting += runs_.at(id).run.prepared ? 0 : 1;
  }
  return waiting == runs_.size();
}

ActiveRun* Agenda::Find(const std::string& id) {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second;
}

Agenda::Entry& Agenda::EntryOf(const GraphKey& key) {
  Entry& entry = entries_[key];
  if (entry.memory.key.empty()) entry.memory.key = key;
  if (entry.line == nullptr) entry.line = &LineOf(key);
  return entry;
}

const Agenda::Entry* Agenda::FindEntry(const GraphKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

// Of a run that is being stopped because its time is over, nothing is left to cancel.
void Agenda::Cancel(ActiveRun& active, const std::string& by, std::string message) {
  DagRun& run = active.run;
  if (run.cancel_requested || active.timed_out) return;
  run.cancel_requested = true;
  Decide(CancelAccepted{run.id, by});
  if (message.empty()) message = "cancelled by " + by;
  run.message = message;
  settling_.push_back(run.id);
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    Task& task = run.tasks[i];
    if (IsFinal(task.state)) continue;
    if (task.attempt_running) {
      task.message = message;
      Decide(StopAttempt{run.id, task.name, task.attempts});
    } else {
      FinishTask(active, i, State::kCancelled, message);
    }
  }
}

// A task has come to its end: what waits for it is judged again.
void Agenda::FinishTask(ActiveRun& active, std::size_t task, State state, std::string message) {
  for (const std::size_t next : Conclude(active, task, state, std::move(message))) {
    Judge(active, next);
  }
}

const std::vector<std::size_t>& Agenda::Conclude(ActiveRun& active, std::size_t task, State state,
                                                 std::string message) {
  Task& it = active.run.tasks[task];
  if (it.state == State::kQueued) ready_.Remove(MakeReady(active.run, active.order, task));
  it.not_before.reset();
  Move(active, it, state, std::move(message));
  const std::vector<std::size_t>& successors = active.NoteFinal(task);
  if (active.AllFinal() || active.waits_for_past) settling_.push_back(active.run.id);
  if (it.depends_on_past && active.run.due) JudgeAgain(active.run.graph, it.name);
  return successors;
}

// Makes a task ready whose rule holds; ends one that cannot run, then judges those behind it.
void Agenda::Judge(ActiveRun& active, std::size_t index) {
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
bool Agenda::JudgeOne(ActiveRun& active, std::size_t index, State* end, std::string* why) {
  const Task& task = active.run.tasks[index];
  if (active.stage != ActiveRun::Stage::kAdmitted || task.state != State::kQueued) return false;
  if (active.run.cancel_requested || active.timed_out) return false;
  switch (active.Judge(index)) {
    case ActiveRun::Verdict::kWait:
      return false;
    case ActiveRun::Verdict::kStart:
      *why = ready_.Hopeless(task);
      *end = State::kFailed;
      if (why->empty() && MayStart(active, task)) MakeReadyAt(active, index);
      return !why->empty();
    case ActiveRun::Verdict::kSkip: {
      const Task* blocker = active.Blocker(index);
      *end = State::kSkipped;
      *why = blocker == nullptr ? "nothing before it failed"
                                : fmt::format("{} {}{}", blocker->name,
                                              blocker->state == State::kFailed ? "" : "was ",
                                              NameOf(blocker->state));
      return true;
    }
  }
  return false;
}

void Agenda::JudgeAll(ActiveRun& active) {
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) Judge(active, i);
  settling_.push_back(active.run.id);
}

// What an earlier Busker left goes on.
void Agenda::TakeUpRestored() {
  for (const std::string& id : std::exchange(restored_, {})) {
    ActiveRun* active = Find(id);
    if (active == nullptr) continue;
    SetBackWaits(*active);
    JudgeAll(*active);
    SettleEnded();
  }
}

// Into the queue of what can start: now, or when its retry may.
void Agenda::MakeReadyAt(ActiveRun& active, std::size_t index) {
  const Task& task = active.run.tasks[index];
  if (task.not_before && *task.not_before > now_) {
    return At(*task.not_before, TimerKind::kRetry, active.run.id, index);
  }
  ready_.Add(MakeReady(active.run, active.order, index));
}

void Agenda::SettleEnded() {
  while (!settling_.empty() || !again_.empty()) {
    for (const std::string& id : std::exchange(settling_, {})) {
      if (ActiveRun* active = Find(id)) Settle(*active);
    }
    JudgeWaiting();
  }
}

void Agenda::Settle(ActiveRun& active) {
  DagRun& run = active.run;
  if (!run.prepared) {
    if (run.cancel_requested) End(active, State::kCancelled, run.message);
    return;
  }
  if (!active.AllFinal()) return Park(active);
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
  Move(active, state, std::move(message));
  std::map<std::string, bool> pasts;  // how tasks that depend on theirs ended
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) {
    const Task& task = active.run.tasks[i];
    if (!task.depends_on_past || !IsFinal(task.state)) continue;
    if (const auto good = active.Past(i)) pasts.emplace(task.name, *good);
  }
  if (active.stage == ActiveRun::Stage::kPreparing) EndPreparing(active);
  const bool dropped = active.dropped;
  const DagRun run = std::move(active.run);
  Entry& entry = EntryOf(run.graph);
  const bool begun = run.prepared || state == State::kFailed;  // a restart tells the same
  if (const auto batch = entry.batches.find(run.batch); batch != entry.batches.end()) {
    batch->second.waiting.erase({true, run.priority, active.order, run.id});
    if (active.stage != ActiveRun::Stage::kWaiting) --batch->second.active;
    if (batch->second.waiting.empty() && batch->second.active == 0) entry.batches.erase(batch);
  }
  entry.active.erase(run.id);
  entry.parked.erase(run.id);
  entry.past_waiting.erase(run.id);
  entry.scheduled.erase({false, run.priority, active.order, run.id});
  entry.by_hand.erase({false, run.priority, active.order, run.id});
  if (const auto due = run.due ? entry.dues.find(*run.due) : entry.dues.end();
      due != entry.dues.end() && due->second == run.id) {
    entry.dues.erase(due);
  }
  runs_.erase(run.id);
  Touch(entry);
  for (const auto& [task, good] : pasts) {
    if (!run.due) break;
    TaskPast& past = entry.memory.pasts[task];
    if (past.due <= *run.due) past = {std::min(*run.due, now_), good, run.id};
  }
  Remember(entry, run, begun);
  JudgeAgain(run.graph);
  if (state == State::kSucceeded && run.batch.empty()) RunDownstream(entry, run);
  if (state != State::kSucceeded && !run.batch.empty() && !dropped) DropBehind(entry, run);
  AwaitSchedule(entry);  // there is room again for instants that are caught up
}

// What the end of the run says about its graph, and whom it concerns. One that never began (it was
// left out, or cancelled while it waited) says nothing to those that come after it.
void Agenda::Remember(Entry& entry, const DagRun& run, bool begun) {
  GraphMemory& memory = entry.memory;
  const bool succeeded = run.state == State::kSucceeded;
  if (begun && run.due && (!memory.last_due || *run.due >= *memory.last_due)) {
    memory.last_due = std::min(*run.due, now_);  // later: the clock was ahead when it was queued
    memory.last_succeeded = succeeded;
  }
  if (succeeded && run.batch.empty()) memory.last_success = now_;
  if (run.state == State::kFailed) {
    if (run.batch.empty()) memory.trouble = Trouble::kFailed;
    Decide(Tell{Tell::Kind::kFailed, run.graph, run.id, run.data_date, run.message});
  } else if (succeeded && run.batch.empty() &&
             std::exchange(memory.trouble, Trouble::kNone) != Trouble::kNone) {
    Decide(Tell{Tell::Kind::kRecovered, run.graph, run.id, run.data_date,
                "it succeeded again after a failure"});
  }
  Note(entry);
}

// Whether each graph that this one runs after has succeeded since it last did; `newest` just has.
bool Agenda::AllSucceeded(const Entry& entry, const GraphKey& newest) const {
  const GraphMemory& memory = entry.memory;
  return std::all_of(entry.graph->after.begin(), entry.graph->after.end(), [&](const auto& key) {
    const Entry* other = FindEntry(key);
    if (key == newest) return true;
    return other != nullptr && other->memory.last_success &&
           (!memory.last_after || *other->memory.last_success > *memory.last_after);
  });
}

void Agenda::RunDownstream(const Entry& entry, const DagRun& run) {
  for (const GraphKey& key : entry.downstream) {
    Entry& downstream = EntryOf(key);
    if (downstream.memory.paused || !downstream.graph || !AllSucceeded(downstream, run.graph)) {
      continue;
    }
    downstream.memory.last_after = now_;
    Note(downstream);
    DagRun next;
    next.graph = key;
    next.scheduled_at = run.scheduled_at;
    next.data_date = DateIn(downstream.graph->zone, run.scheduled_at);
    next.trigger = fmt::format("after {} (run {})", run.graph, run.id);
    next.requested_by = "busker";
    next.requested_at = now_;
    Queue(std::move(next));
  }
}

void Agenda::Note(Entry& entry, std::string what, std::string by) {
  Decide(GraphNoted{entry.memory, std::move(what), std::move(by)});
}

void Agenda::Move(ActiveRun& active, Task& task, State to, std::string message) {
  if (task.state == to) return;
  Decide(TaskChanged{active.run.id, task.name, task.state, to, message, task.waived});
  task.state = to;
  task.message = std::move(message);
}

void Agenda::Move(ActiveRun& active, State to, std::string message) {
  Decide(RunChanged{active.run.id, active.run.state, to, message});
  active.run.state = to;
  active.run.message = std::move(message);
}

void Agenda::At(Instant at, TimerKind kind, std::string key, std::size_t task) {
  timers_.push({at, kind, std::move(key), task});
}

}  // namespace busker::plan

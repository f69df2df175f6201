// Which run goes on next: the concurrency of graphs, backfills, pauses, the past, room for tasks.
#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "plan/agenda.h"

namespace busker::plan {
namespace {

// So many tasks wait at hand for a slot; further runs are not prepared before they are needed.
constexpr std::size_t kReadyMin = 64;
// So many runs of one service are prepared at a time. They are waited for one after the other, and
// all of them when its store hangs.
constexpr std::size_t kPreparingMax = 8;

}  // namespace

// Files an unfinished run under its graph: among the active ones, or those that wait. A queued run
// that was prepared before waits, too.
ActiveRun& Agenda::AddRun(DagRun run) {
  const std::uint64_t order = next_order_++;
  const std::string id = run.id;
  ActiveRun& active = runs_.emplace(id, ActiveRun(std::move(run), order)).first->second;
  Entry& entry = EntryOf(active.run.graph);
  if (active.run.due) {
    entry.dues.emplace(*active.run.due, id);
    if (*active.run.due > now_) At(*active.run.due, TimerKind::kPrepare, active.run.graph);
  }
  if (active.run.state == State::kRunning) {
    active.stage = ActiveRun::Stage::kAdmitted;
    entry.active.insert(id);
    // It may have been parked: it goes on when there is room, as before.
    const auto& tasks = active.run.tasks;
    active.parked = active.run.due && active.run.batch.empty() &&
                    std::any_of(tasks.begin(), tasks.end(),
                                [](const Task& task) { return task.depends_on_past; }) &&
                    std::none_of(tasks.begin(), tasks.end(),
                                 [](const Task& task) { return task.attempt_running; });
    if (active.parked) {
      active.waits_for_past = true;
      entry.parked.insert(id);
      entry.past_waiting.insert(id);
    }
    if (!active.run.batch.empty()) ++entry.batches[active.run.batch].active;
  } else {
    Enqueue(entry, active);
    entry.has_held |= !active.run.message.empty();  // an earlier Busker said so
  }
  Touch(entry);
  return active;
}

Agenda::Candidate Agenda::CandidateOf(const ActiveRun& active) {
  const DagRun& run = active.run;
  return {!run.batch.empty(), run.priority, active.order, run.id};
}

void Agenda::Enqueue(Entry& entry, const ActiveRun& active) {
  const DagRun& run = active.run;
  auto& waiting = !run.batch.empty() ? entry.batches[run.batch].waiting
                  : run.due          ? entry.scheduled
                                     : entry.by_hand;
  waiting.insert(CandidateOf(active));
}

void Agenda::Dequeue(Entry& entry, const ActiveRun& active) {
  const DagRun& run = active.run;
  auto& waiting = !run.batch.empty() ? entry.batches[run.batch].waiting
                  : run.due          ? entry.scheduled
                                     : entry.by_hand;
  waiting.erase(CandidateOf(active));
}

// A new run: skipped, in place of others, or in the queue, as its graph's concurrency says. Runs of
// a backfill neither give way nor make others give way: they wait.
void Agenda::Queue(DagRun run) {
  Entry& entry = EntryOf(run.graph);
  if (run.due && entry.dues.contains(*run.due)) return;  // that instant has its run
  if (!run.id.empty() && (runs_.contains(run.id) || !requested_.insert(run.id).second)) return;
  while (run.id.empty() || runs_.contains(run.id)) run.id = new_id_(now_);
  if (entry.graph) run.priority += entry.graph->priority;
  const Overlap overlap = entry.graph && run.batch.empty() ? entry.graph->overlap : Overlap::kQueue;
  Decide(RunQueued{run});
  if (overlap == Overlap::kSkip) {
    const std::string other = FirstOther(entry);
    ActiveRun& active = AddRun(std::move(run));
    if (!other.empty()) {
      End(active, State::kSkipped, fmt::format("run {} had not ended", other));
    }
  } else if (overlap == Overlap::kReplace) {
    const std::vector<std::string> others = UnfinishedOf(run.graph);
    const std::string by = fmt::format("run {}, which replaces it", AddRun(std::move(run)).run.id);
    for (const std::string& id : others) {
      ActiveRun& other = runs_.at(id);
      const bool waits = other.stage == ActiveRun::Stage::kWaiting && IsToCome(other.run);
      if (other.run.batch.empty() && !waits) Cancel(other, by);
    }
  } else {
    AddRun(std::move(run));
  }
}

// A run of the graph that has not ended and is of no backfill; empty: none.
std::string Agenda::FirstOther(const Entry& entry) const {
  for (const std::string& id : entry.active) {
    if (runs_.at(id).run.batch.empty()) return id;
  }
  for (const auto* waiting : {&entry.scheduled, &entry.by_hand}) {
    for (const Candidate& candidate : *waiting) {
      if (!IsToCome(runs_.at(candidate.run).run)) return candidate.run;
    }
  }
  return {};
}

// It was queued by a clock that was ahead: until its instant comes it is not there for others.
bool Agenda::IsToCome(const DagRun& run) const { return run.due && *run.due > now_; }

// Has runs prepared whose graphs allow it, as long as few tasks wait for a slot. True: runs that
// were prepared before went on, and may have tasks to start.
bool Agenda::Admit() {
  bool went_on = false;
  for (;;) {
    for (Entry* entry : std::exchange(changed_, {})) Reconsider(*entry);
    if (firsts_.empty() || !MayAdmit(*firsts_.begin())) return went_on;
    went_on |= Admit(runs_.at(firsts_.begin()->run));
    SettleEnded();
  }
}

// No, as long as enough is at hand that goes before it; yes, when that leaves slots free: it waits
// for something else.
bool Agenda::MayAdmit(const Candidate& candidate) const {
  if (preparing_ + ready_.CountBefore(candidate.backfill, candidate.priority) < kReadyMin) {
    return true;
  }
  return preparing_ + ready_.slots_in_use() < static_cast<std::size_t>(ready_.capacity().slots);
}

bool Agenda::Admit(ActiveRun& active) {
  DagRun& run = active.run;
  Entry& entry = EntryOf(run.graph);
  Dequeue(entry, active);
  entry.active.insert(run.id);
  if (!run.batch.empty()) ++entry.batches[run.batch].active;
  Touch(entry);
  if (run.prepared) {
    active.stage = ActiveRun::Stage::kAdmitted;
    JudgeAll(active);
    return true;
  }
  BeginPreparing(active);
  return false;
}

void Agenda::BeginPreparing(ActiveRun& active) {
  active.stage = ActiveRun::Stage::kPreparing;
  active.preparing_since = now_;
  active.prepares_long = false;
  ++preparing_;
  Line& line = *EntryOf(active.run.graph).line;
  ++line.preparing;
  Offer(line);
  At(now_ + kPrepareUsual, TimerKind::kPrepareLong, active.run.id);
  Decide(PrepareRun{active.run.id, active.run.graph});
}

// It may hang: others are prepared in its place.
void Agenda::NoteLongPreparing(ActiveRun& active) {
  if (active.stage != ActiveRun::Stage::kPreparing || active.prepares_long) return;
  if (active.preparing_since + kPrepareUsual > now_) return;  // this is another time
  active.prepares_long = true;
  --preparing_;
}

void Agenda::EndPreparing(ActiveRun& active) {
  if (!active.prepares_long) --preparing_;
  Line& line = *EntryOf(active.run.graph).line;
  --line.preparing;
  Offer(line);
}

// Graph files are prepared from what is in memory, which does not hang.
Agenda::Line& Agenda::LineOf(const GraphKey& key) {
  const std::string_view service = ServiceOf(key);
  const auto found = lines_.find(service);
  if (found != lines_.end()) return found->second;
  Line& line = lines_[std::string(service)];
  line.preparing_max = service.empty() ? kReadyMin : kPreparingMax;
  return line;
}

// The first that waits in the line goes on, or nothing.
void Agenda::Offer(Line& line) {
  if (line.first) firsts_.erase(*line.first);
  line.first.reset();
  if (line.candidates.empty() || line.preparing >= line.preparing_max) return;
  line.first = *line.candidates.begin();
  firsts_.insert(*line.first);
}

void Agenda::Touch(Entry& entry) {
  if (!std::exchange(entry.changed, true)) changed_.push_back(&entry);
}

// Which of the graph's waiting runs, if any, could be prepared now.
void Agenda::Reconsider(Entry& entry) {
  entry.changed = false;
  const bool was_held = std::exchange(entry.has_held, !entry.missing.empty());
  if (was_held || entry.has_held) {
    for (const std::string& id : WaitingOf(entry)) {
      if (ActiveRun& active = runs_.at(id); !active.run.prepared) Hold(active, entry.missing);
    }
  }
  std::set<Candidate>& candidates = entry.line->candidates;
  if (entry.candidate) candidates.erase(*entry.candidate);
  entry.candidate.reset();
  if (const Candidate* next = NextOf(entry)) {
    entry.candidate = *next;
    candidates.insert(*next);
  }
  Offer(*entry.line);
}

// Runs that wait for their turn.
std::vector<std::string> Agenda::WaitingOf(const Entry& entry) const {
  std::vector<std::string> ids;
  const auto add = [&](const std::set<Candidate>& waiting) {
    for (const Candidate& candidate : waiting) ids.push_back(candidate.run);
  };
  add(entry.by_hand);
  add(entry.scheduled);
  for (const auto& [_, batch] : entry.batches) add(batch.waiting);
  return ids;
}

// Says, once, why the queued run is kept waiting.
void Agenda::Hold(ActiveRun& active, const std::string& message) {
  DagRun& run = active.run;
  if (run.message == message || run.cancel_requested || run.state != State::kQueued) return;
  run.message = message;
  Decide(RunHeld{run.id, message});
}

// Back into the queue: what failed may not the next time. The graph's other runs wait as well, for
// it would be the same with them.
void Agenda::PrepareLater(ActiveRun& active, const std::string& message) {
  DagRun& run = active.run;
  Entry& entry = EntryOf(run.graph);
  if (++active.prepare_tries >= kBeginTriesMax) {
    return End(active, State::kFailed,
               fmt::format("{}; it was tried {} times", message, active.prepare_tries));
  }
  EndPreparing(active);
  active.stage = ActiveRun::Stage::kWaiting;
  entry.active.erase(run.id);
  if (!run.batch.empty()) --entry.batches[run.batch].active;
  Enqueue(entry, active);
  Touch(entry);
  entry.prepare_after = now_ + BeginDelay(active.prepare_tries);
  At(*entry.prepare_after, TimerKind::kPrepare, run.graph);
  Hold(active,
       fmt::format("it could not be prepared: {}; tried again from {} on (try {} of {})", message,
                   FormatRfc3339(*entry.prepare_after), active.prepare_tries + 1, kBeginTriesMax));
}

bool Agenda::MayPrepare(const Entry& entry) const {
  return entry.missing.empty() && (!entry.prepare_after || *entry.prepare_after <= now_);
}

// The first of those that wait that could go on; what was prepared before needs no definition.
const Agenda::Candidate* Agenda::FirstOf(const Entry& entry,
                                         const std::set<Candidate>& waiting) const {
  const bool any = MayPrepare(entry);
  const auto first = std::find_if(waiting.begin(), waiting.end(), [&](const Candidate& candidate) {
    const DagRun& run = runs_.at(candidate.run).run;
    return (any || run.prepared) && !IsToCome(run) && HasRoomFor(entry, run) &&
           (!run.due || !run.batch.empty() || HeldAtRoots(entry, run).empty());
  });
  return first == waiting.end() ? nullptr : &*first;
}

const Agenda::Candidate* Agenda::NextOf(const Entry& entry) const {
  if (AtWork(entry) >= RunsAtOnce(entry)) return nullptr;
  const Candidate* next = FirstOf(entry, entry.by_hand);
  const auto consider = [&](const Candidate* candidate) {
    if (candidate != nullptr && (next == nullptr || *candidate < *next)) next = candidate;
  };
  if (entry.memory.paused) return next;
  if (!entry.scheduled.empty()) consider(NextScheduled(entry));
  for (const auto& [_, batch] : entry.batches) {
    const Candidate* first = NextOfBatch(entry, batch);
    if (first == nullptr) continue;
    if (batch.active < std::max(1, runs_.at(first->run).run.batch_runs_at_once)) consider(first);
  }
  return next;
}

const Agenda::Candidate* Agenda::NextScheduled(const Entry& entry) const {
  if (!entry.graph || !entry.graph->depends_on_past) return FirstOf(entry, entry.scheduled);
  // Only the oldest of all that have not ended can be preceded by none.
  const DagRun& oldest = runs_.at(entry.dues.begin()->second).run;
  const auto first = entry.scheduled.find(CandidateOf(runs_.at(oldest.id)));
  if (first == entry.scheduled.end() || !PastAllows(entry, oldest)) return nullptr;
  if (IsToCome(oldest) || !HasRoomFor(entry, oldest)) return nullptr;
  return MayPrepare(entry) || oldest.prepared ? &*first : nullptr;
}

// The same of a backfill; what was before its first run does not matter.
const Agenda::Candidate* Agenda::NextOfBatch(const Entry& entry, const Batch& batch) const {
  const bool ordered = entry.graph && entry.graph->depends_on_past && !batch.waiting.empty() &&
                       runs_.at(batch.waiting.begin()->run).run.due;
  if (!ordered) return FirstOf(entry, batch.waiting);
  const ActiveRun& oldest = runs_.at(entry.dues.begin()->second);
  const auto first = batch.waiting.find(CandidateOf(oldest));
  if (first == batch.waiting.end()) return nullptr;
  return MayPrepare(entry) || oldest.run.prepared ? &*first : nullptr;
}

// With depends_on_past: a run of a backfill did not succeed, so those behind it do not begin.
void Agenda::DropBehind(Entry& entry, const DagRun& run) {
  if (!entry.graph || !entry.graph->depends_on_past || !run.due) return;
  const std::string why = fmt::format(
      "the run for {} before it {}{} (depends_on_past); busker backfill --retry-failed "
      "goes on from there",
      run.data_date, run.state == State::kFailed ? "" : "was ", NameOf(run.state));
  for (const auto& [_, batch] : entry.batches) {
    for (const Candidate& candidate : batch.waiting) {
      ActiveRun& behind = runs_.at(candidate.run);
      if (!behind.run.due || *behind.run.due < *run.due) continue;
      behind.dropped = true;
      Cancel(behind, "busker", why);
    }
  }
}

std::size_t Agenda::RunsAtOnce(const Entry& entry) {
  return static_cast<std::size_t>(entry.graph ? std::max(1, entry.graph->runs_at_once) : 1);
}

// Has the scheduled run before this one, which has ended, succeeded?
bool Agenda::PastAllows(const Entry& entry, const DagRun& run) const {
  const GraphMemory& memory = entry.memory;
  return !memory.last_due || *memory.last_due >= *run.due || memory.last_succeeded;
}

// What keeps a queued run from being prepared, for people; empty: nothing.
std::string Agenda::WaitsFor(const Entry& entry, const ActiveRun& active) const {
  const DagRun& run = active.run;
  const bool by_itself = run.due || !run.batch.empty();
  if (!run.prepared && !MayPrepare(entry)) {
    const std::string& why = !entry.missing.empty() ? entry.missing : run.message;
    if (!why.empty()) return fmt::format("{}; busker cancel {} ends it", why, run.id);
    return fmt::format("another run of {} could not be prepared, which is tried again from {} on",
                       run.graph, FormatRfc3339(*entry.prepare_after));
  }
  if (entry.memory.paused && by_itself) {
    return fmt::format("{} is paused by {}; busker resume goes on", run.graph,
                       entry.memory.paused_by);
  }
  if (IsToCome(run)) {
    return fmt::format("its instant, {}, is still to come: the clock was ahead when it was queued",
                       FormatRfc3339(*run.due));
  }
  if (!HasRoomFor(entry, run)) {
    return fmt::format("run {} has not ended, and {} of them may run at once",
                       *entry.active.begin(), RunsAtOnce(entry));
  }
  if (run.due && run.batch.empty()) {
    if (std::string held = HeldAtRoots(entry, run); !held.empty()) return held;
  }
  if (const auto batch = entry.batches.find(run.batch);
      batch != entry.batches.end() && batch->second.active >= std::max(1, run.batch_runs_at_once)) {
    return fmt::format("{} runs of its backfill run already", batch->second.active);
  }
  if (!entry.graph || !entry.graph->depends_on_past || !run.due) return {};
  const auto own = entry.dues.find(*run.due);
  if (own != entry.dues.begin() && own != entry.dues.end()) {
    return fmt::format("run {}, the one before it, has not ended", std::prev(own)->second);
  }
  if (run.batch.empty() && !PastAllows(entry, run)) {
    return fmt::format(
        "the run for {} before it has not succeeded (depends_on_past); busker retry "
        "it, or busker cancel this one",
        FormatRfc3339(*entry.memory.last_due));
  }
  return {};
}

void Agenda::StartReady() {
  while (const auto next = ready_.TakeNext()) {
    ActiveRun* active = Find(next->run);
    CHECK(active != nullptr, "a ready task belongs to a run that has not ended");
    Start(*active, next->task);
  }
}

void Agenda::Start(ActiveRun& active, std::size_t index) {
  DagRun& run = active.run;
  Task& task = run.tasks[index];
  ++task.attempts;
  task.attempt_running = true;
  task.not_before.reset();
  if (run.state == State::kQueued) {
    Move(active, State::kRunning, "");
    if (run.timeout && !run.deadline) {
      run.deadline = now_ + *run.timeout;
      Decide(DeadlineSet{run.id, run.deadline});
      At(*run.deadline, TimerKind::kDeadline, run.id);
    }
  }
  Move(active, task, State::kRunning, "");
  Decide(StartAttempt{run.id, task.name, task.attempts});
}

}  // namespace busker::plan

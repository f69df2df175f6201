// What happens in the simulated world, turn by turn, and what is asked of it.
#include "plan/simulation.h"

namespace busker::plan {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kHistoryMax = 120;

// The few words that say what a decision is, for the history.
struct Speaker {
  std::string operator()(const RunQueued& d) const {
    return fmt::format("queue {} of {} due {}", d.run.id, d.run.graph,
                       d.run.due ? FormatRfc3339(*d.run.due) : "never");
  }
  std::string operator()(const PrepareRun& d) const { return "prepare " + d.run; }
  std::string operator()(const TasksPlanned& d) const { return "planned " + d.run; }
  std::string operator()(const StartAttempt& d) const {
    return fmt::format("start {}.{}.{}", d.run, d.task, d.number);
  }
  std::string operator()(const AttemptUndone& d) const {
    return fmt::format("undo {}.{}.{}", d.run, d.task, d.number);
  }
  std::string operator()(const PreemptionForgiven& d) const {
    return fmt::format("forgive {}.{}.{}", d.run, d.task, d.number);
  }
  std::string operator()(const StopAttempt& d) const {
    return fmt::format("stop {}.{}.{}", d.run, d.task, d.number);
  }
  std::string operator()(const TaskChanged& d) const {
    return fmt::format("{}.{} {}", d.run, d.task, NameOf(d.to));
  }
  std::string operator()(const RunChanged& d) const {
    return fmt::format("{} {} ({})", d.run, NameOf(d.to), d.message);
  }
  std::string operator()(const RetryPlanned& d) const {
    return fmt::format("retry {}.{}.{} at {}", d.run, d.task, d.number, FormatRfc3339(d.at));
  }
  std::string operator()(const CancelAccepted& d) const { return "cancel " + d.run; }
  std::string operator()(const TaskCleared& d) const {
    return fmt::format("clear {}.{}", d.run, d.task);
  }
  std::string operator()(const RunHeld& d) const {
    return fmt::format("hold {} ({})", d.run, d.message);
  }
  std::string operator()(const DeadlineSet& d) const {
    return fmt::format("deadline of {} {}", d.run, d.deadline ? FormatRfc3339(*d.deadline) : "-");
  }
  std::string operator()(const GraphNoted& d) const {
    return fmt::format("note {} {} cursor {}", d.memory.key, d.what,
                       d.memory.cursor ? FormatRfc3339(*d.memory.cursor) : "-");
  }
  std::string operator()(const NotifyPeople& d) const {
    return fmt::format("tell {} {}", NameOf(d.kind), d.graph);
  }
};

const char* NameOf(const Event& event) {
  constexpr std::array kNames = {"run requested",   "run prepared",      "run not prepared",
                                 "attempt ended",   "attempt not begun", "cancel requested",
                                 "retry requested", "skip requested",    "graph defined",
                                 "graph removed",   "graph paused",      "clock stepped",
                                 "capacity changed"};
  return kNames[event.index()];
}

}  // namespace

Simulation::Simulation(unsigned seed) : random_(seed) {
  steps_ = Chance(2);
  MakeGraphs();
  MakeCapacity();
  agenda_ = MakeAgenda();
  unheard_ = Definitions();
}

std::string Simulation::Play() {
  for (int turns = 100 + Below(200); turns > 0 && fault_.empty(); --turns) Turn();
  CheckSchedules();
  if (fault_.empty()) Quiet();
  return fault_;
}

std::string Simulation::History() const {
  std::string text;
  for (const std::string& line : history_) text += line + "\n";
  return text;
}

std::unique_ptr<Agenda> Simulation::MakeAgenda() {
  return std::make_unique<Agenda>([this](Instant) { return fmt::format("r{}", ++ids_); },
                                  record_.capacity);
}

std::vector<Event> Simulation::Definitions() {
  std::vector<Event> events;
  for (const GraphKey& key : record_.defined) {
    events.emplace_back(GraphDefined{record_.graphs.at(key)});
  }
  for (const auto& [key, _] : record_.graphs) {
    if (!record_.defined.contains(key)) events.emplace_back(GraphRemoved{key});
  }
  std::shuffle(events.begin(), events.end(), random_);
  return events;
}

Milliseconds Simulation::NextTime() {
  std::optional<Milliseconds> next;
  const auto consider = [&](Milliseconds at) { next = std::min(next.value_or(at), at); };
  for (const Pending& pending : pending_) consider(pending.at);
  for (const auto& [_, attempt] : attempts_) {
    if (!attempt.ended && !attempt.hangs) consider(attempt.ends_at);
  }
  if (wake_at_) consider(*wake_at_ - (Wall() - mono_));
  if (faults_) consider(mono_ + Upto(hours(2)));
  if (!unheard_.empty()) consider(mono_);
  const Milliseconds late = faults_ && Chance(4) ? Upto(seconds(100)) : Milliseconds(0);
  return std::max(mono_, next.value_or(mono_) + late);
}

void Simulation::EndAttempts() {
  for (auto& [name, attempt] : attempts_) {
    if (attempt.ended || attempt.hangs || attempt.ends_at > mono_) continue;
    attempt.ended = true;
    TellEnd(name);
  }
}

void Simulation::TellEnd(const Name& name) {
  const Attempt& attempt = attempts_.at(name);
  const auto& [run, task, number] = name;
  AttemptEnded ended{run, task, number, attempt.succeeds && !attempt.stopped, attempt.stopped,
                     "no"};
  ended.preempted = !ended.succeeded && !ended.cancelled && attempt.preempted;
  if (ended.preempted) record_.preempted.insert(name);
  Later(ended, faults_ && Chance(3) ? Upto(seconds(30)) : Milliseconds(0));
  if (faults_ && Chance(5)) Later(ended, Upto(hours(1)));
}

// What Busker is told in this turn.
std::vector<Event> Simulation::Heard() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < pending_.size();) {
    if (pending_[i].at > mono_) {
      ++i;
      continue;
    }
    events.push_back(std::move(pending_[i].event));
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::shuffle(events.begin(), events.end(), random_);
  std::vector<Event> meddled;
  if (faults_ && Chance(4)) Meddle(&meddled);
  events.insert(events.begin(), meddled.begin(), meddled.end());
  const auto definitions = std::exchange(unheard_, {});
  events.insert(events.begin(), definitions.begin(), definitions.end());
  return events;
}

void Simulation::Turn() {
  mono_ = NextTime();
  EndAttempts();
  const std::vector<Event> events = Heard();
  Say(fmt::format("-- {}", FormatRfc3339(Wall())));
  for (const Event& event : events) Say(fmt::format("   < {}", NameOf(event)));
  const Advanced advanced = agenda_->Advance(events, Wall());
  const bool crashes = faults_ && Chance(25);
  if (crashes && Chance(2)) {
    Say("   crash, nothing recorded");
    return Crash();
  }
  for (const Decision& decision : advanced.decisions) {
    Say("   > " + std::visit(Speaker(), decision));
  }
  record_.Apply(advanced.decisions, Wall());
  record_.in_change.clear();
  if (!record_.fault.empty()) Fault(record_.fault);
  turns_.push_back(Wall());
  if (crashes) {
    Say("   crash, all recorded");
    return Crash();
  }
  for (const Event& event : events) {
    if (const auto* prepared = std::get_if<RunPrepared>(&event)) preparing_.erase(prepared->run);
    if (const auto* failed = std::get_if<RunNotPrepared>(&event)) preparing_.erase(failed->run);
  }
  CarryOut(advanced.decisions);
  wake_at_ = advanced.wake_at;
  const bool lazy = advanced.decisions.empty() && wake_at_ && *wake_at_ <= Wall();
  lazy_turns_ = lazy ? lazy_turns_ + 1 : 0;
  if (lazy_turns_ >= 2) Fault("it wakes for nothing, again and again");
  CheckNothingIsLeftLying();
  if (Chance(6)) TryAnotherAgenda();
}

void Simulation::CarryOut(const std::vector<Decision>& decisions) {
  for (const Decision& decision : decisions) {
    if (const auto* start = std::get_if<StartAttempt>(&decision)) {
      Begin({start->run, start->task, start->number});
    } else if (const auto* stop = std::get_if<StopAttempt>(&decision)) {
      Stop({stop->run, stop->task, stop->number});
    } else if (const auto* prepare = std::get_if<PrepareRun>(&decision)) {
      Prepare(*prepare);
    }
  }
}

void Simulation::Prepare(const PrepareRun& prepare) {
  preparing_[prepare.run] = mono_;
  hanging_.erase(prepare.run);  // an answer that is late is dropped
  const Milliseconds delay = Chance(2) ? Milliseconds(0) : Upto(minutes(1));
  if (faults_ && Chance(15)) {
    return Later(RunNotPrepared{prepare.run, "nothing is live", Chance(2)}, delay);
  }
  const RunPrepared prepared{prepare.run, tasks_.at(prepare.graph),
                             record_.graphs.at(prepare.graph).run_timeout};
  if (faults_ && Chance(20)) {
    hanging_[prepare.run] = prepared;
    return;
  }
  Later(prepared, delay);
  if (Chance(6)) Later(prepared, Upto(hours(1)));
}

void Simulation::Begin(const Name& name) {
  // There is no room for it: nothing of it is there, and its name may come again.
  if (faults_ && Chance(12)) {
    const auto& [run, task, number] = name;
    const AttemptNotBegun not_begun{run, task, number, "no room"};
    not_begun_.insert(name);
    return Later(not_begun, Chance(3) ? Upto(seconds(2)) : Milliseconds(0));
  }
  not_begun_.erase(name);
  Attempt attempt;
  attempt.ends_at = mono_ + (Chance(3) ? Upto(hours(1)) : Upto(minutes(3)));
  attempt.succeeds = !Chance(4);
  attempt.preempted = Chance(2);
  attempt.hangs = faults_ && Chance(20);
  if (!attempts_.emplace(name, attempt).second) {
    Fault(fmt::format("{}.{}.{} was started twice", std::get<0>(name), std::get<1>(name),
                      std::get<2>(name)));
  }
}

void Simulation::Stop(const Name& name) {
  if (not_begun_.contains(name)) return;
  const auto found = attempts_.find(name);
  if (found == attempts_.end()) return Fault("an attempt is stopped that was never started");
  Attempt& attempt = found->second;
  if (attempt.ended) return;
  attempt.hangs = false;
  attempt.stopped = !Chance(5);  // it may have been about to end by itself
  attempt.ends_at = std::min(attempt.ends_at, mono_ + Upto(seconds(10)));
  attempt.ends_at = std::max(attempt.ends_at, mono_);
}

// Busker is gone for a while; what comes after it has the record and the machine to go by.
void Simulation::Crash() {
  mono_ += Chance(2) ? Upto(minutes(1)) : Upto(hours(8));
  if (steps_ && Chance(4)) {
    const Milliseconds by = Upto(hours(2)) - hours(1);
    offset_ += by;
    record_.clock_set |= by.count() < 0;
  }
  pending_.clear();
  preparing_.clear();
  hanging_.clear();
  record_.in_change.clear();
  wake_at_.reset();
  agenda_ = MakeAgenda();
  agenda_->Restore(record_.Memories(), record_.Unfinished(), record_.Ahead(Wall()));
  unheard_ = Definitions();
  for (const DagRun& run : record_.Unfinished()) {
    for (const Task& task : run.tasks) {
      if (!task.attempt_running) continue;
      const Name name{run.id, task.name, task.attempts};
      const auto found = attempts_.find(name);
      if (found == attempts_.end()) {
        Begin(name);
      } else if (found->second.ended) {
        TellEnd(name);
      }
    }
  }
}

// What would an agenda do that was restored now? Nothing that is not allowed by the record, either.
void Simulation::TryAnotherAgenda() {
  SimulatedRecord record = record_;
  int ids = 0;
  Agenda agenda([&](Instant) { return fmt::format("x{}", ++ids); }, record.capacity);
  agenda.Restore(record.Memories(), record.Unfinished(), record.Ahead(Wall()));
  std::vector<Event> events;
  if (Chance(2)) {
    events = Definitions();
  } else {
    record.defined.clear();
    record.knows_definitions = false;
  }
  const Advanced advanced = agenda.Advance(events, Wall());
  record.Apply(advanced.decisions, Wall());
  if (!record.fault.empty()) Fault("restored now, it is wrong: " + record.fault);
}

// Nothing stays queued while there is room for it.
void Simulation::CheckNothingIsLeftLying() {
  const SimulatedRecord::Use use = record_.InUse();
  const Capacity& capacity = record_.capacity;
  int running = use.slots;
  for (const auto& [_, tasks] : use.places) running += tasks;
  if (agenda_->attempts_running() != static_cast<std::size_t>(running)) {
    Fault("agenda and record disagree on how many attempts run");
  }
  if (use.slots >= capacity.slots) return;
  const auto preparing = std::count_if(preparing_.begin(), preparing_.end(), [&](const auto& one) {
    return mono_ - one.second < seconds(1);  // what takes longer holds up nothing
  });
  const bool all_prepared = use.slots + static_cast<int>(preparing) < capacity.slots;
  std::vector<std::pair<const Task*, std::string>> ready;
  bool any_big = false;
  for (const auto& [id, run] : record_.runs) {
    if (IsFinal(run.state)) continue;
    if (all_prepared &&
        agenda_->ExplainRun(id, Wall()).find("other runs go first") != std::string::npos) {
      Fault(fmt::format("{} waits for nothing", id));
    }
    for (const Task& task : run.tasks) {
      any_big |= (capacity.cpus_milli > 0 && task.cpus_milli > 0) ||
                 (capacity.memory_bytes > 0 && task.memory_bytes > 0);
    }
    if (run.state != State::kRunning || run.cancel_requested) continue;
    if (run.deadline && *run.deadline <= Wall()) continue;
    for (const Task& task : run.tasks) {
      if (task.state != State::kQueued || !SimulatedRecord::RuleHolds(run, task)) continue;
      if (!record_.PastHolds(run, task).value_or(false) || MayBeParked(run)) continue;
      if (task.not_before && *task.not_before > Wall()) continue;
      ready.emplace_back(&task, id);
    }
  }
  for (const auto& [task, run] : ready) {
    const auto there = use.places.find(SharedPlace(*task));
    const bool has_room = task->place_tasks_max == 0
                              ? !any_big  // else it may be one that the others must not pass
                              : there == use.places.end() || there->second < task->place_tasks_max;
    if (!has_room) continue;
    const auto pool = capacity.pools.find(task->pool);
    const auto used = use.pools.find(task->pool);
    const int slots = pool == capacity.pools.end() ? 1 : pool->second;
    const int room = slots - (used == use.pools.end() ? 0 : used->second);
    if (!task->pool.empty() && room < 2) continue;  // one of two slots may go first
    Fault(fmt::format("{} of {} waits for nothing: {}", task->name, run,
                      agenda_->ExplainTask(run, task->name, Wall())));
  }
}

// While others of its graph run, as many as may, a run that waited for its past waits for room. Of
// a graph that nothing defines any more one may.
bool Simulation::MayBeParked(const DagRun& run) const {
  if (!SimulatedRecord::WaitsForPast(run)) return false;
  const auto others = std::count_if(record_.runs.begin(), record_.runs.end(), [&](const auto& one) {
    const DagRun& other = one.second;
    return other.graph == run.graph && other.id != run.id &&
           (other.state == State::kRunning || preparing_.contains(other.id));
  });
  const int at_once =
      record_.defined.contains(run.graph) ? record_.graphs.at(run.graph).runs_at_once : 1;
  return record_.clock_set || others >= std::max(1, at_once);
}

// The instants that should have had a run, from when Busker looked at the clock.
std::set<Instant> Simulation::Oracle(const Graph& graph) const {
  if (turns_.empty()) return {};
  if (graph.once) {
    const Instant due = graph.start.value_or(turns_.front());
    return due <= turns_.back() ? std::set{due} : std::set<Instant>();
  }
  std::vector<Instant> instants;
  const Instant known = turns_.front();
  const Instant from = std::min(known, graph.start.value_or(known)) - hours(24 * 8);
  for (auto x = graph.schedule->Next(from); x && *x <= turns_.back();
       x = graph.schedule->Next(*x)) {
    if (!graph.start && *x <= known) continue;
    const Instant data = graph.interval ? *graph.schedule->Previous(*x) : *x;
    if (graph.start && data < *graph.start) continue;
    if (graph.end && data > *graph.end) continue;
    instants.push_back(*x);
  }
  std::set<Instant> expected;
  auto next = instants.begin();
  for (const Instant turn : turns_) {
    const auto first = next;
    while (next != instants.end() && *next <= turn) ++next;
    for (auto x = first; x != next; ++x) {
      const bool last = std::next(x) == next;
      const bool caught_up =
          (graph.catch_up == CatchUp::kAll || (graph.catch_up == CatchUp::kLatest && last)) &&
          (!graph.catch_up_window || turn - *x <= *graph.catch_up_window);
      if (turn - *x <= minutes(1) || caught_up) expected.insert(*x);
    }
  }
  return expected;
}

void Simulation::CheckSchedules() {
  if (steps_ || !fault_.empty()) return;
  for (const auto& [key, graph] : record_.graphs) {
    if (record_.meddled.contains(key) || (!graph.schedule && !graph.once)) continue;
    std::set<Instant> had;
    for (const auto& [_, run] : record_.runs) {
      if (run.graph == key && run.due) had.insert(*run.due);
    }
    const std::set<Instant> expected = Oracle(graph);
    for (const Instant instant : expected) {
      if (!had.contains(instant)) {
        Fault(fmt::format("{} has no run for {}", key, FormatRfc3339(instant)));
      }
    }
    for (const Instant instant : had) {
      if (!expected.contains(instant)) {
        Fault(fmt::format("{} has a run for {}", key, FormatRfc3339(instant)));
      }
    }
  }
}

// No more faults, nobody meddles, nothing new is due: all there is comes to its end.
void Simulation::Quiet() {
  Say("-- quiet");
  faults_ = false;
  for (auto& [_, attempt] : attempts_) {
    if (std::exchange(attempt.hangs, false)) attempt.ends_at = mono_ + Upto(hours(1));
  }
  for (auto& [_, prepared] : std::exchange(hanging_, {})) Later(prepared, Upto(minutes(1)));
  for (auto& [key, graph] : record_.graphs) {
    graph.by_hand = true;
    graph.depends_on_past = false;
    graph.past_roots.clear();
    for (Task& task : tasks_[key]) task.depends_on_past = false;
    unheard_.emplace_back(GraphDefined{graph});
    unheard_.emplace_back(GraphPaused{key, false, "who"});
    record_.in_change.insert(key);
    record_.defined.insert(key);
  }
  Turn();
  const Milliseconds limit = mono_ + hours(24 * 60);
  for (int turns = 20'000; turns > 0 && mono_ < limit && fault_.empty(); --turns) {
    if (record_.Unfinished().empty() && pending_.empty()) break;
    for (const DagRun& run : record_.Unfinished()) {  // whoever waits for a past that failed
      for (const Task& task : run.tasks) {
        if (!task.depends_on_past || task.state != State::kQueued) continue;
        unheard_.emplace_back(SkipRequested{run.id, task.name, "who"});
      }
    }
    Turn();
  }
  if (!fault_.empty()) return;
  for (const DagRun& run : record_.Unfinished()) {
    Fault(fmt::format("{} never ended: {}", run.id, agenda_->ExplainRun(run.id, Wall())));
  }
  if (!agenda_->Idle() || agenda_->attempts_running() > 0) Fault("the agenda has not emptied");
}

void Simulation::Say(std::string line) {
  history_.push_back(std::move(line));
  if (history_.size() > kHistoryMax) history_.pop_front();
}

}  // namespace busker::plan

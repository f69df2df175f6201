// The record of a simulated Busker: what was decided, applied as a database would apply it. It is
// also the judge: whatever is applied is checked against what is on record, never against the
// agenda. The first thing that must not be is kept in `fault`.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/advance.h"

namespace busker::plan {

class SimulatedRecord {
 public:
  std::map<GraphKey, GraphMemory> memories;
  std::map<std::string, DagRun> runs;  // all that ever were
  std::vector<std::string> order;      // of their queueing
  // What the definitions say; those that are removed stay, without `defined`.
  std::map<GraphKey, Graph> graphs;
  std::set<GraphKey> defined;
  std::set<GraphKey> meddled;     // were paused, edited or removed at some time
  std::set<GraphKey> in_change;   // defined or removed in this turn
  bool knows_definitions = true;  // the agenda was told of them
  Capacity capacity;
  bool clock_set = false;         // it was set back at some time
  std::set<std::string> retried;  // runs that a person wants taken up again
  std::set<std::tuple<std::string, std::string, int>> preempted;  // attempts: run, task, number
  std::string fault;

  void Apply(const std::vector<Decision>& decisions, Instant now) {
    now_ = now;
    queued_.clear();
    for (const Decision& decision : decisions) {
      std::visit([&](const auto& d) { Take(d); }, decision);
    }
    CheckQueued();
    CheckRunning();
  }

  std::vector<DagRun> Unfinished() const {
    std::vector<DagRun> unfinished;
    for (const std::string& id : order) {
      if (!IsFinal(runs.at(id).state)) unfinished.push_back(runs.at(id));
    }
    return unfinished;
  }
  std::vector<RunAhead> Ahead(Instant of) const {
    std::vector<RunAhead> ahead;
    for (const auto& [_, run] : runs) {
      if (!run.due) continue;
      const GraphMemory& memory = memories.at(run.graph);
      const Instant from = memory.ran_until ? std::min(of, memory.cursor.value_or(of)) : of;
      if (*run.due > from) ahead.push_back({run.graph, *run.due});
    }
    return ahead;
  }
  std::vector<GraphMemory> Memories() const {
    std::vector<GraphMemory> all;
    for (const auto& [_, memory] : memories) all.push_back(memory);
    return all;
  }

  // Failed, cancelled, or skipped because of one that was.
  static bool IsBad(const DagRun& run, const Task& task) {
    if (task.waived) return false;
    if (task.state == State::kFailed || task.state == State::kCancelled) return true;
    if (task.state != State::kSkipped || task.rule == TriggerRule::kOneFailed) return false;
    return std::any_of(task.after.begin(), task.after.end(),
                       [&](const auto& name) { return IsBad(run, Of(run, name)); });
  }
  static bool RuleHolds(const DagRun& run, const Task& task) {
    std::size_t final = 0, good = 0, bad = 0;
    for (const std::string& name : task.after) {
      const Task& other = Of(run, name);
      if (IsFinal(other.state)) ++final;
      if (other.state == State::kSucceeded || other.waived) ++good;
      if (IsBad(run, other)) ++bad;
    }
    switch (task.rule) {
      case TriggerRule::kAllSuccess:
        return good == task.after.size();
      case TriggerRule::kAllDone:
        return final == task.after.size();
      case TriggerRule::kOneFailed:
        return bad > 0;
      case TriggerRule::kNoneFailed:
        return final == task.after.size() && bad == 0;
    }
    return false;
  }

  static bool WaitsForPast(const DagRun& run) {
    return std::any_of(run.tasks.begin(), run.tasks.end(),
                       [](const Task& task) { return task.depends_on_past; });
  }
  // Has the task succeeded in the run before, or was there none? nullopt: runs may have overtaken
  // others, because somebody took one up again or the clock was set.
  std::optional<bool> PastHolds(const DagRun& run, const Task& task) const {
    if (!task.depends_on_past || !run.due || !run.batch.empty()) return true;
    if (clock_set || retried.contains(run.id)) return std::nullopt;
    std::map<Instant, const DagRun*> dues;
    for (const auto& [_, other] : runs) {
      if (other.graph == run.graph && other.due) dues[*other.due] = &other;
    }
    for (auto due = dues.upper_bound(*run.due); due != dues.end(); ++due) {
      if (!IsFinal(due->second->state)) continue;
      for (const Task& same : due->second->tasks) {
        const bool begun = same.state != State::kCancelled || same.attempts > 0;
        if (same.name == task.name && begun) return true;
      }
    }
    for (auto due = dues.lower_bound(*run.due); due != dues.begin();) {
      const DagRun& before = *(--due)->second;
      if (retried.contains(before.id)) return std::nullopt;
      if (!before.prepared && IsFinal(before.state)) continue;
      if (!before.prepared) return false;
      const auto same = std::find_if(before.tasks.begin(), before.tasks.end(),
                                     [&](const Task& one) { return one.name == task.name; });
      if (same == before.tasks.end()) continue;
      if (!IsFinal(same->state)) return false;
      if (same->state == State::kCancelled && same->attempts == 0) continue;
      return same->state == State::kSucceeded || same->waived ||
             (same->state == State::kSkipped && !IsBad(before, *same));
    }
    return true;
  }

  // What the attempts that run take.
  struct Use {
    int slots = 0, cpus_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::map<std::string, int> pools, places;
    void Add(const Task& task) {
      if (!task.pool.empty()) pools[task.pool] += task.pool_slots;
      if (task.place_tasks_max > 0) {
        ++places[SharedPlace(task)];
        return;
      }
      ++slots;
      cpus_milli += task.cpus_milli;
      memory_bytes += task.memory_bytes;
    }
  };
  Use InUse() const {
    Use use;
    for (const auto& [_, run] : runs) {
      if (IsFinal(run.state)) continue;
      for (const Task& task : run.tasks) {
        if (task.attempt_running) use.Add(task);
      }
    }
    return use;
  }

 private:
  template <typename... Args>
  void Demand(bool holds, fmt::format_string<Args...> text, Args&&... args) {
    if (!holds && fault.empty()) fault = fmt::format(text, std::forward<Args>(args)...);
  }
  static const Task& Of(const DagRun& run, const std::string& name) {
    return *std::find_if(run.tasks.begin(), run.tasks.end(),
                         [&](const Task& task) { return task.name == name; });
  }
  DagRun& Find(const std::string& id) {
    const auto found = runs.find(id);
    if (found != runs.end()) return found->second;
    Demand(false, "a decision names the run {}, which there is not", id);
    return nothing_;
  }
  Task& Find(const std::string& id, const std::string& name) {
    for (Task& task : Find(id).tasks) {
      if (task.name == name) return task;
    }
    Demand(false, "a decision names the task {} of {}, which there is not", name, id);
    return no_task_;
  }
  const Graph* Defined(const GraphKey& key) const {
    return defined.contains(key) ? &graphs.at(key) : nullptr;
  }

  void Take(const RunQueued& d) {
    Demand(!runs.contains(d.run.id), "the run {} was queued twice", d.run.id);
    Demand(d.run.tasks.empty() && d.run.state == State::kQueued, "{} is not queued", d.run.id);
    bool others = false;
    for (const auto& [id, run] : runs) {
      if (run.graph != d.run.graph) continue;
      Demand(!d.run.due || run.due != d.run.due, "{} and {} have one instant", id, d.run.id);
      if (!IsFinal(run.state) && run.batch.empty()) others = true;
      // A run whose time is still to come does not count, unless it was queued before the clock was
      // set back.
      if (run.state == State::kQueued && run.due && *run.due > now_) in_change.insert(run.graph);
    }
    if (d.run.due) {
      // "@once" without a start is for now, but for no instant that was another run's.
      const bool once = memories[d.run.graph].schedule_text == "@once";
      Demand(once || *d.run.due <= now_, "{} is before its time", d.run.id);
      Demand(!memories[d.run.graph].paused, "{} was queued by a paused schedule", d.run.id);
    }
    runs[d.run.id] = d.run;
    order.push_back(d.run.id);
    queued_.emplace_back(d.run.id, others);
  }

  void Take(const PrepareRun& d) {
    const DagRun& run = Find(d.run);
    Demand(run.state == State::kQueued && !run.prepared, "{} is prepared again", d.run);
    Demand(!run.due || *run.due <= now_ || graphs.at(run.graph).once,
           "{} is prepared before its time", d.run);
    const bool by_itself = run.due || !run.batch.empty();
    Demand(!by_itself || !memories[run.graph].paused, "{} goes on during a pause", d.run);
    Demand(defined.contains(run.graph) || in_change.contains(run.graph) || !knows_definitions,
           "{} is prepared, and nothing defines it", d.run);
    const Graph* graph = Defined(run.graph);
    if (graph == nullptr || !graph->depends_on_past || !run.due) return;
    if (meddled.contains(run.graph) || clock_set) return;  // then runs may have overtaken
    const DagRun* before = nullptr;
    for (const auto& [id, other] : runs) {
      if (other.graph != run.graph || !other.due || *other.due >= *run.due) continue;
      Demand(IsFinal(other.state), "{} begins before the end of {}", d.run, id);
      const bool begun = other.prepared || other.state == State::kFailed;
      if (begun && (before == nullptr || *other.due > *before->due)) before = &other;
    }
    Demand(before == nullptr || retried.contains(d.run) || retried.contains(before->id) ||
               before->state == State::kSucceeded,
           "{} begins, but the run before it has not succeeded", d.run);
  }

  void Take(const TasksPlanned& d) {
    DagRun& run = Find(d.run);
    Demand(run.state == State::kQueued && !run.prepared, "{} was planned twice", d.run);
    run.prepared = true;
    run.tasks = d.tasks;
    run.timeout = d.timeout;
  }

  void Take(const StartAttempt& d) {
    const DagRun& run = Find(d.run);
    Task& task = Find(d.run, d.task);
    Demand(!task.attempt_running, "{} of {} starts while it runs", d.task, d.run);
    Demand(task.state == State::kRunning, "{} of {} starts but is not running", d.task, d.run);
    Demand(d.number == task.attempts + 1, "attempt {} of {} in {} is not the next", d.number,
           d.task, d.run);
    Demand(d.number <= task.attempts_max, "attempt {} of {} in {} is one too many", d.number,
           d.task, d.run);
    Demand(!task.not_before || *task.not_before <= now_, "{} of {} starts too early", d.task,
           d.run);
    Demand(RuleHolds(run, task), "{} of {} starts against its rule", d.task, d.run);
    Demand(PastHolds(run, task).value_or(true),
           "{} of {} starts, and did not succeed in the run before", d.task, d.run);
    Demand(!run.cancel_requested, "{} of {} starts after a cancel", d.task, d.run);
    Demand(!run.deadline || now_ < *run.deadline, "{} of {} starts past the deadline", d.task,
           d.run);
    task.attempts = d.number;
    task.attempt_running = true;
    task.not_before.reset();
    CheckRoom(task, d);
  }

  // What was made smaller may be exceeded, but by no more tasks that take of it.
  void CheckRoom(const Task& task, const StartAttempt& d) {
    const Use use = InUse();
    if (task.place_tasks_max > 0) {
      Demand(use.places.at(SharedPlace(task)) <= task.place_tasks_max && capacity.slots > 0,
             "no room at {} for {} of {}", task.place, d.task, d.run);
    }
    const bool here = task.place_tasks_max == 0;
    Demand(!here || use.slots <= capacity.slots, "no slot for {} of {}", d.task, d.run);
    Demand(!here || capacity.cpus_milli == 0 || task.cpus_milli == 0 ||
               use.cpus_milli <= capacity.cpus_milli,
           "no cpus for {} of {}", d.task, d.run);
    Demand(!here || capacity.memory_bytes == 0 || task.memory_bytes == 0 ||
               use.memory_bytes <= capacity.memory_bytes,
           "no memory for {} of {}", d.task, d.run);
    if (task.pool.empty()) return;
    const auto pool = capacity.pools.find(task.pool);
    const int slots = pool == capacity.pools.end() ? 1 : pool->second;
    Demand(use.pools.at(task.pool) <= slots, "no room in {} for {} of {}", task.pool, d.task,
           d.run);
  }

  void Take(const AttemptUndone& d) {
    Task& task = Find(d.run, d.task);
    Demand(task.attempt_running && task.attempts == d.number,
           "attempt {} of {} in {} is undone and was not begun", d.number, d.task, d.run);
    task.attempt_running = false;
    --task.attempts;
  }

  // Only what was taken away is forgiven, and not more often than the task allows.
  void Take(const PreemptionForgiven& d) {
    Task& task = Find(d.run, d.task);
    Demand(preempted.contains({d.run, d.task, d.number}),
           "attempt {} of {} in {} was not preempted", d.number, d.task, d.run);
    Demand(task.state == State::kRunning && task.attempts == d.number &&
               d.attempts_max == task.attempts_max + 1 && d.preemptions == task.preemptions + 1,
           "attempt {} of {} in {} is forgiven out of turn", d.number, d.task, d.run);
    Demand(d.preemptions <= task.preemptions_max, "{} of {} was preempted {} times of {}", d.task,
           d.run, d.preemptions, task.preemptions_max);
    task.attempts_max = d.attempts_max;
    task.preemptions = d.preemptions;
  }

  void Take(const StopAttempt& d) {
    const Task& task = Find(d.run, d.task);
    Demand(task.attempt_running && task.attempts == d.number,
           "{} of {} is stopped but does not run", d.task, d.run);
  }

  void Take(const TaskChanged& d) {
    Task& task = Find(d.run, d.task);
    Demand(d.from == task.state, "{} of {} was {}, not {}", d.task, d.run, NameOf(task.state),
           NameOf(d.from));
    const bool allowed =
        d.from == State::kQueued    ? d.to != State::kQueued && d.to != State::kSucceeded
        : d.from == State::kRunning ? d.to != State::kRunning && d.to != State::kSkipped
                                    : d.to == State::kQueued && cleared_.erase({d.run, d.task}) > 0;
    Demand(allowed, "{} of {} goes from {} to {}", d.task, d.run, NameOf(d.from), NameOf(d.to));
    const bool taken = preempted.contains({d.run, d.task, task.attempts}) && task.attempt_running;
    const DagRun& run = Find(d.run);
    const bool is_over = run.deadline && *run.deadline <= now_;
    Demand(d.to != State::kFailed || !taken || task.preemptions == task.preemptions_max || is_over,
           "{} of {} fails for a preemption that it allows", d.task, d.run);
    task.state = d.to;
    task.message = d.message;
    task.waived = d.waived;
    if (d.from == State::kRunning) task.attempt_running = false;
    if (IsFinal(d.to)) task.not_before.reset();
  }

  void Take(const RunChanged& d) {
    DagRun& run = Find(d.run);
    Demand(d.from == run.state && d.to != d.from, "{} was {}, not {}", d.run, NameOf(run.state),
           NameOf(d.from));
    if (IsFinal(d.from)) {
      Demand(d.to == State::kQueued && retried.contains(d.run), "{} goes from {} to {}", d.run,
             NameOf(d.from), NameOf(d.to));
      run.cancel_requested = false;
    }
    if (IsFinal(d.to) && run.prepared) CheckOutcome(run, d.to);
    if (IsFinal(d.to) && !run.prepared) {
      Demand(d.to != State::kSucceeded, "{} succeeds without tasks", d.run);
    }
    Demand(d.to != State::kSucceeded || !run.cancel_requested, "{} succeeds after a cancel", d.run);
    run.state = d.to;
    run.message = d.message;
  }

  void CheckOutcome(const DagRun& run, State state) {
    const auto any = [&](State one) {
      return std::any_of(run.tasks.begin(), run.tasks.end(),
                         [&](const Task& task) { return task.state == one; });
    };
    Demand(!any(State::kQueued) && !any(State::kRunning), "{} ends before its tasks", run.id);
    const State expected = any(State::kFailed)      ? State::kFailed
                           : any(State::kCancelled) ? State::kCancelled
                                                    : State::kSucceeded;
    Demand(state == expected, "{} is {}, its tasks say {}", run.id, NameOf(state),
           NameOf(expected));
  }

  void Take(const RetryPlanned& d) {
    Task& task = Find(d.run, d.task);
    Demand(task.state == State::kQueued && d.number == task.attempts + 1 &&
               d.number <= task.attempts_max,
           "attempt {} of {} in {} is planned out of turn", d.number, d.task, d.run);
    task.not_before = d.at;
  }
  void Take(const CancelAccepted& d) {
    DagRun& run = Find(d.run);
    Demand(!IsFinal(run.state) && !run.cancel_requested, "{} is cancelled again", d.run);
    run.cancel_requested = true;
  }
  void Take(const TaskCleared& d) {
    Task& task = Find(d.run, d.task);
    Demand(retried.contains(d.run), "{} of {} is cleared by nobody", d.task, d.run);
    Demand(task.state != State::kSucceeded && !task.waived, "{} of {} is done again", d.task,
           d.run);
    Demand(d.attempts_max > task.attempts, "{} of {} is cleared for nothing", d.task, d.run);
    task.attempts_max = d.attempts_max;
    task.preemptions = 0;
    task.not_before.reset();
    cleared_.insert({d.run, d.task});
  }
  void Take(const RunHeld& d) {
    DagRun& run = Find(d.run);
    Demand(run.state == State::kQueued && run.message != d.message, "{} is held for nothing",
           d.run);
    run.message = d.message;
  }
  void Take(const DeadlineSet& d) { Find(d.run).deadline = d.deadline; }
  void Take(const GraphNoted& d) {
    const GraphMemory& old = memories[d.memory.key];
    const bool again = d.memory.cursor || d.memory.schedule_text == "@once";
    Demand(!old.cursor ||
               (again && d.memory.cursor.value_or(*old.cursor) >= std::min(*old.cursor, now_)),
           "the cursor of {} goes back", d.memory.key);
    memories[d.memory.key] = d.memory;
  }
  void Take(const NotifyPeople& d) {
    if (d.kind != NotifyPeople::Kind::kLate && d.kind != NotifyPeople::Kind::kNeverStarted) return;
    const std::string by = d.message.substr(0, d.message.find(','));
    // What a clock that was ahead told of may be told again when its time comes.
    Demand(told_.insert({d.graph, by}).second || clock_set, "of {} it is told twice that {}",
           d.graph, by);
  }

  // A new run gave way, or made others give way, as its graph says.
  void CheckQueued() {
    for (const auto& [id, others] : queued_) {
      const DagRun& run = runs.at(id);
      if (in_change.contains(run.graph)) continue;
      const Graph* graph = Defined(run.graph);
      const bool skips = graph != nullptr && graph->overlap == Overlap::kSkip && run.batch.empty();
      Demand((run.state == State::kSkipped) == (skips && others), "{} is {} beside others: {}", id,
             NameOf(run.state), others);
      if (graph == nullptr || graph->overlap != Overlap::kReplace || !run.batch.empty()) continue;
      for (const std::string& other : order) {
        if (other == id) break;
        const DagRun& old = runs.at(other);
        if (old.graph != run.graph || IsFinal(old.state) || !old.batch.empty()) continue;
        if (old.due && *old.due > now_) continue;  // it waits for its time
        Demand(old.cancel_requested || retried.contains(other) ||
                   (old.deadline && *old.deadline <= now_),
               "{} does not replace {}", id, other);
      }
    }
  }

  void CheckRunning() {
    std::map<GraphKey, int> by_graph;
    std::map<std::string, int> by_batch;
    for (const auto& [id, run] : runs) {
      if (run.state != State::kRunning) continue;
      if (WaitsForPast(run) && std::none_of(run.tasks.begin(), run.tasks.end(),
                                            [](const Task& t) { return t.attempt_running; })) {
        continue;  // it may wait for its past, and others go on meanwhile
      }
      const int limit = std::max(1, graphs.at(run.graph).runs_at_once);
      Demand(++by_graph[run.graph] <= limit, "more than {} runs of {} run", limit, run.graph);
      if (run.batch.empty()) continue;
      Demand(++by_batch[run.batch] <= run.batch_runs_at_once, "{} is past its limit", run.batch);
    }
  }

  Instant now_{};
  std::vector<std::pair<std::string, bool>> queued_;       // this turn; beside others
  std::set<std::pair<std::string, std::string>> cleared_;  // tasks
  std::set<std::pair<GraphKey, std::string>> told_;
  DagRun nothing_;
  Task no_task_;
};

}  // namespace busker::plan

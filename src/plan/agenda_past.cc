// Tasks that wait until they have succeeded in the run before (Task::depends_on_past).
//
// Such a task holds itself and what comes behind it; the rest of its run goes on. A run of which
// nothing can go on is parked: it is not counted among those at work, or its own past, taken up
// again, could not go on before it. It counts for the runs after it, which would only be parked as
// well.
#include <fmt/core.h>

#include <algorithm>

#include "plan/agenda.h"

namespace busker::plan {

// Why the task may not start; empty: it may.
std::string Agenda::HeldByPast(const Entry& entry, const DagRun& run,
                               const std::string& task) const {
  if (!run.due || !run.batch.empty()) return {};  // what somebody asked for is not held
  const auto past = entry.memory.pasts.find(task);
  const TaskPast* const known = past == entry.memory.pasts.end() ? nullptr : &past->second;
  if (known != nullptr && known->due >= *run.due) return {};
  for (auto due = entry.dues.lower_bound(*run.due); due != entry.dues.begin();) {
    --due;
    if (known != nullptr && known->due > due->first) break;
    const ActiveRun& before = runs_.at(due->second);
    if (!before.run.prepared) {
      return fmt::format("run {} for {}, the one before, has not begun", before.run.id,
                         before.run.data_date);
    }
    const auto same = std::find_if(before.run.tasks.begin(), before.run.tasks.end(),
                                   [&](const Task& one) { return one.name == task; });
    if (same == before.run.tasks.end()) continue;
    if (!IsFinal(same->state)) {
      return fmt::format("{} of run {} for {}, the one before, has not ended (depends_on_past)",
                         task, before.run.id, before.run.data_date);
    }
    const auto good = before.Past(before.IndexOf(*same));
    if (!good) continue;
    if (*good) return {};
    return fmt::format(
        "{} of run {} for {}, the one before, did not succeed (depends_on_past); busker retry that "
        "run when it has ended",
        task, before.run.id, before.run.data_date);
  }
  if (known == nullptr || known->good) return {};
  return fmt::format(
      "{} of run {}, the one before, did not succeed (depends_on_past); busker retry that run, or "
      "busker skip {} {} goes on without it",
      task, known->run, run.id, task);
}

// Why nothing of the run could start if it were prepared; empty: something could. So a file that is
// mended while the run waits is the one that it runs with.
std::string Agenda::HeldAtRoots(const Entry& entry, const DagRun& run) const {
  if (!entry.graph || entry.graph->past_roots.empty()) return {};
  std::string why;
  for (const std::string& root : entry.graph->past_roots) {
    std::string held = HeldByPast(entry, run, root);
    if (held.empty()) return {};
    if (why.empty()) why = std::move(held);
  }
  return why;
}

std::size_t Agenda::AtWork(const Entry& entry) { return entry.active.size() - entry.parked.size(); }

bool Agenda::HasRoomFor(const Entry& entry, const DagRun& run) const {
  std::size_t before = AtWork(entry);
  if (run.due && run.batch.empty()) {
    before += static_cast<std::size_t>(
        std::count_if(entry.parked.begin(), entry.parked.end(),
                      [&](const std::string& id) { return *runs_.at(id).run.due < *run.due; }));
  }
  return before < RunsAtOnce(entry);
}

// Of a task whose trigger rule holds.
bool Agenda::MayStart(ActiveRun& active, const Task& task) {
  if (!task.depends_on_past && !active.parked) return true;
  Entry& entry = EntryOf(active.run.graph);
  if (task.depends_on_past && !HeldByPast(entry, active.run, task.name).empty()) {
    active.waits_for_past = true;
    entry.past_waiting.insert(active.run.id);
    settling_.push_back(active.run.id);
    return false;
  }
  if (!active.parked) return true;
  if (AtWork(entry) >= RunsAtOnce(entry)) return false;
  Unpark(entry, active);
  return true;
}

// When nothing of the run runs, or could.
void Agenda::Park(ActiveRun& active) {
  if (!active.waits_for_past || active.parked) return;
  if (active.stage != ActiveRun::Stage::kAdmitted) return;
  Entry& entry = EntryOf(active.run.graph);
  bool waits = false;
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) {
    const Task& task = active.run.tasks[i];
    if (IsFinal(task.state)) continue;
    if (task.state == State::kRunning || task.attempt_running) return;
    const ActiveRun::Verdict verdict = active.Judge(i);
    if (verdict == ActiveRun::Verdict::kWait) continue;
    if (verdict == ActiveRun::Verdict::kSkip || !task.depends_on_past) return;
    if (HeldByPast(entry, active.run, task.name).empty()) return;
    waits = true;
  }
  if (!waits) return;
  active.parked = true;
  entry.parked.insert(active.run.id);
  Touch(entry);
  JudgeAgain(active.run.graph);
}

void Agenda::Unpark(Entry& entry, ActiveRun& active) {
  active.parked = false;
  entry.parked.erase(active.run.id);
  Touch(entry);
}

// What waits for its past, or for room, in the runs of the graph may start now: that task of them,
// or any; and so may a run that is not prepared yet.
void Agenda::JudgeAgain(const GraphKey& graph, std::string task) {
  Entry& entry = EntryOf(graph);
  if (entry.graph && !entry.graph->past_roots.empty()) Touch(entry);
  if (!entry.past_waiting.empty()) again_.emplace_back(graph, std::move(task));
}

void Agenda::JudgeWaiting() {
  for (const auto& [graph, name] : std::exchange(again_, {})) {
    const std::set<std::string> waiting = EntryOf(graph).past_waiting;
    std::vector<std::pair<Instant, std::string>> oldest_first;
    for (const std::string& id : waiting) oldest_first.emplace_back(*runs_.at(id).run.due, id);
    std::sort(oldest_first.begin(), oldest_first.end());
    for (const auto& [_, id] : oldest_first) {
      ActiveRun* active = Find(id);
      if (active == nullptr) continue;
      if (name.empty()) {
        JudgeAll(*active);
      } else if (const Task* task = active->Find(name)) {
        Judge(*active, active->IndexOf(*task));
      }
    }
  }
}

}  // namespace busker::plan

#include "plan/past.h"

#include <fmt/core.h>

#include <algorithm>

namespace busker::plan {
namespace {

// What a run before, which has not ended, says about the same task.
struct Said {
  bool decides = false;  // no older run is asked
  std::string held;      // why the task may not start
};

Said SaidBy(const ActiveRun& before, const std::string& task) {
  const DagRun& run = before.run;
  if (!run.prepared) {
    return {true,
            fmt::format("run {} for {}, the one before, has not begun", run.id, run.data_date)};
  }
  const auto same = std::find_if(run.tasks.begin(), run.tasks.end(),
                                 [&](const Task& one) { return one.name == task; });
  if (same == run.tasks.end()) return {};
  if (!IsFinal(same->state)) {
    return {true, fmt::format("{} of run {} for {}, the one before, has not ended "
                              "(depends_on_past)",
                              task, run.id, run.data_date)};
  }
  const auto good = before.Past(before.IndexOf(*same));
  if (!good) return {};
  if (*good) return {true, ""};
  return {true, fmt::format("{} of run {} for {}, the one before, did not succeed "
                            "(depends_on_past); busker retry that run when it has ended",
                            task, run.id, run.data_date)};
}

}  // namespace

std::string HeldByPast(const GraphEntry& entry, const DagRun& run, const std::string& task) {
  if (!run.due || !run.batch.empty()) return {};  // what somebody asked for is not held
  const auto past = entry.memory.pasts.find(task);
  const TaskPast* const known = past == entry.memory.pasts.end() ? nullptr : &past->second;
  if (known != nullptr && known->due >= *run.due) return {};
  const auto& dues = entry.runs.dues();
  for (auto due = dues.lower_bound(*run.due); due != dues.begin();) {
    --due;
    if (known != nullptr && known->due > due->first) break;
    Said said = SaidBy(*due->second, task);
    if (said.decides) return std::move(said.held);
  }
  if (known == nullptr || known->good) return {};
  return fmt::format(
      "{} of run {}, the one before, did not succeed (depends_on_past); busker retry that run, or "
      "busker skip {} {} goes on without it",
      task, known->run, run.id, task);
}

std::string HeldAtRoots(const GraphEntry& entry, const DagRun& run) {
  if (!entry.graph || entry.graph->past_roots.empty()) return {};
  std::string why;
  for (const std::string& root : entry.graph->past_roots) {
    std::string held = HeldByPast(entry, run, root);
    if (held.empty()) return {};
    if (why.empty()) why = std::move(held);
  }
  return why;
}

bool IsHeldUp(const GraphEntry& entry, const ActiveRun& active) {
  bool waits = false;
  for (std::size_t i = 0; i < active.run.tasks.size(); ++i) {
    const Task& task = active.run.tasks[i];
    if (IsFinal(task.state)) continue;
    if (task.state == State::kRunning || task.attempt_running) return false;
    const ActiveRun::Verdict verdict = active.Judge(i);
    if (verdict == ActiveRun::Verdict::kWait) continue;
    if (verdict == ActiveRun::Verdict::kSkip || !task.depends_on_past) return false;
    if (HeldByPast(entry, active.run, task.name).empty()) return false;
    waits = true;
  }
  return waits;
}

}  // namespace busker::plan

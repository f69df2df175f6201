// Why something runs, waits or has ended, in a sentence.
#include <fmt/core.h>

#include <algorithm>

#include "base/plural.h"
#include "base/text.h"
#include "plan/agenda.h"
#include "plan/past.h"

namespace busker::plan {
namespace {

// The first few names, for a sentence.
std::string Few(std::vector<std::string> names) {
  constexpr std::size_t kShown = 3;
  const std::size_t count = names.size();
  if (count > kShown) names.resize(kShown);
  std::string text = Join(names, ", ");
  if (count > kShown) text += fmt::format(" and {} more", count - kShown);
  return text;
}

std::string AtTheLatest(const DagRun& run) {
  if (!run.deadline) return "";
  return fmt::format(", until {} at the latest", FormatRfc3339(*run.deadline));
}

std::string Preempted(const Task& task) {
  if (task.preemptions == 0) return "";
  return fmt::format(" ({} before it {} preempted)", task.preemptions,
                     task.preemptions == 1 ? "was" : "were");
}

std::string Ended(const Task& task) {
  const bool acted = task.state == State::kSucceeded || task.state == State::kFailed;
  return fmt::format("{} {}{}{}", task.name, acted ? "" : "was ", NameOf(task.state),
                     task.message.empty() ? "" : ": " + task.message);
}

// Those of the tasks before it that have not ended.
std::vector<std::string> Open(const DagRun& run, const Task& task) {
  std::vector<std::string> open;
  for (const std::string& other : task.after) {
    const auto before = std::find_if(run.tasks.begin(), run.tasks.end(),
                                     [&](const Task& one) { return one.name == other; });
    if (before != run.tasks.end() && !IsFinal(before->state)) open.push_back(other);
  }
  return open;
}

// Of a task of a run at work, which waits.
std::string WhyTaskWaits(const GraphEntry& entry, const ActiveRun& active, const Task& task,
                         const ReadyQueue& ready, Instant now) {
  const std::size_t index = active.IndexOf(task);
  if (task.not_before && *task.not_before > now) {
    return fmt::format("waits until {} for its attempt {}: {}", FormatRfc3339(*task.not_before),
                       task.attempts + 1, task.message);
  }
  if (active.Judge(index) == ActiveRun::Verdict::kWait) {
    return fmt::format("waits for {} ({})", Few(Open(active.run, task)), NameOf(task.rule));
  }
  if (task.depends_on_past) {
    const std::string held = HeldByPast(entry, active.run, task.name);
    if (!held.empty()) return "waits: " + held;
  }
  if (active.parked) {
    return fmt::format("waits for other runs to end: {} may run at once", entry.RunsAtOnce());
  }
  return ready.Explain(MakeReady(active.run, active.order, index));
}

// Of a run at work.
std::string HowFar(const GraphEntry& entry, const DagRun& run,
                   const std::vector<std::string>& running) {
  const auto ended = std::count_if(run.tasks.begin(), run.tasks.end(),
                                   [](const Task& task) { return IsFinal(task.state); });
  const bool leads_on = run.batch.empty() || entry.downstream.empty();
  return fmt::format("run {} of {} for {} runs {} (trigger: {}{}); {} of {} {} ended{}", run.id,
                     run.graph, run.data_date, Few(running), run.trigger,
                     leads_on ? "" : ", so nothing follows that runs after it", ended,
                     Plural(run.tasks.size(), "task"), run.tasks.size() == 1 ? "has" : "have",
                     AtTheLatest(run));
}

}  // namespace

std::string Agenda::ExplainTask(const std::string& id, const std::string& name, Instant now) const {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return fmt::format("run {} has ended", id);
  const ActiveRun& active = found->second;
  const DagRun& run = active.run;
  const auto at = std::find_if(run.tasks.begin(), run.tasks.end(),
                               [&](const Task& task) { return task.name == name; });
  if (at == run.tasks.end()) return fmt::format("run {} has no task {}", id, name);
  if (at->state == State::kRunning) {
    return fmt::format("{} runs: attempt {} of at most {}{}{}{}", name, at->attempts,
                       at->attempts_max, Preempted(*at),
                       run.cancel_requested ? ", told to stop" : "", AtTheLatest(run));
  }
  if (IsFinal(at->state)) return Ended(*at);
  if (active.stage != ActiveRun::Stage::kAdmitted) return ExplainRun(id, now);
  const GraphEntry& entry = *graphs_.Find(run.graph);
  return fmt::format("{} {}{}", name, WhyTaskWaits(entry, active, *at, ready_, now),
                     AtTheLatest(run));
}

std::string Agenda::ExplainRun(const std::string& id, Instant now) const {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return fmt::format("run {} has ended", id);
  const ActiveRun& active = found->second;
  const DagRun& run = active.run;
  switch (active.stage) {
    case ActiveRun::Stage::kPreparing:
      return Admission::ExplainPreparing(active, now);
    case ActiveRun::Stage::kWaiting:
      return admission_.ExplainWaiting(active);
    case ActiveRun::Stage::kAdmitted:
      break;
  }
  std::vector<std::string> running;
  const Task* waiting = nullptr;
  for (const Task& task : run.tasks) {
    if (task.state == State::kRunning) running.push_back(task.name);
    if (task.state == State::kQueued && waiting == nullptr) waiting = &task;
  }
  if (running.empty() && waiting != nullptr) {
    return fmt::format("run {} of {} for {}: {}", id, run.graph, run.data_date,
                       ExplainTask(id, waiting->name, now));
  }
  return HowFar(*graphs_.Find(run.graph), run, running);
}

std::string Agenda::ExplainGraph(const GraphKey& key, Instant now) const {
  const GraphEntry* entry = graphs_.Find(key);
  if (entry == nullptr) return fmt::format("{} is not known", key);
  if (!entry->graph) {
    const std::vector<std::string> unfinished = UnfinishedOf(key);
    if (!unfinished.empty()) return ExplainRun(unfinished.front(), now);
    return fmt::format("{} does not run: {}", key,
                       entry->missing.empty() ? "no file defines it" : entry->missing);
  }
  const Graph& graph = *entry->graph;
  if (entry->memory.paused) {
    return fmt::format("{} is paused by {}: nothing of it starts by itself until busker resume",
                       key, entry->memory.paused_by);
  }
  const std::vector<std::string> unfinished = UnfinishedOf(key);
  if (!unfinished.empty()) return ExplainRun(unfinished.front(), now);
  const std::vector<Instant> coming = Coming(key, now, 1);
  if (!coming.empty()) {
    return fmt::format("{} runs next at {}, by its schedule \"{}\" in {}", key,
                       FormatRfc3339(coming.front()), graph.schedule_text, graph.zone);
  }
  if (!graph.after.empty()) {
    return fmt::format("{} runs after a success of {}; runs of a backfill do not count", key,
                       Few(TextsOf(graph.after)));
  }
  if (graph.schedule_text.empty()) {
    return fmt::format("{} has no schedule: it runs when somebody starts it", key);
  }
  return fmt::format("{} has no instant of its schedule \"{}\" to come", key, graph.schedule_text);
}

}  // namespace busker::plan

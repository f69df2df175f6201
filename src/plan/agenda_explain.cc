// Why something runs, waits or has ended, in a sentence.
#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "plan/agenda.h"
#include "plan/timetable.h"

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

}  // namespace

std::string Agenda::ExplainTask(const std::string& id, const std::string& name, Instant now) const {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return fmt::format("run {} has ended", id);
  const ActiveRun& active = found->second;
  const DagRun& run = active.run;
  const auto at = std::find_if(run.tasks.begin(), run.tasks.end(),
                               [&](const Task& task) { return task.name == name; });
  if (at == run.tasks.end()) return fmt::format("run {} has no task {}", id, name);
  const Task& task = *at;
  const auto index = static_cast<std::size_t>(at - run.tasks.begin());
  if (task.state == State::kRunning) {
    return fmt::format("{} runs: attempt {} of at most {}{}{}", name, task.attempts,
                       task.attempts_max, run.cancel_requested ? ", told to stop" : "",
                       AtTheLatest(run));
  }
  if (IsFinal(task.state)) {
    const bool acted = task.state == State::kSucceeded || task.state == State::kFailed;
    return fmt::format("{} {}{}{}", name, acted ? "" : "was ", NameOf(task.state),
                       task.message.empty() ? "" : ": " + task.message);
  }
  if (active.stage != ActiveRun::Stage::kAdmitted) return ExplainRun(id, now);
  if (task.not_before && *task.not_before > now) {
    return fmt::format("{} waits until {} for its attempt {}: {}{}", name,
                       FormatRfc3339(*task.not_before), task.attempts + 1, task.message,
                       AtTheLatest(run));
  }
  if (active.Judge(index) == ActiveRun::Verdict::kWait) {
    std::vector<std::string> open;
    for (const std::string& other : task.after) {
      const auto before = std::find_if(run.tasks.begin(), run.tasks.end(),
                                       [&](const Task& one) { return one.name == other; });
      if (before != run.tasks.end() && !IsFinal(before->state)) open.push_back(other);
    }
    return fmt::format("{} waits for {} ({}){}", name, Few(open), NameOf(task.rule),
                       AtTheLatest(run));
  }
  if (task.depends_on_past || active.parked) {
    const Entry& entry = *FindEntry(run.graph);
    const std::string held =
        task.depends_on_past ? HeldByPast(entry, run, task.name) : std::string();
    if (!held.empty()) return fmt::format("{} waits: {}{}", name, held, AtTheLatest(run));
    if (active.parked) {
      return fmt::format("{} waits for other runs to end: {} may run at once{}", name,
                         RunsAtOnce(entry), AtTheLatest(run));
    }
  }
  return fmt::format("{} {}{}", name, ready_.Explain(MakeReady(run, active.order, index)),
                     AtTheLatest(run));
}

std::string Agenda::ExplainRun(const std::string& id, Instant now) const {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return fmt::format("run {} has ended", id);
  const ActiveRun& active = found->second;
  const DagRun& run = active.run;
  if (active.stage == ActiveRun::Stage::kPreparing) {
    if (now - active.preparing_since < kPrepareUsual) {
      return fmt::format("run {} is being prepared", id);
    }
    return fmt::format(
        "run {} is being prepared since {}, longer than usual: its artifact store, or the disk of "
        "the home, may not answer; busker cancel {} ends it",
        id, FormatRfc3339(active.preparing_since), id);
  }
  if (active.stage == ActiveRun::Stage::kWaiting) {
    const Entry& entry = *FindEntry(run.graph);
    std::string why = WaitsFor(entry, active);
    if (why.empty() && entry.line->preparing >= entry.line->preparing_max) {
      why = fmt::format("{} other runs of {} are being prepared", entry.line->preparing,
                        ServiceOf(run.graph));
    }
    if (why.empty()) why = "other runs go first";
    return fmt::format("run {} of {} for {} is queued: {}", id, run.graph, run.data_date, why);
  }
  std::vector<std::string> running;
  const Task* waiting = nullptr;
  std::size_t ended = 0;
  for (const Task& task : run.tasks) {
    if (task.state == State::kRunning) running.push_back(task.name);
    if (IsFinal(task.state)) ++ended;
    if (task.state == State::kQueued && waiting == nullptr) waiting = &task;
  }
  if (running.empty() && waiting != nullptr) {
    return fmt::format("run {} of {} for {}: {}", id, run.graph, run.data_date,
                       ExplainTask(id, waiting->name, now));
  }
  const bool leads_on = run.batch.empty() || FindEntry(run.graph)->downstream.empty();
  return fmt::format("run {} of {} for {} runs {} (trigger: {}{}); {} of {} tasks have ended{}", id,
                     run.graph, run.data_date, Few(running), run.trigger,
                     leads_on ? "" : ", so nothing follows that runs after it", ended,
                     run.tasks.size(), AtTheLatest(run));
}

std::string Agenda::ExplainGraph(const GraphKey& key, Instant now) const {
  const Entry* entry = FindEntry(key);
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
                       Few(graph.after));
  }
  if (graph.schedule_text.empty()) {
    return fmt::format("{} has no schedule: it runs when somebody starts it", key);
  }
  return fmt::format("{} has no instant of its schedule \"{}\" to come", key, graph.schedule_text);
}

}  // namespace busker::plan

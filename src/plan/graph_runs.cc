#include "plan/graph_runs.h"

#include <algorithm>

namespace busker::plan {

Candidate::Candidate(ActiveRun& active)
    : backfill(!active.run.batch.empty()),
      priority(active.run.priority),
      order(active.order),
      run(&active) {}

const GraphRuns::Runs& GraphRuns::All() const {
  static const Runs none;
  return runs_ ? *runs_ : none;
}

GraphRuns::Runs& GraphRuns::Kept() {
  if (!runs_) runs_ = std::make_unique<Runs>();
  return *runs_;
}

void GraphRuns::Add(ActiveRun& active) {
  if (active.run.due) Kept().dues.emplace(*active.run.due, &active);
  File(active);
}

void GraphRuns::Restage(ActiveRun& active, ActiveRun::Stage stage) {
  const bool stays =
      active.stage != ActiveRun::Stage::kWaiting && stage != ActiveRun::Stage::kWaiting;
  if (!stays) Unfile(active);
  active.stage = stage;
  if (!stays) File(active);
}

void GraphRuns::Remove(ActiveRun& active) {
  Unfile(active);
  Runs& runs = Kept();
  if (const auto batch = runs.batches.find(active.run.batch);
      batch != runs.batches.end() && batch->second.waiting.empty() && batch->second.active == 0) {
    runs.batches.erase(batch);
  }
  runs.parked.erase(&active);
  runs.awaiting_past.erase(&active);
  const auto due = active.run.due ? runs.dues.find(*active.run.due) : runs.dues.end();
  if (due != runs.dues.end() && due->second == &active) runs.dues.erase(due);
  const bool has_some = !runs.by_hand.empty() || !runs.scheduled.empty() || !runs.batches.empty() ||
                        !runs.active.empty() || !runs.dues.empty();
  if (!has_some) runs_.reset();
}

void GraphRuns::File(ActiveRun& active) {
  if (active.stage == ActiveRun::Stage::kWaiting) {
    WaitingLike(active.run).insert(Candidate(active));
    return;
  }
  Kept().active.insert(&active);
  if (!active.run.batch.empty()) ++Kept().batches[active.run.batch].active;
}

void GraphRuns::Unfile(ActiveRun& active) {
  if (active.stage == ActiveRun::Stage::kWaiting) {
    WaitingLike(active.run).erase(Candidate(active));
    return;
  }
  Kept().active.erase(&active);
  if (!active.run.batch.empty()) --Kept().batches[active.run.batch].active;
}

Candidates& GraphRuns::WaitingLike(const DagRun& run) {
  if (!run.batch.empty()) return Kept().batches[run.batch].waiting;
  return run.due ? Kept().scheduled : Kept().by_hand;
}

void GraphRuns::AwaitPast(ActiveRun& active) {
  active.waits_for_past = true;
  Kept().awaiting_past.insert(&active);
}

void GraphRuns::Park(ActiveRun& active) {
  active.parked = true;
  Kept().parked.insert(&active);
}

void GraphRuns::Unpark(ActiveRun& active) {
  active.parked = false;
  Kept().parked.erase(&active);
}

std::vector<ActiveRun*> GraphRuns::Waiting() const {
  std::vector<ActiveRun*> runs;
  const auto add = [&](const Candidates& waiting) {
    for (const Candidate& candidate : waiting) runs.push_back(candidate.run);
  };
  add(by_hand());
  add(scheduled());
  for (const auto& [_, batch] : batches()) add(batch.waiting);
  return runs;
}

std::vector<ActiveRun*> GraphRuns::OldestFirst() const {
  std::vector<ActiveRun*> runs = Waiting();
  runs.insert(runs.end(), active().begin(), active().end());
  std::sort(runs.begin(), runs.end(),
            [](const ActiveRun* a, const ActiveRun* b) { return a->order < b->order; });
  return runs;
}

const ActiveRun* GraphRuns::FirstOther(Instant now) const {
  for (const ActiveRun* active : active()) {
    if (active->run.batch.empty()) return active;
  }
  for (const Candidates* waiting : {&scheduled(), &by_hand()}) {
    for (const Candidate& candidate : *waiting) {
      if (!IsToCome(candidate.run->run, now)) return candidate.run;
    }
  }
  return nullptr;
}

const ActiveRun* GraphRuns::FirstRunning() const {
  const auto found = std::find_if(active().begin(), active().end(), [](const ActiveRun* active) {
    return active->run.state == State::kRunning;
  });
  return found == active().end() ? nullptr : *found;
}

}  // namespace busker::plan

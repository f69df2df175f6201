#include "plan/graph_runs.h"

#include <algorithm>

namespace busker::plan {

Candidate::Candidate(ActiveRun& active)
    : backfill(!active.run.batch.empty()),
      priority(active.run.priority),
      order(active.order),
      run(&active) {}

void GraphRuns::Add(ActiveRun& active) {
  if (active.run.due) dues_.emplace(*active.run.due, &active);
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
  if (const auto batch = batches_.find(active.run.batch);
      batch != batches_.end() && batch->second.waiting.empty() && batch->second.active == 0) {
    batches_.erase(batch);
  }
  parked_.erase(&active);
  awaiting_past_.erase(&active);
  const auto due = active.run.due ? dues_.find(*active.run.due) : dues_.end();
  if (due != dues_.end() && due->second == &active) dues_.erase(due);
}

void GraphRuns::File(ActiveRun& active) {
  if (active.stage == ActiveRun::Stage::kWaiting) {
    WaitingLike(active.run).insert(Candidate(active));
    return;
  }
  active_.insert(&active);
  if (!active.run.batch.empty()) ++batches_[active.run.batch].active;
}

void GraphRuns::Unfile(ActiveRun& active) {
  if (active.stage == ActiveRun::Stage::kWaiting) {
    WaitingLike(active.run).erase(Candidate(active));
    return;
  }
  active_.erase(&active);
  if (!active.run.batch.empty()) --batches_[active.run.batch].active;
}

Candidates& GraphRuns::WaitingLike(const DagRun& run) {
  if (!run.batch.empty()) return batches_[run.batch].waiting;
  return run.due ? scheduled_ : by_hand_;
}

void GraphRuns::AwaitPast(ActiveRun& active) {
  active.waits_for_past = true;
  awaiting_past_.insert(&active);
}

void GraphRuns::Park(ActiveRun& active) {
  active.parked = true;
  parked_.insert(&active);
}

void GraphRuns::Unpark(ActiveRun& active) {
  active.parked = false;
  parked_.erase(&active);
}

std::vector<ActiveRun*> GraphRuns::Waiting() const {
  std::vector<ActiveRun*> runs;
  const auto add = [&](const Candidates& waiting) {
    for (const Candidate& candidate : waiting) runs.push_back(candidate.run);
  };
  add(by_hand_);
  add(scheduled_);
  for (const auto& [_, batch] : batches_) add(batch.waiting);
  return runs;
}

std::vector<ActiveRun*> GraphRuns::OldestFirst() const {
  std::vector<ActiveRun*> runs = Waiting();
  runs.insert(runs.end(), active_.begin(), active_.end());
  std::sort(runs.begin(), runs.end(),
            [](const ActiveRun* a, const ActiveRun* b) { return a->order < b->order; });
  return runs;
}

const ActiveRun* GraphRuns::FirstOther(Instant now) const {
  for (const ActiveRun* active : active_) {
    if (active->run.batch.empty()) return active;
  }
  for (const Candidates* waiting : {&scheduled_, &by_hand_}) {
    for (const Candidate& candidate : *waiting) {
      if (!IsToCome(candidate.run->run, now)) return candidate.run;
    }
  }
  return nullptr;
}

const ActiveRun* GraphRuns::FirstRunning() const {
  const auto found = std::find_if(active_.begin(), active_.end(), [](const ActiveRun* active) {
    return active->run.state == State::kRunning;
  });
  return found == active_.end() ? nullptr : *found;
}

}  // namespace busker::plan

#include "plan/active_run.h"

#include <algorithm>
#include <utility>

namespace busker::plan {

ActiveRun::ActiveRun(DagRun dag_run, std::uint64_t place) : run(std::move(dag_run)), order(place) {
  Index();
}

void ActiveRun::Index() {
  by_name_.clear();
  successors_.assign(run.tasks.size(), {});
  before_.assign(run.tasks.size(), {});
  final_ = 0;
  for (std::size_t i = 0; i < run.tasks.size(); ++i) by_name_.emplace(run.tasks[i].name, i);
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    for (const std::string& name : run.tasks[i].after) {
      const auto found = by_name_.find(name);
      if (found == by_name_.end()) continue;
      successors_[found->second].push_back(i);
      ++before_[i].all;
    }
  }
  // In this order each task's own counts are complete before it is asked whether it is bad.
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    if (IsFinal(run.tasks[i].state)) NoteFinal(i);
  }
}

Task* ActiveRun::Find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &run.tasks[found->second];
}

std::size_t ActiveRun::IndexOf(const Task& task) const {
  return static_cast<std::size_t>(&task - run.tasks.data());
}

ActiveRun::Verdict ActiveRun::Judge(std::size_t task) const {
  const Before& before = before_[task];
  const bool all_final = before.final == before.all;
  switch (run.tasks[task].rule) {
    case TriggerRule::kAllSuccess:
      // One that was skipped for no failure does not decide before the others have ended: whether
      // this one is skipped because of a failure must not depend on which was first.
      if (before.bad > 0) return Verdict::kSkip;
      if (!all_final) return Verdict::kWait;
      return before.good == before.all ? Verdict::kStart : Verdict::kSkip;
    case TriggerRule::kAllDone:
      return all_final ? Verdict::kStart : Verdict::kWait;
    case TriggerRule::kOneFailed:
      if (before.bad > 0) return Verdict::kStart;
      return all_final ? Verdict::kSkip : Verdict::kWait;
    case TriggerRule::kNoneFailed:
      if (before.bad > 0) return Verdict::kSkip;
      return all_final ? Verdict::kStart : Verdict::kWait;
  }
  return Verdict::kWait;
}

const Task* ActiveRun::Blocker(std::size_t task) const {
  const Task* skipped = nullptr;
  for (const std::string& name : run.tasks[task].after) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) continue;
    const Task& other = run.tasks[found->second];
    if (IsBad(found->second)) return &other;
    if (other.state == State::kSkipped && !other.waived) skipped = &other;
  }
  return run.tasks[task].rule == TriggerRule::kAllSuccess ? skipped : nullptr;
}

const std::vector<std::size_t>& ActiveRun::NoteFinal(std::size_t task) {
  ++final_;
  const bool good = run.tasks[task].state == State::kSucceeded || run.tasks[task].waived;
  const bool bad = IsBad(task);
  for (const std::size_t next : successors_[task]) {
    ++before_[next].final;
    if (good) ++before_[next].good;
    if (bad) ++before_[next].bad;
  }
  return successors_[task];
}

State ActiveRun::Outcome(const Task** decider) const {
  *decider = nullptr;
  for (const State state : {State::kFailed, State::kCancelled}) {
    const auto found = std::find_if(run.tasks.begin(), run.tasks.end(),
                                    [&](const Task& task) { return task.state == state; });
    if (found == run.tasks.end()) continue;
    *decider = &*found;
    return state;
  }
  return State::kSucceeded;
}

std::optional<bool> ActiveRun::Past(std::size_t task) const {
  const Task& it = run.tasks[task];
  if (it.state == State::kCancelled && it.attempts == 0) return std::nullopt;
  return it.state == State::kSucceeded || it.waived ||
         (it.state == State::kSkipped && !IsBad(task));
}

bool ActiveRun::IsBad(std::size_t task) const {
  const Task& it = run.tasks[task];
  if (it.waived) return false;
  if (it.state == State::kFailed || it.state == State::kCancelled) return true;
  return it.state == State::kSkipped && it.rule != TriggerRule::kOneFailed && before_[task].bad > 0;
}

}  // namespace busker::plan

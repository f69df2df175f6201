#include "plan/advance.h"

#include <fmt/format.h>

#include <algorithm>

namespace busker::plan {
namespace {

// One call of Advance: collects decisions while it changes the runs.
class Step {
 public:
  Step(Runs& runs, Instant now) : runs_(runs), now_(now) {}

  void Take(const RunRequested& event) { runs_.emplace(event.run.id, event.run); }

  void Take(const AttemptEnded& event) {
    DagRun* run = Find(event.run);
    Task* task = run == nullptr ? nullptr : FindTask(*run, event.task);
    if (task == nullptr || !task->attempt_running || task->attempts != event.number) return;
    task->attempt_running = false;
    if (event.succeeded && !run->cancel_requested) {
      Move(*run, *task, State::kSucceeded, "");
    } else if (event.cancelled || run->cancel_requested) {
      Move(*run, *task, State::kCancelled, run->cancel_requested ? task->message : event.message);
    } else if (task->attempts <= task->retries) {
      task->not_before = now_ + RetryDelay(*task, task->attempts + 1);
      task->message = event.message;
      Move(*run, *task, State::kQueued, event.message);
      decisions_.push_back(
          RetryPlanned{run->id, task->name, task->attempts + 1, *task->not_before, event.message});
    } else {
      Move(*run, *task, State::kFailed, event.message);
    }
  }

  void Take(const CancelRequested& event) {
    DagRun* run = Find(event.run);
    if (run == nullptr || run->cancel_requested) return;
    run->cancel_requested = true;
    for (Task& task : run->tasks) {
      if (!IsFinal(task.state)) task.message = "cancelled by " + event.by;
      if (task.attempt_running) {
        decisions_.push_back(StopAttempt{run->id, task.name, task.attempts});
      } else if (!IsFinal(task.state)) {
        Move(*run, task, State::kCancelled, "cancelled by " + event.by);
      }
    }
  }

  // Starts what is ready, skips what never will be, ends what is done.
  void Proceed(DagRun& run) {
    for (Task& task : run.tasks) {
      if (task.state != State::kQueued || run.cancel_requested) continue;
      if (const Task* blocker = Blocker(run, task)) {
        Move(run, task, State::kSkipped,
             fmt::format("{} {}{}", blocker->name, blocker->state == State::kFailed ? "" : "was ",
                         NameOf(blocker->state)));
      } else if (Ready(run, task)) {
        if (task.not_before && *task.not_before > now_) {
          wake_at_ = std::min(wake_at_.value_or(*task.not_before), *task.not_before);
          continue;
        }
        Start(run, task);
      }
    }
    Settle(run);
  }

  Advanced Finish() {
    for (auto run = runs_.begin(); run != runs_.end();) {
      Proceed(run->second);
      run = IsFinal(run->second.state) ? runs_.erase(run) : std::next(run);
    }
    return {std::move(decisions_), wake_at_};
  }

 private:
  DagRun* Find(const std::string& id) {
    const auto found = runs_.find(id);
    return found == runs_.end() ? nullptr : &found->second;
  }

  static Task* FindTask(DagRun& run, const std::string& name) {
    const auto found = std::find_if(run.tasks.begin(), run.tasks.end(),
                                    [&](const Task& task) { return task.name == name; });
    return found == run.tasks.end() ? nullptr : &*found;
  }

  // A task that `task` waits for and that ended otherwise than well.
  static const Task* Blocker(DagRun& run, const Task& task) {
    for (const std::string& name : task.after) {
      const Task* other = FindTask(run, name);
      if (other != nullptr && IsFinal(other->state) && other->state != State::kSucceeded) {
        return other;
      }
    }
    return nullptr;
  }

  static bool Ready(DagRun& run, const Task& task) {
    return std::all_of(task.after.begin(), task.after.end(), [&](const std::string& name) {
      const Task* other = FindTask(run, name);
      return other != nullptr && other->state == State::kSucceeded;
    });
  }

  void Start(DagRun& run, Task& task) {
    ++task.attempts;
    task.attempt_running = true;
    task.not_before.reset();
    if (run.state == State::kQueued) Move(run, State::kRunning, "");
    Move(run, task, State::kRunning, "");
    decisions_.push_back(StartAttempt{run.id, task.name, task.attempts});
  }

  // The run's state from its tasks': any failed -> failed, else any cancelled -> cancelled, ...
  void Settle(DagRun& run) {
    if (IsFinal(run.state)) return;
    const auto all_final = std::all_of(run.tasks.begin(), run.tasks.end(),
                                       [](const Task& task) { return IsFinal(task.state); });
    if (!all_final) return;
    const auto decide = [&](State state) {
      const auto found = std::find_if(run.tasks.begin(), run.tasks.end(),
                                      [&](const Task& task) { return task.state == state; });
      if (found == run.tasks.end()) return false;
      Move(run, state,
           found->message.empty() ? "" : fmt::format("{}: {}", found->name, found->message));
      return true;
    };
    if (!decide(State::kFailed) && !decide(State::kCancelled)) Move(run, State::kSucceeded, "");
  }

  void Move(DagRun& run, Task& task, State to, std::string message) {
    if (task.state == to) return;
    decisions_.push_back(TaskChanged{run.id, task.name, task.state, to, message});
    task.state = to;
    if (!message.empty()) task.message = std::move(message);
  }

  void Move(DagRun& run, State to, std::string message) {
    decisions_.push_back(RunChanged{run.id, run.state, to, message});
    run.state = to;
    run.message = std::move(message);
  }

  Runs& runs_;
  const Instant now_;
  std::vector<Decision> decisions_;
  std::optional<Instant> wake_at_;
};

}  // namespace

Advanced Advance(Runs& runs, std::span<const Event> events, Instant now) {
  Step step(runs, now);
  for (const Event& event : events) {
    std::visit([&](const auto& what) { step.Take(what); }, event);
  }
  return step.Finish();
}

}  // namespace busker::plan

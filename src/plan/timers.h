// What the agenda waits for: instants, and what is to be looked at then. A timer is never taken
// back; whoever set it knows, when it fires, whether it still counts.
#pragma once

#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"

namespace busker::plan {

// Of a run: kRetry (of its task `task`), kDeadline, kPrepareLong. Of a graph: the others.
enum class TimerKind { kRetry, kDeadline, kSchedule, kExpected, kPrepare, kPrepareLong };

struct Timer {
  Instant at;
  TimerKind kind;
  std::string key;  // of the run, or of the graph
  std::size_t task = 0;
  // Those of one instant by their keys: so the record, which is ordered by those, too, is written
  // from front to back when thousands come due at once.
  bool operator>(const Timer& other) const {
    return std::tie(at, key, kind) > std::tie(other.at, other.key, other.kind);
  }
};

class Timers {
 public:
  void Set(Instant at, TimerKind kind, std::string key, std::size_t task = 0) {
    queue_.push({at, kind, std::move(key), task});
  }

  // The next whose time has come, which is then gone; nullopt: none.
  std::optional<Timer> TakeDue(Instant now) {
    if (queue_.empty() || queue_.top().at > now) return std::nullopt;
    Timer timer = queue_.top();
    queue_.pop();
    return timer;
  }

  // The next instant at which one fires, after those have gone that are `needless`.
  template <typename Needless>
  std::optional<Instant> Next(const Needless& needless) {
    while (!queue_.empty() && needless(queue_.top())) queue_.pop();
    if (queue_.empty()) return std::nullopt;
    return queue_.top().at;
  }

 private:
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> queue_;
};

}  // namespace busker::plan

#include "plan/run.h"

#include <algorithm>
#include <array>

namespace busker::plan {
namespace {

constexpr std::array<std::string_view, 6> kStateNames = {"queued", "running",   "succeeded",
                                                         "failed", "cancelled", "skipped"};

}  // namespace

std::string_view NameOf(State state) { return kStateNames[static_cast<std::size_t>(state)]; }

std::optional<State> ParseState(std::string_view name) {
  const auto found = std::find(kStateNames.begin(), kStateNames.end(), name);
  if (found == kStateNames.end()) return std::nullopt;
  return static_cast<State>(found - kStateNames.begin());
}

bool IsFinal(State state) { return state != State::kQueued && state != State::kRunning; }

Milliseconds BeginDelay(int tries) {
  constexpr Milliseconds kFirst = std::chrono::seconds(1);
  constexpr Milliseconds kLongest = std::chrono::minutes(5);
  return std::min(kFirst * (1L << std::clamp(tries - 1, 0, 20)), kLongest);
}

std::string SharedPlace(const Task& task) { return task.place.substr(0, task.place.find('?')); }

Milliseconds RetryDelay(const Task& task, int attempt) {
  const Milliseconds first = std::max(task.retry_delay, Milliseconds(0));
  if (!task.exponential) return first;
  const int doublings = std::clamp(attempt - 2 - task.preemptions, 0, 20);
  return std::min(first * (1L << doublings), std::max(task.retry_delay_max, first));
}

}  // namespace busker::plan

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

Milliseconds RetryDelay(const Task& task, int attempt) {
  constexpr Milliseconds kLongest = std::chrono::hours(1);
  const int doublings = std::clamp(attempt - 2, 0, 20);
  return std::min(std::max(task.retry_delay, Milliseconds(0)) * (1L << doublings),
                  std::max(kLongest, task.retry_delay));
}

}  // namespace busker::plan

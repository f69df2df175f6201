#include "dispatch/preparer.h"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace busker::dispatch {
namespace {

using Clock = std::chrono::steady_clock;

struct Job {
  std::uint64_t number = 0;
  std::string service;
  plan::DagRun run;
};

}  // namespace

struct Preparer::State {
  State(Prepare how, Done tell, Limits bounds)
      : prepare(std::move(how)), done(std::move(tell)), limits(bounds) {}

  const Prepare prepare;
  const Done done;
  const Limits limits;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::list<Job> waiting;                         // oldest first
  std::map<std::string, Clock::time_point> busy;  // services that are worked for, since when
  std::size_t threads = 0;
  std::size_t telling = 0;  // of them, those that tell what became of a run
  std::uint64_t numbers = 0;
  bool closed = false;

  std::size_t Free() const { return threads - busy.size(); }
  bool IsUsual(Clock::time_point since) const { return Clock::now() - since < limits.usual; }
  std::optional<Job> TakeNext();
  void Wait(std::unique_lock<std::mutex>& lock);
};

// The oldest of a service that nobody works for, if there is a place.
std::optional<Job> Preparer::State::TakeNext() {
  const auto counted =
      std::count_if(busy.begin(), busy.end(), [&](const auto& one) { return IsUsual(one.second); });
  if (static_cast<std::size_t>(counted) >= limits.at_once) return std::nullopt;
  const auto next = std::find_if(waiting.begin(), waiting.end(),
                                 [&](const Job& job) { return !busy.contains(job.service); });
  if (next == waiting.end()) return std::nullopt;
  Job job = std::move(*next);
  waiting.erase(next);
  return job;
}

// Until something changes, or somebody has been at work for so long that there is a place.
void Preparer::State::Wait(std::unique_lock<std::mutex>& lock) {
  std::optional<Clock::time_point> until;
  for (const auto& [_, since] : busy) {
    if (!waiting.empty() && IsUsual(since)) {
      until = std::min(until.value_or(Clock::time_point::max()), since + limits.usual);
    }
  }
  if (until) {
    changed.wait_until(lock, *until);
  } else {
    changed.wait(lock);
  }
}

Preparer::Preparer(Prepare prepare, Done done, Limits limits)
    : state_(std::make_shared<State>(std::move(prepare), std::move(done), limits)) {}

Preparer::~Preparer() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->waiting.clear();
  state_->changed.notify_all();
  state_->changed.wait_for(lock, state_->limits.patience, [&] { return state_->threads == 0; });
  // Whoever is telling what became of a run is waited for: what it tells of is about to go.
  state_->changed.wait(lock, [&] { return state_->telling == 0; });
}

Result<std::uint64_t> Preparer::Begin(const plan::DagRun& run) {
  const std::lock_guard lock(state_->mutex);
  TRY(HaveOneFree(state_));
  const std::uint64_t number = ++state_->numbers;
  state_->waiting.push_back({number, run.graph.service, run});
  state_->changed.notify_one();
  return number;
}

void Preparer::Drop(std::uint64_t number) {
  const std::lock_guard lock(state_->mutex);
  state_->waiting.remove_if([&](const Job& job) { return job.number == number; });
}

// Somebody has to see that there is work, or that another has been at it for too long. The mutex is
// held.
Result<void> Preparer::HaveOneFree(const std::shared_ptr<State>& state) {
  if (state->Free() > 0) return {};
  if (state->threads >= state->limits.threads_max) {
    return Temporary(
        fmt::format("the preparing of {} runs does not come to an end", state->busy.size()));
  }
  try {
    std::thread([state] { Work(state); }).detach();
  } catch (const std::system_error& error) {
    return Temporary(fmt::format("no thread can be started to prepare it: {}", error.what()));
  }
  ++state->threads;
  return {};
}

void Preparer::Work(const std::shared_ptr<State>& shared) {
  State& state = *shared;
  std::unique_lock lock(state.mutex);
  while (!state.closed) {
    std::optional<Job> job = state.TakeNext();
    if (!job) {
      if (state.Free() > state.limits.at_once) break;  // the others are enough
      state.Wait(lock);
      continue;
    }
    state.busy.emplace(job->service, Clock::now());
    // Where there is no thread for it, the next run that is to be prepared is told so.
    if (!state.waiting.empty()) (void)HaveOneFree(shared);
    lock.unlock();
    Result<Prepared> result = state.prepare(job->run);
    lock.lock();
    if (state.closed) break;
    ++state.telling;
    lock.unlock();
    state.done({job->number, std::move(job->run.id), std::move(result)});
    lock.lock();
    --state.telling;
    state.busy.erase(job->service);
    state.changed.notify_all();
  }
  --state.threads;
  state.changed.notify_all();
}

}  // namespace busker::dispatch

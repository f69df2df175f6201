// What the conductor has done since it began, in numbers, for those who watch it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "plan/run.h"

namespace busker::dispatch {

// How often a time was how long. One thread adds, any reads.
class Histogram {
 public:
  using Microseconds = std::chrono::microseconds;
  // In seconds; what is longer than the last is counted behind it.
  static constexpr std::array<double, 11> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.1,
                                                     0.5,   1,      10,    60,   600};

  void Add(Microseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    ++counts_[bucket];
    sum_us_ += static_cast<std::uint64_t>(std::max<Microseconds::rep>(time.count(), 0));
  }

  std::uint64_t CountIn(std::size_t bucket) const { return counts_[bucket]; }  // 0..kBounds.size()
  double SumSeconds() const { return static_cast<double>(sum_us_) / 1e6; }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_us_ = 0;
};

// The conductor writes, any thread reads.
struct Figures {
  std::array<std::atomic<std::uint64_t>, 6> runs_ended{};  // by plan::State
  std::atomic<std::uint64_t> attempts_succeeded = 0, attempts_failed = 0;
  std::atomic<std::size_t> runs_unfinished = 0, attempts_running = 0, tasks_ready = 0;
  Histogram overhead;      // of an attempt: what it took beside its command
  Histogram schedule_lag;  // from the instant of a schedule until its run was on record
  Histogram turn;          // of the conductor: until what happened and follows was on record
};

}  // namespace busker::dispatch

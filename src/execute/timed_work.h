// Jobs that are done again and again, each when it is due, by a few threads: a hundred things that
// are waited for are a hundred entries, and not a hundred threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace busker::execute {

// Any thread.
class TimedWork {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint64_t;
  // Does what is to be done now, by whichever thread, never by two at once; and says how long from
  // now it is to be called again. nullopt: never more, and the job is destroyed. It waits for a
  // bounded time only, and not once it is told to stop.
  using Job = std::function<std::optional<Clock::duration>(const std::stop_token&)>;

  // kTemporary: no thread could be had.
  static Result<std::unique_ptr<TimedWork>> Start(std::size_t threads_max);
  ~TimedWork() { Stop(); }

  // No job is called after it; those that are at work are told to stop, and may still add and wake
  // others. Who is reached by what jobs do calls it first: to let go of this is too late for that.
  void Stop();

  Id Add(Job job);   // due at once
  void Wake(Id id);  // due now, also when it is at work: then once more. Nothing, when it is over

 private:
  struct Entry {
    std::shared_ptr<const Job> job;
    Clock::time_point due;
    bool is_at_work = false, is_woken = false;
  };

  explicit TimedWork(std::size_t threads_max) : threads_max_(threads_max) {}
  Result<void> AddThread();
  void Run(const std::stop_token& stop);

  const std::size_t threads_max_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::map<Id, Entry> entries_;
  std::set<std::pair<Clock::time_point, Id>> due_;  // those that are not at work
  Id next_ = 1;
  std::size_t idle_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace busker::execute

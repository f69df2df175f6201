#include "execute/timed_work.h"

#include <fmt/core.h>

#include <system_error>

namespace busker::execute {

Result<std::unique_ptr<TimedWork>> TimedWork::Start(std::size_t threads_max) {
  std::unique_ptr<TimedWork> work(new TimedWork(threads_max));
  const std::lock_guard lock(work->mutex_);
  TRY(work->AddThread());
  return work;
}

void TimedWork::Stop() {
  std::vector<std::jthread> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
    for (std::jthread& thread : threads) thread.request_stop();
  }
  threads.clear();
}

Result<void> TimedWork::AddThread() {
  try {
    threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
  } catch (const std::system_error& error) {
    return Temporary(fmt::format("no thread: {}", error.what()));
  }
  return {};
}

TimedWork::Id TimedWork::Add(Job job) {
  const std::lock_guard lock(mutex_);
  const Id id = next_++;
  const auto now = Clock::now();
  entries_[id] = {std::make_shared<const Job>(std::move(job)), now};
  due_.emplace(now, id);
  changed_.notify_one();
  return id;
}

void TimedWork::Wake(Id id) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.is_at_work) {
    entry.is_woken = true;
    return;
  }
  due_.erase({entry.due, id});
  entry.due = Clock::now();
  due_.emplace(entry.due, id);
  changed_.notify_one();
}

void TimedWork::Run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    if (due_.empty() || due_.begin()->first > now) {
      const auto until = due_.empty() ? now + std::chrono::hours(1) : due_.begin()->first;
      ++idle_;
      // Woken, or it is time; then all is looked at anew.
      changed_.wait_until(lock, stop, until, [&, size = due_.size(), first = until] {
        return due_.size() != size || (!due_.empty() && due_.begin()->first < first);
      });
      --idle_;
      continue;
    }
    const Id id = due_.begin()->second;
    due_.erase(due_.begin());
    Entry& entry = entries_[id];
    entry.is_at_work = true;
    entry.is_woken = false;
    const std::shared_ptr<const Job> job = entry.job;
    // Others that are due do not wait for this one. Without a thread for them they do.
    if (idle_ == 0 && threads_.size() < threads_max_ && !threads_.empty()) (void)AddThread();
    lock.unlock();
    const auto again = (*job)(stop);
    lock.lock();
    if (!again) {
      entries_.erase(id);
      continue;
    }
    entry.is_at_work = false;
    entry.due = entry.is_woken ? Clock::now() : Clock::now() + *again;
    due_.emplace(entry.due, id);
    changed_.notify_one();
  }
}

}  // namespace busker::execute

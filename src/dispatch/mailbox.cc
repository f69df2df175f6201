#include "dispatch/mailbox.h"

#include <algorithm>
#include <utility>

namespace busker::dispatch {
namespace {

constexpr std::size_t kCapacity = 10'000;

}  // namespace

std::optional<Happened> Mailbox::Post(Happened happened) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [&] { return waiting_.size() < kCapacity || closed_; });
  if (closed_) return happened;
  waiting_.push_back(std::move(happened));
  arrived_.notify_one();
  return std::nullopt;
}

std::vector<Happened> Mailbox::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  taken_.notify_all();
  return std::exchange(waiting_, {});
}

void Mailbox::Wake() {
  const std::lock_guard lock(mutex_);
  awake_ = true;
  arrived_.notify_one();
}

std::vector<Happened> Mailbox::TakeAll(std::optional<Instant> deadline, Milliseconds longest) {
  std::unique_lock lock(mutex_);
  const auto something = [&] { return !waiting_.empty() || awake_; };
  // By the steady clock: a wall clock that is set back must not make the wait longer.
  const Milliseconds until = deadline ? std::max(*deadline - Now(), Milliseconds(0)) : longest;
  arrived_.wait_for(lock, std::min(until, longest), something);
  awake_ = false;
  std::vector<Happened> all = std::exchange(waiting_, {});
  taken_.notify_all();
  return all;
}

}  // namespace busker::dispatch

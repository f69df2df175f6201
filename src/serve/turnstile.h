// So many at once: what may wait for others is not to take all the threads that answer.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/time.h"

namespace busker::serve {

// Any thread.
class Turnstile {
 public:
  explicit Turnstile(int places) : free_(places) {}

  // A place, which is free again when this goes. The turnstile outlives it.
  class Place {
   public:
    explicit Place(Turnstile* of) : of_(of) {}
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (of_ != nullptr) of_->Leave();
    }
    explicit operator bool() const { return of_ != nullptr; }

   private:
    Turnstile* of_;
  };

  // One that is false when none gets free within `limit`.
  Place Enter(Milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!left_.wait_for(lock, limit, [&] { return free_ > 0; })) return Place(nullptr);
    --free_;
    return Place(this);
  }

 private:
  void Leave() {
    const std::lock_guard lock(mutex_);
    ++free_;
    left_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  int free_;
};

}  // namespace busker::serve

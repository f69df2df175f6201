#include "dispatch/mailbox.h"

#include <utility>

namespace busker::dispatch {
namespace {

constexpr std::size_t kCapacity = 10'000;

}  // namespace

void Mailbox::Post(Happened happened) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [&] { return waiting_.size() < kCapacity; });
  waiting_.push_back(std::move(happened));
  arrived_.notify_one();
}

std::vector<Happened> Mailbox::TakeAll(std::optional<Instant> deadline) {
  std::unique_lock lock(mutex_);
  const auto something = [&] { return !waiting_.empty(); };
  if (deadline) {
    arrived_.wait_until(lock, *deadline, something);
  } else {
    arrived_.wait(lock, something);
  }
  std::vector<Happened> all = std::exchange(waiting_, {});
  taken_.notify_all();
  return all;
}

}  // namespace busker::dispatch

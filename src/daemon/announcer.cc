#include "daemon/announcer.h"

#include <type_traits>

namespace busker::daemon {
namespace {

constexpr std::size_t kWaitingMax = 10'000;

template <typename T>
concept HasRun = requires(const T& what) {
  { what.run } -> std::convertible_to<std::string>;
};

}  // namespace

std::string RunOf(const plan::Decision& decision) {
  return std::visit(
      [](const auto& what) -> std::string {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, plan::RunQueued>) {
          return what.run.id;
        } else if constexpr (HasRun<What>) {
          return what.run;
        } else {
          return {};
        }
      },
      decision);
}

std::optional<plan::Decision> Subscription::Next(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, limit, [&] { return !waiting_.empty() || ended_; });
  if (waiting_.empty()) return std::nullopt;
  plan::Decision next = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

bool Subscription::Ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ && waiting_.empty();
}

bool Subscription::Lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

bool Subscription::TakeLost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, false);
}

void Subscription::Add(const plan::Decision& decision) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == kWaitingMax) {
      lost_ = true;
      return;
    }
    waiting_.push_back(decision);
  }
  arrived_.notify_all();  // without the lock, which who wakes needs
}

void Subscription::End() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  arrived_.notify_all();
}

std::shared_ptr<Subscription> Announcer::Subscribe(const std::string& run,
                                                   const std::vector<plan::Decision>& first) {
  auto subscription = std::make_shared<Subscription>();
  for (const plan::Decision& decision : first) subscription->Add(decision);
  const std::lock_guard lock(mutex_);
  if (ended_) {
    subscription->End();
  } else {
    listeners_.emplace(run, subscription);
  }
  return subscription;
}

std::shared_ptr<Subscription> Announcer::SubscribeToAll() { return Subscribe(""); }

void Announcer::Announce(const plan::Decision& decision) {
  const std::lock_guard lock(mutex_);
  if (listeners_.empty()) return;
  const std::string run = RunOf(decision);
  const auto* change = std::get_if<plan::RunChanged>(&decision);
  const bool last = change != nullptr && IsFinal(change->to);
  if (!run.empty()) Tell(run, decision, last);
  Tell("", decision, false);
}

// The mutex is held.
void Announcer::Tell(const std::string& listened_to, const plan::Decision& decision, bool last) {
  const auto [begin, end] = listeners_.equal_range(listened_to);
  for (auto listener = begin; listener != end;) {
    const auto subscription = listener->second.lock();
    if (subscription) {
      subscription->Add(decision);
      if (last) subscription->End();
    }
    listener = subscription && !last ? std::next(listener) : listeners_.erase(listener);
  }
}

void Announcer::End() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& [_, listener] : listeners_) {
    if (const auto subscription = listener.lock()) subscription->End();
  }
  listeners_.clear();
}

}  // namespace busker::daemon

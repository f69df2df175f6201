#include "http/event_queue.h"

namespace busker::http {
namespace {

constexpr std::size_t kWaitingMax = 1000, kWaitingBytesMax = 1u << 20;

}  // namespace

void EventQueue::Push(Event event) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  const bool too_much = waiting_bytes_ > 0 && waiting_bytes_ + event->size() > kWaitingBytesMax;
  if (waiting_.size() == kWaitingMax || too_much) {
    closed_ = true;
  } else {
    waiting_bytes_ += event->size();
    waiting_.push_back(std::move(event));
  }
  if (wake_) wake_();
}

void EventQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (wake_) wake_();
}

void EventQueue::OnlyWhile(std::function<bool(Instant)> may_watch) {
  const std::lock_guard lock(mutex_);
  may_watch_ = std::move(may_watch);
}

void EventQueue::LookWhether(Instant now) {
  std::function<bool(Instant)> may_watch;
  {
    const std::lock_guard lock(mutex_);
    may_watch = may_watch_;
  }
  if (!may_watch || may_watch(now)) return;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  waiting_.clear();
  waiting_bytes_ = 0;
  if (wake_) wake_();
}

EventQueue::Event EventQueue::Pop() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return nullptr;
  Event event = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= event->size();
  return event;
}

bool EventQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ && waiting_.empty();
}

void EventQueue::OnNews(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

}  // namespace busker::http

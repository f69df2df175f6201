#include "serve/live.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "daemon/messages.h"

namespace busker::serve {
namespace {

constexpr std::size_t kWaitingMax = 1000, kWaitingBytesMax = 1u << 20;
constexpr std::size_t kViewersMax = 2000;
constexpr Milliseconds kLookAgain = std::chrono::seconds(3);  // whether viewers still may

// That something happened, and not what.
EventQueue::Event HintOf(std::int64_t number) {
  return std::make_shared<const std::string>(
      fmt::format("id: {}\ndata: {{\"run\":\"\"}}\n\n", number));
}

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

Live::Live(daemon::Announcer& announcer)
    : heard_(announcer.SubscribeToAll()), telling_([this] { Tell(); }) {}

Live::~Live() { End(); }

void Live::End() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const Viewer& viewer : viewers_) {
      if (const auto queue = viewer.queue.lock()) queue->Close();
    }
  }
  heard_->End();
  if (telling_.joinable()) telling_.join();
}

std::shared_ptr<EventQueue> Live::Watch(bool hears_all) {
  auto queue = std::make_shared<EventQueue>();
  const std::lock_guard lock(mutex_);
  std::erase_if(viewers_, [](const auto& viewer) { return viewer.queue.expired(); });
  if (viewers_.size() == kViewersMax || ended_) return nullptr;
  viewers_.push_back({queue, hears_all});
  return queue;
}

void Live::Tell() {
  Instant looked_at = Now();
  for (std::int64_t number = 1;; ++number) {
    const auto decision = heard_->Next(kLookAgain);
    std::vector<std::pair<std::shared_ptr<EventQueue>, bool>> viewers;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      for (const Viewer& viewer : viewers_) {
        if (auto queue = viewer.queue.lock())
          viewers.emplace_back(std::move(queue), viewer.hears_all);
      }
    }
    if (!decision && heard_->Ended()) return;
    if (const Instant now = Now(); now - looked_at >= kLookAgain || now < looked_at) {
      looked_at = now;
      for (const auto& [viewer, _] : viewers) viewer->LookWhether(now);
    }
    if (heard_->TakeLost()) {  // what it was is not known: pages look at everything again
      const auto hint = HintOf(number);
      for (const auto& [viewer, _] : viewers) viewer->Push(hint);
    }
    if (!decision || viewers.empty()) continue;
    const auto message = daemon::ToJson(*decision);
    if (!message) continue;
    const auto event = std::make_shared<const std::string>(
        fmt::format("id: {}\ndata: {}\n\n", number, daemon::TextOf(*message)));
    const auto hint = HintOf(number);
    for (const auto& [viewer, hears_all] : viewers) viewer->Push(hears_all ? event : hint);
  }
}

}  // namespace busker::serve

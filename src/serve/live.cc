#include "serve/live.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "daemon/messages.h"

namespace busker::serve {
namespace {

constexpr std::size_t kViewersMax = 2000;
constexpr Milliseconds kLookAgain = std::chrono::seconds(3);  // whether viewers still may

// That something happened, and not what.
http::EventQueue::Event HintOf(std::int64_t number) {
  return std::make_shared<const std::string>(
      fmt::format("id: {}\ndata: {{\"run\":\"\"}}\n\n", number));
}

}  // namespace

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

std::shared_ptr<http::EventQueue> Live::Watch(bool hears_all) {
  auto queue = std::make_shared<http::EventQueue>();
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
    std::vector<std::pair<std::shared_ptr<http::EventQueue>, bool>> viewers;
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

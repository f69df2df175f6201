#include "serve/log_feed.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace busker::serve {
namespace {

constexpr std::size_t kTailBytes = 64u << 10, kToldBytesMax = 256u << 10;
constexpr std::size_t kLogsMax = 200, kViewersMax = 1000;
constexpr int kTurnsUntilAsked = 5;  // of a second each

http::EventQueue::Event EventOf(const nlohmann::json& value) {
  using nlohmann::json;
  return std::make_shared<const std::string>(
      fmt::format("data: {}\n\n", value.dump(-1, ' ', false, json::error_handler_t::replace)));
}

// How many bytes at the end are the begin of a character in UTF-8 that goes on.
std::size_t Unfinished(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

// From the begin of a line on, where there is one.
void KeepLast(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  text.erase(0, text.size() - bytes_max);
  const std::size_t line = text.find('\n');
  if (line != std::string::npos && line + 1 < text.size()) text.erase(0, line + 1);
}

}  // namespace

LogFeed::~LogFeed() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& [_, log] : logs_) {
    for (const auto& viewer : ViewersOf(*log)) viewer->Close();
  }
}

std::shared_ptr<http::EventQueue> LogFeed::Follow(const io::fs::path& attempt_folder,
                                                  std::function<bool()> is_over) {
  const std::lock_guard lock(mutex_);
  if (ended_ || CountViewers() >= kViewersMax) return nullptr;
  const auto found = logs_.find(attempt_folder.string());
  const auto log = found != logs_.end() ? found->second : Begin(attempt_folder, std::move(is_over));
  if (!log) return nullptr;
  auto queue = std::make_shared<http::EventQueue>();
  queue->Push(EventOf({{"begin", true}, {"text", log->tail}}));
  log->viewers.push_back(queue);
  return queue;
}

std::size_t LogFeed::CountViewers() {
  std::size_t viewers = 0;
  for (auto& [_, log] : logs_) {
    std::erase_if(log->viewers, [](const auto& viewer) { return viewer.expired(); });
    viewers += log->viewers.size();
  }
  return viewers;
}

// What is there already is read here, and the rest by the follower. nullptr: there is no room.
std::shared_ptr<LogFeed::Log> LogFeed::Begin(const io::fs::path& attempt_folder,
                                             std::function<bool()> is_over) {
  if (logs_.size() >= kLogsMax) return nullptr;
  auto log = std::make_shared<Log>();
  log->key = attempt_folder.string();
  log->is_over = std::move(is_over);
  log->turns = kTurnsUntilAsked;  // it may be over already
  attempt::LogReader reader(attempt_folder);
  (void)reader.ReadNew([&](std::string_view bytes) { Add(*log, bytes); });  // unreadable: nothing
  log->tail = TakeFresh(*log);
  KeepLast(log->tail, kTailBytes);
  const bool followed = follower_.Follow(log->key, {.reader = std::move(reader),
                                                    .use =
                                                        [this, log](std::string_view bytes) {
                                                          const std::lock_guard lock(mutex_);
                                                          Add(*log, bytes);
                                                        },
                                                    .caught_up =
                                                        [this, log] {
                                                          const std::lock_guard lock(mutex_);
                                                          Tell(*log);
                                                        },
                                                    .goes_on = [this, log] { return GoesOn(log); },
                                                    .ended = [this, log] { End(log); }});
  if (!followed) return nullptr;
  logs_[log->key] = log;
  return log;
}

// Nobody looks on any more, or it is over. Asking takes a while, and is done without the lock.
bool LogFeed::GoesOn(const std::shared_ptr<Log>& log) {
  Queues viewers;
  {
    const std::lock_guard lock(mutex_);
    viewers = ViewersOf(*log);
    if (viewers.empty()) Forget(log);  // who comes from now on begins anew
  }
  if (viewers.empty()) return false;
  for (const auto& viewer : viewers) viewer->LookWhether(Now());
  if (++log->turns <= kTurnsUntilAsked) return true;
  log->turns = 0;
  return !log->is_over();
}

void LogFeed::Forget(const std::shared_ptr<Log>& log) {
  const auto found = logs_.find(log->key);
  if (found != logs_.end() && found->second == log) logs_.erase(found);
}

LogFeed::Queues LogFeed::ViewersOf(const Log& log) {
  Queues viewers;
  for (const auto& viewer : log.viewers) {
    if (auto queue = viewer.lock()) viewers.push_back(std::move(queue));
  }
  return viewers;
}

// Of very much, the last is kept.
void LogFeed::Add(Log& log, std::string_view bytes) {
  log.fresh.append(bytes);
  if (log.fresh.size() > 2 * kToldBytesMax) log.fresh.erase(0, log.fresh.size() - kToldBytesMax);
}

std::string LogFeed::TakeFresh(Log& log) {
  std::string text = std::exchange(log.rest, {}) + std::exchange(log.fresh, {});
  KeepLast(text, kToldBytesMax);
  log.rest = text.substr(text.size() - Unfinished(text));
  text.resize(text.size() - log.rest.size());
  return text;
}

void LogFeed::Tell(Log& log) {
  const std::string text = TakeFresh(log);
  if (text.empty()) return;
  const auto event = EventOf({{"text", text}});
  for (const auto& viewer : ViewersOf(log)) viewer->Push(event);
  log.tail += text;
  KeepLast(log.tail, kTailBytes);
}

void LogFeed::End(const std::shared_ptr<Log>& log) {
  const std::lock_guard lock(mutex_);
  Forget(log);
  const std::string rest = std::exchange(log->rest, {});
  for (const auto& viewer : ViewersOf(*log)) {
    if (!rest.empty()) viewer->Push(EventOf({{"text", rest}}));
    viewer->Push(EventOf({{"end", true}}));
    viewer->Close();
  }
}

}  // namespace busker::serve

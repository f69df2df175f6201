#include "serve/log_feed.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace busker::serve {
namespace {

constexpr std::size_t kTailBytes = 64u << 10, kToldBytesMax = 256u << 10;
constexpr std::size_t kLogsMax = 200, kViewersMax = 1000;
constexpr Milliseconds kPause{250};
constexpr int kTurnsUntilAsked = 4;

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
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (auto& [_, log] : logs_) {
      for (const auto& viewer : log.viewers) {
        if (const auto queue = viewer.lock()) queue->Close();
      }
    }
    changed_.notify_all();
  }
  reading_.join();
}

std::shared_ptr<http::EventQueue> LogFeed::Follow(const io::fs::path& attempt_folder,
                                                  std::function<bool()> is_over) {
  const std::lock_guard lock(mutex_);
  std::size_t viewers = 0;
  for (auto& [_, log] : logs_) {
    std::erase_if(log.viewers, [](const auto& viewer) { return viewer.expired(); });
    viewers += log.viewers.size();
  }
  const auto found = logs_.find(attempt_folder.string());
  if (ended_ || viewers == kViewersMax || (found == logs_.end() && logs_.size() == kLogsMax)) {
    return nullptr;
  }
  Log& log =
      logs_.try_emplace(attempt_folder.string(), attempt_folder, std::move(is_over)).first->second;
  if (found == logs_.end()) log.tail = ReadNew(log);
  KeepLast(log.tail, kTailBytes);
  auto queue = std::make_shared<http::EventQueue>();
  queue->Push(EventOf({{"begin", true}, {"text", log.tail}}));
  log.viewers.push_back(queue);
  log.turns = kTurnsUntilAsked;  // it may be over already
  changed_.notify_all();
  return queue;
}

void LogFeed::Read() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (logs_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const std::set<std::string> over = WhichAreOver(lock);
    for (auto log = logs_.begin(); log != logs_.end();) {
      log = Tell(log->second, over.contains(log->first)) ? std::next(log) : logs_.erase(log);
    }
    changed_.wait_for(lock, kPause, [this] { return ended_; });
  }
}

// Of those whose turn it is to be asked, and whether their viewers still may look. Asking takes a
// while, and is done without the lock.
std::set<std::string> LogFeed::WhichAreOver(std::unique_lock<std::mutex>& lock) {
  std::vector<std::pair<std::string, std::function<bool()>>> asked;
  std::vector<std::shared_ptr<http::EventQueue>> viewers;
  for (auto& [folder, log] : logs_) {
    if (++log.turns <= kTurnsUntilAsked) continue;
    log.turns = 0;
    asked.emplace_back(folder, log.is_over);
    for (auto& viewer : ViewersOf(log)) viewers.push_back(std::move(viewer));
  }
  std::set<std::string> over;
  lock.unlock();
  for (const auto& [folder, is_over] : asked) {
    if (is_over()) over.insert(folder);
  }
  for (const auto& viewer : viewers) viewer->LookWhether(Now());
  viewers.clear();
  lock.lock();
  return over;
}

std::vector<std::shared_ptr<http::EventQueue>> LogFeed::ViewersOf(const Log& log) {
  std::vector<std::shared_ptr<http::EventQueue>> viewers;
  for (const auto& viewer : log.viewers) {
    if (auto queue = viewer.lock()) viewers.push_back(std::move(queue));
  }
  return viewers;
}

// What came since; of very much, the last. An unreadable log has nothing new.
std::string LogFeed::ReadNew(Log& log) {
  std::string text = std::exchange(log.rest, {});
  (void)log.reader.ReadNew([&](std::string_view bytes) {
    text.append(bytes);
    if (text.size() > 2 * kToldBytesMax) text.erase(0, text.size() - kToldBytesMax);
  });
  KeepLast(text, kToldBytesMax);
  log.rest = text.substr(text.size() - Unfinished(text));
  text.resize(text.size() - log.rest.size());
  return text;
}

bool LogFeed::Tell(Log& log, bool over) {
  const std::vector<std::shared_ptr<http::EventQueue>> viewers = ViewersOf(log);
  if (viewers.empty()) return false;
  std::string text = ReadNew(log);
  if (over) text += log.rest;
  if (!text.empty()) {
    const auto event = EventOf({{"text", text}});
    for (const auto& viewer : viewers) viewer->Push(event);
    log.tail += text;
    KeepLast(log.tail, kTailBytes);
  }
  if (!over) return true;
  const auto end = EventOf({{"end", true}});
  for (const auto& viewer : viewers) {
    viewer->Push(end);
    viewer->Close();
  }
  return false;
}

}  // namespace busker::serve

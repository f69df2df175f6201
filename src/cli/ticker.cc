#include "cli/ticker.h"

#include <fmt/core.h>

#include "attempt/usage.h"
#include "base/text.h"
#include "cli/print.h"

namespace busker::cli {
namespace {

constexpr std::chrono::seconds kEvery(1);
constexpr std::size_t kShownMax = 4;  // tasks

}  // namespace

std::string TickOf(const std::string& task, Milliseconds time, std::uint64_t memory_bytes) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).count();
  const std::string clock = seconds < 3600 ? fmt::format("{}:{:02}", seconds / 60, seconds % 60)
                                           : fmt::format("{}:{:02}:{:02}", seconds / 3600,
                                                         seconds / 60 % 60, seconds % 60);
  if (memory_bytes == 0) return task + " " + clock;
  return fmt::format("{} {}  {} MB", task, clock, (memory_bytes + 500'000) / 1'000'000);
}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Ticker::Begin(const attempt::Name& name, const io::fs::path& folder) {
  if (!IsTerminal()) return;
  const std::lock_guard lock(mutex_);
  running_[name.task] = {name, folder, Now()};
  if (!thread_.joinable()) thread_ = std::thread([this] { Work(); });
}

void Ticker::End(const std::string& task) {
  const std::lock_guard lock(mutex_);
  running_.erase(task);
}

void Ticker::Work() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kEvery, [this] { return ends_; })) {
    if (running_.empty()) continue;
    const auto running = running_;
    lock.unlock();  // to look at processes takes a while
    const std::string line = Line(running);
    lock.lock();
    if (!line.empty() && !running_.empty()) PrintStatus(line);
  }
}

std::string Ticker::Line(const std::map<std::string, Running>& running) const {
  std::vector<std::string> parts;
  for (const auto& [task, one] : running) {
    if (Now() - one.since < kEvery) continue;
    if (parts.size() == kShownMax) {
      parts.push_back(fmt::format("{} more", running.size() - kShownMax));
      break;
    }
    const auto usage = attempt::UsageOf(one.name, one.folder);
    parts.push_back(TickOf(task, Now() - one.since, usage ? usage->memory_bytes : 0));
  }
  return Join(parts, ", ");
}

}  // namespace busker::cli

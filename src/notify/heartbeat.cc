#include "notify/heartbeat.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "io/url.h"

namespace busker::notify {

Heartbeat::Heartbeat(HeartbeatSettings settings, std::function<bool()> is_well,
                     std::function<void(const Error&)> on_failure)
    : settings_(std::move(settings)),
      is_well_(std::move(is_well)),
      on_failure_(std::move(on_failure)) {
  CHECK(settings_.every.count() > 0, "a heartbeat has a period");
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void Heartbeat::Run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  auto next = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    if (is_well_()) {
      const auto called = Call(stop);
      if (!called && !stop.stop_requested()) on_failure_(called.error());
    }
    // By the periods that were set out, not by when a call ended; those missed are left out.
    const auto now = std::chrono::steady_clock::now();
    while (next <= now) next += settings_.every;
    std::unique_lock lock(mutex);
    stopped.wait_until(lock, stop, next, [] { return false; });
  }
}

Result<void> Heartbeat::Call(const std::stop_token& stop) {
  io::HttpRequest request;
  request.url = settings_.url;
  if (!settings_.body.empty()) {
    request.method = "POST";
    request.body = settings_.body;
    request.headers = {{"Content-Type", "application/json"}};
  }
  request.is_repeatable = true;  // one more sign of life does no harm
  request.connect_limit = settings_.limit;
  request.response_bytes_max = 0;
  TRY_ASSIGN(const io::HttpResponse response,
             http_.Send(request, io::Within(settings_.limit, stop)));
  if (response.status >= 200 && response.status < 300) return {};
  return Temporary(io::OriginOf(settings_.url) + " answered the heartbeat with " +
                   std::to_string(response.status));
}

}  // namespace busker::notify

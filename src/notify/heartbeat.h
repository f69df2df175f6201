// A dead man's switch: calls a URL for as long as all is well. Who watches the URL tells a person
// when the calls stop, also when this machine is what died.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/time.h"
#include "io/http_session.h"

namespace busker::notify {

struct HeartbeatSettings {
  std::string url;
  Milliseconds every{60'000};
  std::string body;            // JSON, sent by POST; empty: GET
  Milliseconds limit{10'000};  // of a call
};

class Heartbeat {
 public:
  // Calls at once, then every period, on a thread of its own, whenever `is_well` says so at that
  // moment. A call that fails, or is answered by other than 2xx, is told to `on_failure` and not
  // repeated before the next period. Both are called on that thread, and must outlive this object.
  Heartbeat(HeartbeatSettings settings, std::function<bool()> is_well,
            std::function<void(const Error&)> on_failure);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat() = default;  // breaks off a call; returns at once

 private:
  void Run(const std::stop_token& stop);
  Result<void> Call(const std::stop_token& stop);

  const HeartbeatSettings settings_;
  const std::function<bool()> is_well_;
  const std::function<void(const Error&)> on_failure_;
  io::HttpSession http_;
  std::jthread thread_;  // last: it uses what is above
};

}  // namespace busker::notify

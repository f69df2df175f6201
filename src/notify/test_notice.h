// A notice to deliver, for tests only.
#pragma once

#include <stdlib.h>

#include <chrono>
#include <string>

#include "notify/notice.h"
#include "notify/send_once.h"

namespace busker::notify {

inline Notice TestNotice(std::string key = "failed-1") {
  Notice notice;
  notice.key = std::move(key);
  notice.at = Instant(std::chrono::milliseconds(1'564'642'800'123));  // 2019-08-01T07:00:00.123Z
  notice.kind = "failed";
  notice.service = "churn";
  notice.action = "training";
  notice.run = "20190801-070000-k3f9x2";
  notice.data_date = "2019-08-01";
  notice.message = "The training of churn failed: exit code 1";
  notice.hint = "busker logs 20190801-070000-k3f9x2";
  return notice;
}

inline SendOptions TestOptions() {
  // A test talks to this machine whatever proxy its environment names.
  setenv("no_proxy", "*", 1);
  SendOptions options;
  options.now = Instant(std::chrono::milliseconds(1'564'642'805'999));
  return options;
}

// Over connections of its own.
inline Result<void> DeliverOnce(const Channel& channel, const Notice& notice,
                                const SendOptions& options) {
  io::HttpSession http;
  return SendOnce(http, channel, notice, options);
}

}  // namespace busker::notify

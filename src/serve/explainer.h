// Where a run or a graph stands, asked of the conductor by who only looks: the conductor may be
// busy, or wait for space on the disk, and nobody who reads waits for that with it.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "base/result.h"
#include "daemon/requests.h"
#include "serve/turnstile.h"

namespace busker::serve {

// Any thread.
class Explainer {
 public:
  explicit Explainer(const daemon::Requests& requests) : requests_(requests) {}

  // As daemon::Requests::Explain, but kTemporary when there is no answer within a second (a tenth
  // of one while nothing can be recorded), and for some seconds after that.
  Result<std::string> Explain(const std::string& what, const std::string& task);

 private:
  tl::unexpected<Error> Unknown() const;

  const daemon::Requests& requests_;
  Turnstile waiting_{2};
  std::atomic<std::chrono::steady_clock::time_point> silent_until_{};
};

}  // namespace busker::serve

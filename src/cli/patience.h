// How long, and how often, what fails by the disk is tried again.
#pragma once

#include <chrono>
#include <optional>

namespace busker::cli {

// A disk that is away for a while comes back: so it is tried for ten minutes, each time after a
// longer pause. The time is handed in.
class Patience {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // It failed, now: the pause before the next try, 1 s at first and 30 s at most; nullopt: it has
  // failed for ten minutes.
  std::optional<std::chrono::seconds> PauseAfterFault(Instant now);

  // It has gone well: the next fault is a first one.
  void Forget();

 private:
  std::optional<Instant> since_;
  std::chrono::seconds pause_{1};
};

}  // namespace busker::cli

#include "daemon/owner.h"

#include <chrono>
#include <utility>

#include "dispatch/conductor.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kSilence{300};  // after which who follows may be told why

}  // namespace

bool WasEnding(const Error& error) {
  return error.kind == ErrorKind::kTemporary && error.message == dispatch::kIsEnding;
}

tl::unexpected<Error> OwnerHasEnded() {
  return Temporary("the busker that owns the home has ended; what it ran goes on");
}

bool IsFollowed(const plan::Decision& decision) {
  return std::holds_alternative<plan::RunQueued>(decision) ||
         std::holds_alternative<plan::StartAttempt>(decision) ||
         std::holds_alternative<plan::TaskChanged>(decision) ||
         std::holds_alternative<plan::RetryPlanned>(decision) ||
         std::holds_alternative<plan::RunChanged>(decision);
}

Result<void> TellToItsEnd(const Hear& next, std::optional<Milliseconds> limit,
                          const Owner::Told& told, std::function<void()> silent) {
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    std::optional<Milliseconds> left;
    if (limit) {
      left = *limit -
             std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begun);
      if (left->count() <= 0) return TimedOut("the run has not ended within the limit");
    }
    const bool listens = silent && (!left || *left > kSilence);
    auto heard = next(listens ? kSilence : left);
    // That it is queued is no news: it may wait.
    const bool queued = heard && *heard && std::holds_alternative<plan::RunQueued>(**heard);
    const auto tell_why = listens && !queued ? std::exchange(silent, {}) : std::function<void()>();
    if (!heard && heard.error().kind == ErrorKind::kTimedOut) {
      if (tell_why) tell_why();
      continue;
    }
    TRY(heard);
    if (!*heard) continue;
    if (!told(**heard)) return {};
    const auto* run = std::get_if<plan::RunChanged>(&**heard);
    if (run != nullptr && IsFinal(run->to)) return {};
  }
}

}  // namespace busker::daemon

#include "daemon/owner.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/text.h"
#include "dispatch/conductor.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kSilence{300};  // after which who follows may be told why

}  // namespace

std::string SentenceOf(const Silence& silence) {
  return fmt::format(
      "of {} in {} nothing is heard since {}: {}; it may go on all the same, and is asked again",
      Printable(silence.what), Printable(silence.where), FormatRfc3339(silence.since),
      Printable(silence.why));
}

std::string SentenceOf(const Online& online) {
  // People know a version by its time.
  const auto short_name = [](const std::string& key) { return key.substr(key.rfind('/') + 1); };
  const std::string answers =
      fmt::format("{} serves {}", Printable(online.service),
                  online.version.empty() ? "nothing" : Printable(short_name(online.version)));
  const std::string live =
      online.wanted.empty() || online.wanted == online.version
          ? ", and what is live is not known"
          : ", and not " + Printable(short_name(online.wanted)) + ", which is live";
  return fmt::format("{}{}{}, because {}", answers, live,
                     online.since ? ", since " + FormatRfc3339(*online.since) : "",
                     Printable(online.because));
}

std::string SilencesOf(const std::string& run, const std::string& task,
                       const std::vector<Silence>& silences) {
  std::string text;
  for (const Silence& one : silences) {
    const bool is_it = one.attempt.run == run && (task.empty() || one.attempt.task == task);
    if (is_it) text += "; " + SentenceOf(one);
  }
  return text;
}

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

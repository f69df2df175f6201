#include "io/interrupt.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"

namespace busker::io {
namespace {

bool CanBeRead(int descriptor) {
  pollfd fd{descriptor, POLLIN, 0};
  return poll(&fd, 1, 0) > 0;
}

// Rounded up: a wait that ends too early would be begun again and again in its last millisecond.
int MillisecondsUntil(SteadyInstant until) {
  if (until == SteadyInstant::max()) return INT_MAX;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

}  // namespace

Interrupt Within(Milliseconds limit, std::stop_token stop) {
  return {std::chrono::steady_clock::now() + limit, std::move(stop)};
}

Interrupt Within(Milliseconds limit, const Interrupt& whole) {
  Interrupt part = whole;
  part.deadline = std::min(part.deadline, std::chrono::steady_clock::now() + limit);
  return part;
}

Result<void> CheckStillWanted(const Interrupt& interrupt) {
  const bool stop = interrupt.stop.stop_requested() ||
                    (interrupt.stop_descriptor >= 0 && CanBeRead(interrupt.stop_descriptor));
  if (stop) return Temporary("stopped before it was done");
  if (std::chrono::steady_clock::now() >= interrupt.deadline) return TimedOut("the time is over");
  return {};
}

void Waiter::Wake::operator()() const {
  constexpr std::uint64_t kOne = 1;
  CHECK(write(descriptor, &kOne, sizeof kOne) == sizeof kOne, "an event can be counted");
}

Waiter::Waiter(Interrupt interrupt) : interrupt_(std::move(interrupt)) {
  if (!interrupt_.stop.stop_possible()) return;
  woken_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Out of descriptors: the stop is then seen between two steps, and the deadline holds as ever.
  if (woken_.valid()) wake_.emplace(interrupt_.stop, Wake{woken_.get()});
}

Waiter::~Waiter() = default;

Result<void> Waiter::Wait(std::span<pollfd> fds, SteadyInstant until) {
  TRY(Check());
  std::vector<pollfd> all(fds.begin(), fds.end());
  all.push_back({woken_.get(), POLLIN, 0});  // poll(2) looks past a descriptor of -1
  all.push_back({interrupt_.stop_descriptor, POLLIN, 0});
  const int limit = MillisecondsUntil(std::min(until, interrupt_.deadline));
  if (poll(all.data(), all.size(), limit) < 0 && errno != EINTR) return SystemError("poll", errno);
  for (std::size_t i = 0; i < fds.size(); ++i) fds[i].revents = all[i].revents;
  return Check();
}

}  // namespace busker::io

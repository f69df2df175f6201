// How long a call may wait, and what ends it earlier. Every call that may wait for a network or for
// much to be read takes an Interrupt.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::io {

using SteadyInstant = std::chrono::steady_clock::time_point;

struct Interrupt {
  SteadyInstant deadline;     // kTimedOut once it has passed
  std::stop_token stop = {};  // kTemporary once it is asked for
  int stop_descriptor = -1;   // the same once it can be read: for who has no threads (a signalfd)
};

// So long from now on.
Interrupt Within(Milliseconds limit, std::stop_token stop = {});

// The same, with a limit of its own for a part of the call.
Interrupt Within(Milliseconds limit, const Interrupt& whole);

// kTimedOut when the deadline has passed, kTemporary when the call is to stop. To be asked between
// any two steps of work: whoever never has to wait does not outlast the deadline either.
Result<void> CheckStillWanted(const Interrupt& interrupt);

// Waits for descriptors on behalf of one call. Used by one thread.
class Waiter {
 public:
  explicit Waiter(Interrupt interrupt);
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter();

  const Interrupt& interrupt() const { return interrupt_; }

  Result<void> Check() const { return CheckStillWanted(interrupt_); }

  // Returns when one of `fds` is ready, as their `revents` then say, or when `until` has come.
  // Errors as those of Check.
  Result<void> Wait(std::span<pollfd> fds, SteadyInstant until = SteadyInstant::max());

 private:
  struct Wake {
    int descriptor;
    void operator()() const;
  };

  const Interrupt interrupt_;
  Descriptor woken_;  // can be read once `stop` was asked for
  std::optional<std::stop_callback<Wake>> wake_;
};

}  // namespace busker::io

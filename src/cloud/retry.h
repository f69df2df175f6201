// How a call that failed for a while is tried again: after a pause that is drawn anew each time,
// between nothing and a bound that doubles, so that those who failed together do not come back
// together; no earlier than the server asks; and never beyond the call's own limit.
#pragma once

#include <optional>
#include <random>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "io/http_message.h"
#include "io/interrupt.h"

namespace busker::cloud {

struct RetryPolicy {
  Milliseconds pause_first{500};  // the bound of the first pause
  Milliseconds pause_max{30'000};
  Milliseconds give_up_after{600'000};  // of failures alone, without anything going on
};

// The tries of one call. Used by one thread.
class Tries {
 public:
  Tries(const RetryPolicy& policy, const io::Interrupt& interrupt);

  // After a failure that may pass. Pauses, and returns when it is time for the next try. Else the
  // error that ends the call: stopped; the failure, when it has gone on for too long; kTimedOut
  // with the failure in its message, when the time is over or would be at the end of the pause.
  Result<void> Again(const Error& failure, std::optional<Milliseconds> retry_after = {});

  // As io::CheckStillWanted, and what failed last is in the message, too.
  Result<void> CheckStillWanted() const;

  // Something went on: the next failure is a first one.
  void Progress();

  int failures() const { return failures_; }  // since then

 private:
  tl::unexpected<Error> WithLast(Error error) const;

  const RetryPolicy policy_;
  const io::Interrupt& interrupt_;  // outlives this
  std::minstd_rand random_;
  int failures_ = 0;
  io::SteadyInstant failing_since_{};
  std::string last_;  // failure's message; empty: there was none
};

// May the same request be answered otherwise a little later? 408, 429 and 5xx.
bool MayPass(int status);

// What the header Retry-After says, in seconds; as a date it is not looked at.
std::optional<Milliseconds> RetryAfter(const io::HttpResponse& response);

}  // namespace busker::cloud

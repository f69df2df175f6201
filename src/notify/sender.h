// Delivers what an outbox holds, each at least once.
//
// The outbox is durable and belongs to somebody else, who is asked what is due and told how it
// went. A notice is in it until its delivery is written down; one that was delivered when the
// process died, and not yet written down, is delivered again, with the same key.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "io/http_session.h"
#include "notify/channel.h"
#include "notify/notice.h"
#include "notify/send_once.h"

namespace busker::notify {

// A notice for one channel: a notice for three channels is three of these.
struct Pending {
  std::int64_t id = 0;
  Notice notice;
  Channel channel;
  int tries = 0;  // that failed so far
};

// How the sender reaches the outbox. All are called on one thread, the sender's own, one at a time;
// none may wait for the sender. An error means that nothing was read or written: it is told to
// `trouble`, and the same is asked or told again within seconds. Nothing new is sent meanwhile.
struct Outbox {
  // The undelivered ones that are due at `now`, oldest first; it may keep some back for the next
  // time, and it may hold ones that are being delivered right now.
  std::function<Result<std::vector<Pending>>(Instant now)> take;
  std::function<Result<void>(std::int64_t id)> delivered;
  // One more try failed. nullopt: it is given up. `message` says why, without secrets.
  std::function<Result<void>(std::int64_t id, std::optional<Instant> next_try,
                             const std::string& message)>
      failed;
  std::function<void(const Error&)> trouble;
};

struct SenderSettings {
  SendOptions deliver;                   // its `now` and `stop` are the sender's business
  std::function<Instant()> clock = Now;  // called on any of the sender's threads
  Milliseconds look_again{30'000};       // the outbox is asked at least so often
  Milliseconds trouble_wait{5'000};      // after an error of the outbox
};

class Sender {
 public:
  // At most so many deliveries at a time, and one at a time to a receiver.
  static constexpr std::size_t kWorkers = 4;

  // Begins at once. A receiver that does not answer in time holds up one worker for one delivery:
  // what else is due for it is put off with the one that failed.
  explicit Sender(Outbox outbox, SenderSettings settings = {});
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() = default;  // breaks off what is being delivered; its notices stay in the outbox

  // There may be something new in the outbox. Any thread, also from the outbox's own functions.
  void Wake();

 private:
  struct Job {
    Pending pending;
    std::string receiver;
  };
  struct Outcome {
    Job job;
    std::optional<Error> error;  // none: delivered
    bool stopped = false;        // broken off: nothing to tell
  };

  void Run(const std::stop_token& stop);
  void Work(const std::stop_token& stop);
  bool Settle();
  bool Start();
  Result<void> Tell(const Outcome& outcome);
  Result<void> TellFailed(const Pending& pending, const Error& error, const std::string& message);
  void Wait(const std::stop_token& stop, bool in_trouble);

  const Outbox outbox_;
  const SenderSettings settings_;
  io::HttpSession http_;

  std::mutex mutex_;  // over the four below
  std::condition_variable_any for_run_, for_workers_;
  std::deque<Job> to_do_;
  std::vector<Outcome> done_;
  bool woken_ = false;

  // The sender's own thread alone uses these.
  std::vector<Outcome> untold_;                    // done, and to be told to the outbox
  std::map<std::int64_t, std::string> in_flight_;  // id -> receiver
  std::map<std::string, std::string> timed_out_;   // receiver -> message, of this turn
  std::multiset<Instant> tries_;                   // when something is due again

  std::jthread thread_;  // last: it uses what is above
};

}  // namespace busker::notify

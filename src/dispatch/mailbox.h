// What happened, on its way to the conductor: the one queue into the engine.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"
#include "plan/advance.h"
#include "record/record.h"

namespace busker::dispatch {

struct Happened {
  plan::Event event;
  std::optional<record::AttemptRow> ended;  // with AttemptEnded: what the attempt left
};

// Any thread posts, the conductor takes. Holds at most 10,000 entries: Post then waits.
class Mailbox {
 public:
  void Post(Happened happened);

  // Everything that is there; waits for something until `deadline` (none: for ever).
  std::vector<Happened> TakeAll(std::optional<Instant> deadline);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_, taken_;
  std::vector<Happened> waiting_;
};

}  // namespace busker::dispatch

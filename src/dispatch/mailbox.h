// What happened, on its way to the conductor: the one queue into the engine.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "plan/agenda.h"
#include "record/record.h"

namespace busker::dispatch {

// What a request may look at, on the conductor's thread.
struct View {
  const plan::Agenda& agenda;
  record::Record& record;
  Instant now;
  // What requests before this one, in the same turn, have brought about; it is on record with it.
  std::span<const plan::Event> decided = {};
};

// Somebody asks for something. `decide` looks, and says what happens by it (nothing, for a mere
// question) or why not; `answer` is called once all of that is on record, or with the error. Both
// on the conductor's thread: they must be quick. When the conductor has ended, `answer` alone is
// called, on any thread, with kTemporary and a view that is not to be looked at.
struct Request {
  std::function<Result<std::vector<plan::Event>>(const View&)> decide;
  std::function<void(Result<void>, const View&)> answer;
};

// An attempt has ended, and what it left; or it could not be begun.
struct Ended {
  plan::Event event;  // AttemptEnded, AttemptNotBegun
  record::AttemptRow row;
};

// The tasks of a queued run, and their orders.
struct Prepared {
  plan::RunPrepared event;
  record::PreparedRun row;
};

// What preparing a run came to.
struct Preparation {
  std::uint64_t number = 0;  // Preparer::Begin
  std::string run;
  Result<Prepared> result;
};

// A person is to be told of what somebody else noticed.
using Happened =
    std::variant<Ended, Preparation, Request, record::NoticeOutcome, plan::NotifyPeople>;

// Any thread posts, the conductor takes. Holds at most 10,000 entries: Post then waits.
class Mailbox {
 public:
  // nullopt: it is there. When the mailbox is closed, it comes back.
  std::optional<Happened> Post(Happened happened);

  // Nobody will take any more; what was there.
  std::vector<Happened> Close();

  // Ends the conductor's wait, with nothing.
  void Wake();

  // Everything that is there; waits for something until `deadline` (none: for ever), and at most
  // for `longest`, so that a wall clock that is set meanwhile is noticed.
  std::vector<Happened> TakeAll(std::optional<Instant> deadline, Milliseconds longest);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_, taken_;
  std::vector<Happened> waiting_;
  bool awake_ = false, closed_ = false;
};

}  // namespace busker::dispatch

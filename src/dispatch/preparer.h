// Prepares runs on threads of its own, so that a store that does not answer never keeps the
// conductor waiting.
//
// The runs of one service are prepared one after the other, those of different services at the same
// time: a service whose store hangs delays its own runs alone. Two threads are enough for all that
// goes well. Whoever has been at one run for a second counts no longer, and another thread takes
// its place; so what hangs for ever costs a thread, and 100 of them are let hang.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "dispatch/mailbox.h"
#include "plan/run.h"

namespace busker::dispatch {

// Its calls are for one thread, the conductor's.
class Preparer {
 public:
  // Decides the tasks of a queued run, and their orders. It is called on any of the threads, for
  // runs of different services at the same time. A call that hangs is left behind when the preparer
  // goes, and may go on after that: so it owns whatever it touches.
  using Prepare = std::function<Result<Prepared>(const plan::DagRun& run)>;

  // Told what became of each run, on any of the threads; never once the preparer is gone. It may
  // wait, but not for the end of the preparer.
  using Done = std::function<void(Preparation preparation)>;

  struct Limits {
    std::chrono::milliseconds usual = std::chrono::seconds(1);     // after that, it may hang
    std::chrono::milliseconds patience = std::chrono::seconds(1);  // at the end, for what goes on
    std::size_t at_once = 2;
    std::size_t threads_max = 100;
  };

  Preparer(Prepare prepare, Done done) : Preparer(std::move(prepare), std::move(done), Limits()) {}
  Preparer(Prepare prepare, Done done, Limits limits);

  // What has not begun is dropped. What has begun may end within `patience`; then it is left alone,
  // and nobody is told of it.
  ~Preparer();
  Preparer(const Preparer&) = delete;
  Preparer& operator=(const Preparer&) = delete;

  // Has the run prepared: the number of this preparation, by which it is told of. kTemporary: there
  // is no thread for it, and it is not told of.
  Result<std::uint64_t> Begin(const plan::DagRun& run);

  // Nobody wants to know any more; it may be told of all the same.
  void Drop(std::uint64_t number);

 private:
  struct State;
  static Result<void> HaveOneFree(const std::shared_ptr<State>& state);
  static void Work(const std::shared_ptr<State>& shared);

  // Shared with the threads, which may be left behind.
  const std::shared_ptr<State> state_;
};

}  // namespace busker::dispatch

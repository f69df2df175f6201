// One turn of the agenda: the time that it was handed, and what it has decided so far.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plan/active_run.h"
#include "plan/advance.h"

namespace busker::plan {

class Turn {
 public:
  void Begin(Instant now) { now_ = now; }
  // What was decided, in order.
  std::vector<Decision> End() { return std::exchange(decisions_, {}); }

  Instant now() const { return now_; }

  template <typename What>
  void Decide(What what) {
    if (decisions_.capacity() == 0) decisions_.reserve(8);  // as many as an event brings
    decisions_.emplace_back(std::move(what));
  }
  // A task, or a run, comes to another state.
  void Move(const ActiveRun& active, Task& task, State to, std::string message);
  void Move(ActiveRun& active, State to, std::string message);
  // Says, once, why the queued run is kept waiting; empty: for nothing special any more.
  void Hold(ActiveRun& active, const std::string& message);
  void Note(const GraphMemory& memory, std::string what = {}, std::string by = "busker");

 private:
  Instant now_{};
  std::vector<Decision> decisions_;
};

}  // namespace busker::plan

// A run that has not ended, with what makes each step of it cheap: who waits for whom, and how many
// of those have ended how.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plan/run.h"

namespace busker::plan {

class ActiveRun {
 public:
  // What a task's trigger rule says now.
  enum class Verdict { kWait, kStart, kSkip };

  // `order`: runs of the same priority go first with a lower one.
  ActiveRun(DagRun run, std::uint64_t order);

  DagRun run;
  const std::uint64_t order;
  // Waiting for its graph to have room, having its tasks decided, or at work.
  enum class Stage { kWaiting, kPreparing, kAdmitted } stage = Stage::kWaiting;
  bool timed_out = false;                       // its deadline has passed
  int prepare_tries = 0;                        // that failed, and may not the next time
  Instant preparing_since{};                    // while its tasks are decided
  bool prepares_long = false;                   // and so holds up no others
  std::map<std::size_t, int> begin_tries = {};  // by task: its next attempt could not be begun
  bool waits_for_past = false;                  // a task of it does, or did
  bool parked = false;   // nothing of it can go on before its past has, or there is room
  bool dropped = false;  // of a backfill, behind one that did not succeed

  // After run.tasks was replaced.
  void Index();

  // nullptr: it has no such task.
  Task* Find(std::string_view name);
  std::size_t IndexOf(const Task& task) const;  // of one of run.tasks

  Verdict Judge(std::size_t task) const;
  // The task before this one because of which it is skipped; nullptr: none.
  const Task* Blocker(std::size_t task) const;

  // Whether the task, which has ended, is a good past for the same task in the next run: it
  // succeeded, or was skipped for no failure. nullopt: it was cancelled before it began, which says
  // nothing.
  std::optional<bool> Past(std::size_t task) const;

  // To be called when a task has become final; its successors are to be judged again.
  const std::vector<std::size_t>& NoteFinal(std::size_t task);

  bool AllFinal() const { return final_ == run.tasks.size(); }

  // The state that follows from the tasks', all of which are final, and the task that decided it
  // (nullptr: none in particular). Any failed: failed; else any cancelled: cancelled; else
  // succeeded.
  State Outcome(const Task** decider) const;

 private:
  struct Before {
    std::size_t all = 0, final = 0, good = 0, bad = 0;
  };

  // Failed, cancelled, or skipped because of one that was.
  bool IsBad(std::size_t task) const;

  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<std::vector<std::size_t>> successors_;
  std::vector<Before> before_;  // of each task: those it waits for
  std::size_t final_ = 0;
};

}  // namespace busker::plan

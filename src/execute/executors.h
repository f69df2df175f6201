// The executors of a daemon, by the URL of their place: "docker:///run/docker.sock?image=churn:1".
// What follows a "?" belongs to an attempt, not to the place. Each is opened when it is first used,
// so a place that is away concerns those alone whose attempts are there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "execute/executor.h"

namespace busker::execute {

// Opens the executor of a place, "" being this machine. An Error is kTemporary where the place may
// answer later.
using OpenExecutor =
    std::function<Result<std::unique_ptr<Executor>>(const std::string& place, Executor::OnEnded)>;

// Used by one thread.
class Executors {
 public:
  Executors(OpenExecutor open, Executor::OnEnded on_ended)
      : open_(std::move(open)), on_ended_(std::move(on_ended)) {}

  // The executor of attempts at `place` (plan::Task::place). It lives as long as this.
  Result<Executor*> At(const std::string& place);

  // After a restart, before all else: each executor, now or when it is opened, ends what attempts
  // that are over have left at its place. `unfinished`: all others, wherever they are, for two
  // places may turn out to be one. `in_use`: places that are opened, and so swept, at once, for
  // something may have been left there; one that cannot be opened is left for its next use.
  Result<void> Sweep(std::vector<attempt::Name> unfinished,
                     const std::vector<std::string>& in_use = {});

  // Those of all executors that are open. Waits for nothing.
  std::vector<Debt> Debts() const;
  std::vector<Silence> Silences() const;

 private:
  const OpenExecutor open_;
  const Executor::OnEnded on_ended_;
  std::map<std::string, std::unique_ptr<Executor>> executors_;
  std::vector<attempt::Name> unfinished_;
};

}  // namespace busker::execute

// Attempts as processes of this machine, each surrounded by busker-runner.
//
// The attempt's folder is the attempt: it is made before the process, the runner holds its lock
// while it lives, and exit.json in it is how it ended. So an attempt outlives this program, and
// another instance of it finds everything again by name.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/result.h"
#include "execute/attempt_name.h"
#include "io/file.h"
#include "runner/attempt_file.h"

namespace busker::execute {

class ProcessExecutor {
 public:
  // How an attempt ended; an Error when no record of it can be had (the disk is gone). Called once
  // per attempt launched or recovered, on the waiter's thread.
  using OnEnded = std::function<void(const AttemptName&, Result<runner::ExitRecord>)>;

  // `runner`: path of busker-runner. `folder`: attempts live in folder/RUN/TASK.NUMBER.
  static Result<std::unique_ptr<ProcessExecutor>> Start(io::fs::path runner, io::fs::path folder,
                                                        OnEnded on_ended);
  ~ProcessExecutor();  // stops waiting; what runs goes on running

  // Starts the attempt, whose name is on record already. An error means that it was not started.
  Result<void> Launch(const AttemptName& name, const runner::AttemptOrder& order);

  // After a restart: finds the attempt by its name, whatever became of it. It has ended: told at
  // once. It runs: waited for. It was never started: started. Its runner died: what it left running
  // is killed and the attempt ends as not started. Never starts its command a second time.
  Result<void> Recover(const AttemptName& name, const runner::AttemptOrder& order);

  // Tells a running attempt to stop (SIGTERM, then SIGKILL after the order's grace). One that has
  // ended is no error.
  Result<void> Stop(const AttemptName& name);

  io::fs::path FolderOf(const AttemptName& name) const;

 private:
  struct Watched {
    AttemptName name;
    pid_t process = 0;
    bool is_child = false;
    int settles = 0;  // how often a runner was started again to settle it
  };

  ProcessExecutor(io::fs::path runner, io::fs::path folder, OnEnded on_ended)
      : runner_(std::move(runner)), folder_(std::move(folder)), on_ended_(std::move(on_ended)) {}

  Result<void> StartRunner(const AttemptName& name, int settles);
  Result<bool> Adopt(const AttemptName& name);
  Result<void> Watch(io::Descriptor pidfd, Watched watched);
  void WaitLoop();
  void TakeEnd(Watched watched);

  const io::fs::path runner_, folder_;
  const OnEnded on_ended_;
  io::Descriptor epoll_, wake_;
  std::mutex mutex_;                                           // guards watched_ and stopped_
  std::map<int, std::pair<io::Descriptor, Watched>> watched_;  // by pidfd
  std::set<AttemptName> stopped_;                              // told to stop, and not ended yet
  std::thread waiter_;
};

// The process that holds the lock of an attempt's folder: its pidfd and process id. nullopt: none.
struct LivingRunner {
  io::Descriptor pidfd;
  pid_t process = 0;
};
Result<std::optional<LivingRunner>> FindRunner(const io::fs::path& attempt_folder);

// The environment entry by which the processes of an attempt are known: "BUSKER_ATTEMPT=...".
std::string MarkOf(const AttemptName& name);

}  // namespace busker::execute

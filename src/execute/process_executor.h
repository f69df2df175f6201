// Attempts as processes of this machine, each surrounded by busker-runner.
//
// The attempt's folder is the attempt: the runner holds a lock in it while it works on the attempt,
// and exit.json in it is how the attempt ended. So an attempt outlives this program, and another
// instance of it finds everything again by name.
//
// A runner that has ended an attempt cleanly waits a while for the next order (runner/serve.h): it
// has one attempt at a time, and goes when this program does.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/result.h"
#include "execute/attempt_name.h"
#include "io/file.h"
#include "runner/attempt_file.h"
#include "runner/open_files.h"
#include "runner/serve.h"

namespace busker::execute {

class ProcessExecutor {
 public:
  // How an attempt ended; an Error when no record of it can be had (the disk is gone). Called once
  // per attempt launched or recovered, on the waiter's thread, or by Recover itself. It may call
  // Launch.
  using OnEnded = std::function<void(const AttemptName&, Result<runner::ExitRecord>)>;

  // The value of a secret, or the sentence why an attempt that needs it fails. Any thread.
  using SecretOf = std::function<Result<std::string>(const std::string& name)>;

  // `runner`: path of busker-runner. `folder`: attempts live in folder/RUN/TASK.NUMBER. Without
  // `secret_of` there are no secrets.
  static Result<std::unique_ptr<ProcessExecutor>> Start(io::fs::path runner, io::fs::path folder,
                                                        OnEnded on_ended, SecretOf secret_of = {});
  ~ProcessExecutor();  // stops waiting; what runs goes on running

  // Starts the attempt, whose name is on record already. An error means that it was not started;
  // with kTemporary nothing of it is there, and it may be launched again under the same name.
  // One with secrets has a runner of its own, which gets their values on no way that others see
  // (runner/handed_secrets.h); where one cannot be had, the attempt ends so without its command.
  Result<void> Launch(const AttemptName& name, const runner::AttemptOrder& order);

  // After a restart: finds the attempt by its name, whatever became of it. It has ended: told at
  // once. It runs: waited for. It was never started: started. Its runner died: what it left running
  // is killed and the attempt ends as lost. Never starts its command a second time.
  //
  // An unsynced order (order.synced) counts as never started only when order.boot, the boot in
  // which the attempt was decided on, is this one; else it ends as lost.
  Result<void> Recover(const AttemptName& name, const runner::AttemptOrder& order);

  // Tells a running attempt to stop (SIGTERM, then SIGKILL after the order's grace). One that has
  // ended is no error. After an error it goes on, and may be told again.
  Result<void> Stop(const AttemptName& name);

  io::fs::path FolderOf(const AttemptName& name) const;

 private:
  // A runner, by the descriptor that tells about it: its channel while it takes orders from us,
  // else its pidfd.
  struct Watched {
    io::Descriptor fd;
    bool is_channel = false;
    pid_t process = 0;
    bool is_child = false;
    bool signalled = false;           // takes no further attempt
    std::optional<AttemptName> name;  // of its attempt; none: it waits
    std::string order;                // of it, when it is not in its folder
    int settles = 0;                  // how often a runner was started again to settle it
  };
  using Lock = std::unique_lock<std::mutex>;

  ProcessExecutor(io::fs::path runner, io::fs::path folder, OnEnded on_ended, SecretOf secret_of)
      : runner_(std::move(runner)),
        folder_(std::move(folder)),
        on_ended_(std::move(on_ended)),
        secret_of_(std::move(secret_of)),
        answer_(runner::kAnswerBytesMax) {}

  Result<io::Descriptor> SecretsFor(const io::fs::path& attempt_folder) const;
  Result<std::vector<std::string>> ValuesOf(const std::vector<runner::SecretUse>& secrets) const;
  Result<void> HandOver(const AttemptName& name, std::string order, int settles);
  Result<void> StartRunner(const AttemptName& name, std::string order, int settles);
  Result<void> StartWithOrder(const std::string& message, Watched watched);
  Result<bool> Adopt(const AttemptName& name);
  Result<void> Watch(Watched watched);
  void Assign(Watched& watched, const AttemptName& name, std::string order, int settles);
  Result<void> WatchNew(Watched watched);
  Result<void> Signal(Watched& watched);
  Watched Forget(int fd);
  void WaitLoop();
  void TakeAnswer(int fd);
  void WatchProcess(Lock lock, int fd);
  void TakeDeath(Watched watched);

  const io::fs::path runner_, folder_;
  const OnEnded on_ended_;
  const SecretOf secret_of_;
  const runner::OpenFilesRaised open_files_;  // one for each runner
  io::Descriptor epoll_, wake_;
  std::vector<char> answer_;  // of the waiter's thread
  std::mutex mutex_;          // guards what follows
  std::map<int, Watched> watched_;
  std::map<AttemptName, int> attempts_;  // who has each
  std::vector<int> waiting_;             // runners without an attempt
  std::set<AttemptName> stopped_;        // told to stop, and not ended yet
  std::thread waiter_;
};

// The process that holds the lock of an attempt's folder: its pidfd and process id. nullopt: none.
struct LivingRunner {
  io::Descriptor pidfd;
  pid_t process = 0;
};
Result<std::optional<LivingRunner>> FindRunner(const io::fs::path& attempt_folder);

// The environment entry that tells a program which attempt it is: "BUSKER_ATTEMPT=RUN/TASK.NUMBER".
std::string EntryOf(const AttemptName& name);

// The environment entry by which the processes of an attempt are known, and those of no other:
// "BUSKER_MARK=INSTANCE/RUN/TASK.NUMBER". `instance`: of the home that started it; empty: an
// earlier version of Busker did, which had but the entry above.
std::string MarkOf(const AttemptName& name, const std::string& instance);

}  // namespace busker::execute

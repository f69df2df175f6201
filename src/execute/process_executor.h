// Attempts as processes of this machine, each surrounded by busker-runner.
//
// The attempt's folder is the attempt: the runner holds a lock in it while it works on the attempt,
// and exit.json in it is how the attempt ended. So an attempt outlives this program, and another
// instance of it finds everything again by name.
//
// A runner that has ended an attempt cleanly waits a while for the next order (attempt/channel.h):
// it has one attempt at a time, and goes when this program does.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "attempt/channel.h"
#include "execute/executor.h"
#include "io/file.h"
#include "io/open_files.h"

namespace busker::execute {

class ProcessExecutor : public Executor {
 public:
  // `runner`: path of busker-runner. `folder`: attempts live in folder/RUN/TASK.NUMBER. Without
  // `secret_of` there are no secrets.
  static Result<std::unique_ptr<ProcessExecutor>> Start(io::fs::path runner, io::fs::path folder,
                                                        OnEnded on_ended, SecretOf secret_of = {});
  ~ProcessExecutor() override;

  // An attempt with secrets has a runner of its own, which gets their values on no way that others
  // see (attempt/handed_secrets.h).
  Result<void> Launch(const Attempt& attempt) override;
  Result<void> Recover(const Attempt& attempt) override;
  Result<void> Stop(const attempt::Name& name) override;
  Result<void> Sweep(std::span<const attempt::Name> unfinished) override;

  io::fs::path FolderOf(const attempt::Name& name) const;

 private:
  // What a runner has to do.
  struct Job {
    attempt::Name name;
    std::string order;
    std::vector<std::string> secrets;  // names
    int settles = 0;                   // how often a runner was started again to settle it
  };
  // A runner, by the descriptor that tells about it: its channel while it takes orders from us,
  // else its pidfd.
  struct Watched {
    io::Descriptor fd;
    bool is_channel = false;
    pid_t process = 0;
    bool is_child = false;
    bool signalled = false;  // takes no further attempt
    std::optional<Job> job;  // none: it waits
  };
  using Lock = std::unique_lock<std::mutex>;

  ProcessExecutor(io::fs::path runner, io::fs::path folder, OnEnded on_ended, SecretOf secret_of)
      : runner_(std::move(runner)),
        folder_(std::move(folder)),
        on_ended_(std::move(on_ended)),
        secret_of_(std::move(secret_of)),
        answer_(attempt::kAnswerBytesMax) {}

  Result<io::Descriptor> HandSecrets(const std::vector<std::string>& names) const;
  Result<void> Begin(Job job);
  Result<void> HandOver(Job job);
  Result<void> StartRunner(Job job);
  Result<void> StartWithOrder(const std::string& message, Job job);
  Result<bool> Adopt(const Job& job);
  Result<void> Watch(Watched watched);
  void Assign(Watched& watched, Job job);
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
  const io::OpenFilesRaised open_files_;  // one for each runner
  io::Descriptor epoll_, wake_;
  std::vector<char> answer_;  // of the waiter's thread
  std::mutex mutex_;          // guards what follows
  std::map<int, Watched> watched_;
  std::map<attempt::Name, int> attempts_;  // who has each
  std::vector<int> waiting_;               // runners without an attempt
  std::set<attempt::Name> stopped_;        // told to stop, and not ended yet
  std::thread waiter_;
};

// The process that holds the lock of an attempt's folder: its pidfd and process id. nullopt: none.
struct LivingRunner {
  io::Descriptor pidfd;
  pid_t process = 0;
};
Result<std::optional<LivingRunner>> FindRunner(const io::fs::path& attempt_folder);

}  // namespace busker::execute

// The engine: one thread, one mailbox, one loop.
//
//   events -> plan::Advance -> record (one transaction) -> carry out
//
// Nothing is done that is not on record; so after a crash the record says what may have been begun,
// and Recover finds it by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dispatch/mailbox.h"
#include "execute/process_executor.h"
#include "plan/run.h"
#include "record/record.h"

namespace busker::dispatch {

class Conductor {
 public:
  // Told of each decision once it is on record, on the conductor's thread.
  using Observer = std::function<void(const plan::Decision&)>;

  // `runner`: path of busker-runner; `runs_folder`: where attempts live.
  static Result<std::unique_ptr<Conductor>> Start(record::Record& record, io::fs::path runner,
                                                  io::fs::path runs_folder, Observer observer);

  // Takes up the runs that an earlier conductor left unfinished. Returns their ids.
  Result<std::vector<std::string>> Recover();

  // Adds a run to the record and to what is to be done. Call before RunToEnd, on its thread.
  Result<void> Add(const record::RunFacts& facts, const std::vector<record::TaskFacts>& tasks);

  // Any thread: asks for an end of the run.
  void Cancel(const std::string& run, const std::string& by);

  // The loop, until every run has ended (true) or `until` has passed (false). An error means that
  // the record cannot be written. In the last two cases nothing more is started, what runs goes on
  // running, and the next conductor recovers it.
  Result<bool> RunToEnd(std::optional<Instant> until = std::nullopt);

  io::fs::path FolderOf(const execute::AttemptName& name) const {
    return executor_->FolderOf(name);
  }

 private:
  Conductor(record::Record& record, Observer observer)
      : record_(record), observer_(std::move(observer)) {}

  void TakeEnd(const execute::AttemptName& name, Result<runner::ExitRecord> exit);
  void CarryOut(const plan::Decision& decision);
  Result<void> Launch(const execute::AttemptName& name);
  Result<runner::AttemptOrder> OrderOf(const execute::AttemptName& name);

  record::Record& record_;
  const Observer observer_;
  plan::Runs runs_;
  Mailbox mailbox_;
  std::unique_ptr<execute::ProcessExecutor> executor_;  // last: its thread posts to the mailbox
};

}  // namespace busker::dispatch

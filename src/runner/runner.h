// One attempt, from order to exit record: what busker-runner does.
//
//   take the lock -> load the input version -> expand the config -> run the command -> save
//   output/ -> write exit.json
#pragma once

#include <optional>
#include <string>

#include "attempt/exit_record.h"
#include "attempt/order.h"
#include "attempt/scratch.h"
#include "base/result.h"
#include "io/file.h"
#include "runner/memory_group.h"
#include "runner/signals.h"

namespace busker::runner {

// A process that carries out attempts, never more than one at a time. It becomes a subreaper,
// ignores SIGHUP, SIGINT and SIGPIPE and takes SIGTERM as "cancel"; so: one per process, main
// thread, no other threads.
class Runner {
 public:
  static Result<Runner> Claim();

  struct Done {
    attempt::ExitRecord record;
    std::string text;    // of exit.json
    Result<void> saved;  // as exit.json; else who waits for the answer is the only one to know
    bool clean;          // no process was left behind, nothing was cancelled: another may follow
  };
  // Carries out the order in `attempt_folder`, or `order`, for which the folder is made when it is
  // missing. Also when the command failed the exit record is in the folder in the end, but for
  // `saved`. An Error means that the attempt was not touched (no order, the lock is held by another
  // runner, exit.json already there, disk full).
  Result<Done> CarryOut(const io::fs::path& attempt_folder, std::optional<attempt::Order> order);

  // From now on one memory group and one working folder for bare tasks serve all attempts, until
  // they are cleaned up.
  void ExpectMany() { many_ = true; }
  void CleanUp();

  // "NAME=value" of an image: commands get them, too, but for those that an order has itself.
  void UseAlso(std::vector<std::string> image_environment) {
    image_environment_ = std::move(image_environment);
  }

  Signals& signals() { return signals_; }

 private:
  explicit Runner(Signals signals) : signals_(std::move(signals)) {}
  void RemoveGroup();

  Signals signals_;
  std::vector<std::string> image_environment_;
  bool many_ = false;
  std::optional<MemoryGroup> group_;
  std::optional<attempt::Scratch> scratch_;
};

// The same for a process that carries out one. `image_environment`: as of Runner::UseAlso.
Result<attempt::ExitRecord> RunAttempt(const io::fs::path& attempt_folder,
                                       std::vector<std::string> image_environment = {});

}  // namespace busker::runner

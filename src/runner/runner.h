// One attempt, from order to exit record: what busker-runner does.
//
//   take the lock -> load the input version -> expand the config -> run the command -> save
//   output/ -> write exit.json
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attempt/exit_record.h"
#include "attempt/order.h"
#include "attempt/scratch.h"
#include "base/result.h"
#include "io/file.h"
#include "runner/memory_group.h"
#include "runner/signals.h"

namespace busker::runner {

// Where a runner is the first process of a container.
struct Contained {
  std::string image;                     // by digest or id; empty: not known
  io::fs::path working_directory;        // of the image; empty: it names none
  std::vector<std::string> environment;  // "NAME=value" of the image; an order's own come first
};

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

  // From now on the order's command gets the image's variables, too, the service's folder is the
  // image's, and what is saved and how it ended name the image.
  void BeContained(Contained contained) { contained_ = std::move(contained); }

  Signals& signals() { return signals_; }

 private:
  explicit Runner(Signals signals) : signals_(std::move(signals)) {}
  void RemoveGroup();

  Signals signals_;
  std::optional<Contained> contained_;
  bool many_ = false;
  std::optional<MemoryGroup> group_;
  std::optional<attempt::Scratch> scratch_;
};

// The same for a process that carries out one.
Result<attempt::ExitRecord> RunAttempt(const io::fs::path& attempt_folder,
                                       std::optional<Contained> contained = {});

}  // namespace busker::runner

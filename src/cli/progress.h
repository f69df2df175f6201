// Shows a run as it goes: each task's log, and a line when a task or a run ends; on a terminal also
// what runs at the moment.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "attempt/log_follower.h"
#include "cli/ticker.h"
#include "home/home.h"
#include "plan/advance.h"
#include "record/record.h"

namespace busker::cli {

class Progress {
 public:
  Progress(home::Home home, bool show, bool show_logs)
      : home_(std::move(home)), show_(show), show_logs_(show && show_logs) {}

  void Take(const plan::Decision& decision);

  // Shows from the record what this process was not told of: the home changed its owner meanwhile,
  // or decisions came faster than they were read.
  void CatchUp(const record::RunRow& run);

 private:
  // How much of a task was shown.
  struct Shown {
    int attempt = 0;     // its log was, or is being shown
    bool ended = false;  // and that it has ended
  };
  // The lines of a log, on their way to the terminal.
  struct ShownLines;

  void Started(const std::string& run, const std::string& task, int attempt);
  void Ended(const plan::TaskChanged& task);
  void EndLog(const std::string& task);
  void Say(const std::string& line) const;

  const home::Home home_;
  const bool show_, show_logs_;
  std::map<std::string, Shown> tasks_;
  std::map<std::string, std::shared_ptr<ShownLines>> lines_;  // of the logs that are being shown
  Ticker ticker_;
  // An attempt is looked at while it runs when it has run for a moment.
  attempt::LogFollower logs_{
      {.begin_after = Milliseconds(40), .gather = Milliseconds(40), .logs_max = 10'000}};
};

}  // namespace busker::cli

// Shows a run as it goes: each task's log, and a line when a task or a run ends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/follow.h"
#include "dispatch/home.h"
#include "plan/advance.h"

namespace busker::cli {

class Progress {
 public:
  Progress(dispatch::Home home, bool show, bool show_logs)
      : home_(std::move(home)), show_(show), show_logs_(show && show_logs) {}

  void Take(const plan::Decision& decision);

  // After the last decision: waits for the rest of the logs.
  void Finish() { logs_.clear(); }

 private:
  // A task's log on its way to the terminal, a line at a time.
  struct ShownLog {
    ShownLog(const io::fs::path& folder, std::function<void(std::string_view)> use);
    ~ShownLog();
    int attempt = 0;
    LineCutter lines;
    std::optional<LogFollower> follower;
  };

  void Started(const plan::StartAttempt& start);
  void Ended(const plan::TaskChanged& task);
  void Say(const std::string& line) const;

  const dispatch::Home home_;
  const bool show_, show_logs_;
  std::map<std::string, std::unique_ptr<ShownLog>> logs_;
};

}  // namespace busker::cli

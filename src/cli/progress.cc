#include "cli/progress.h"

#include <fmt/core.h>

#include "base/text.h"
#include "cli/print.h"

namespace busker::cli {

Progress::ShownLog::ShownLog(const io::fs::path& folder, std::function<void(std::string_view)> use)
    : lines(std::move(use)),
      follower(std::in_place, folder, [this](std::string_view bytes) { lines.Add(bytes); }) {}

Progress::ShownLog::~ShownLog() {
  follower.reset();
  lines.Flush();
}

void Progress::Take(const plan::Decision& decision) {
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
    Started(*start);
  } else if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
    if (task->to != plan::State::kRunning) Ended(*task);
  } else if (const auto* retry = std::get_if<plan::RetryPlanned>(&decision)) {
    Say(fmt::format("  {}: attempt {} at {}", retry->task, retry->number,
                    FormatRfc3339(retry->at)));
  }
}

void Progress::Started(const plan::StartAttempt& start) {
  if (!show_logs_) return;
  auto& shown = logs_[start.run + "/" + start.task];
  if (shown != nullptr && shown->attempt == start.number) return;  // told of once more
  const io::fs::path folder =
      home_.RunsFolder() / start.run / fmt::format("{}.{}", start.task, start.number);
  if (!io::MakeFolders(folder, 0700)) return;  // to be watched before the first line is written
  const std::string prefix = Dim(fmt::format("{:>12} | ", start.task));
  shown.reset();
  shown = std::make_unique<ShownLog>(
      folder, [prefix](std::string_view line) { PrintLine(prefix + Printable(line)); });
  shown->attempt = start.number;
}

void Progress::Ended(const plan::TaskChanged& task) {
  logs_.erase(task.run + "/" + task.task);
  const bool retried = task.to == plan::State::kQueued;
  const plan::State state = retried ? plan::State::kFailed : task.to;
  Say(fmt::format("  {} {}{}", task.task, Coloured(state, NameOf(state)),
                  task.message.empty() ? "" : ": " + Printable(task.message)));
}

void Progress::Say(const std::string& line) const {
  if (show_) PrintLine(line);
}

}  // namespace busker::cli

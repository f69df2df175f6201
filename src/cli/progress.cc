#include "cli/progress.h"

#include <fmt/core.h>

#include <algorithm>

#include "attempt/folder.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/line_cutter.h"
#include "cli/print.h"
#include "prepare/step.h"

namespace busker::cli {

// All lines of a block go to the terminal in one piece: a program may write a million.
struct Progress::ShownLines {
  explicit ShownLines(const std::string& task)
      : prefix(Dim(fmt::format("{:>12} | ", task))), cutter([this](std::string_view line) {
          last = line;
          text += prefix;
          text += ShownLine(line, ColoursOfPrograms());
          text += '\n';
        }) {}

  void Add(std::string_view bytes) {
    cutter.Add(bytes);
    Show();
    if (!cutter.rest().empty()) {
      PrintUnfinished(prefix + ShownLine(cutter.rest(), Colours::kDropped));
    }
  }
  void Flush() {
    cutter.Flush();
    Show();
  }
  void Show() {
    if (!text.empty()) Print(text);
    text.clear();
  }

  const std::string prefix;
  std::string text;
  std::string last;  // line
  LineCutter cutter;
};

namespace {

// Of a sentence about a failure what its log has not just said: what the program wrote last, and
// all that one of Busker's own steps said.
std::string Unsaid(const std::string& message, std::string_view last_line) {
  constexpr std::string_view kSelf = "busker: ";
  if (last_line.starts_with(kSelf)) last_line.remove_prefix(kSelf.size());
  if (!last_line.empty() && message.starts_with(last_line)) {
    const std::string rest = message.substr(last_line.size());
    return rest.starts_with("; ") ? rest.substr(2) : rest;
  }
  return message.substr(0, message.find("; last output: "));
}

}  // namespace

void Progress::Take(const plan::Decision& decision) {
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
    Started(start->run, start->task, start->number);
  } else if (const auto* task = std::get_if<plan::TaskChanged>(&decision)) {
    if (task->to != plan::State::kRunning) Ended(*task);
  } else if (const auto* retry = std::get_if<plan::RetryPlanned>(&decision)) {
    // One that could not be begun comes again under its number.
    Shown& shown = tasks_[retry->task];
    shown.attempt = std::min(shown.attempt, retry->number - 1);
    Say(fmt::format("  {}: attempt {} at {}", retry->task, retry->number,
                    FormatRfc3339(retry->at)));
  }
}

void Progress::CatchUp(const record::RunRow& run) {
  for (const record::TaskRow& row : run.tasks) {
    const plan::Task& task = row.task;
    Shown& shown = tasks_[task.name];
    if (IsFinal(task.state) && shown.ended) continue;
    while (shown.attempt < task.attempts) {
      Started(run.facts.id, task.name, shown.attempt + 1);
    }
    if (IsFinal(task.state)) {
      Ended({run.facts.id, task.name, plan::State::kRunning, task.state, task.message});
    }
  }
}

void Progress::Started(const std::string& run, const std::string& task, int attempt) {
  Shown& shown = tasks_[task];
  if (shown.attempt >= attempt) return;  // told of once more
  shown = {attempt, false};
  const attempt::Name name{run, task, attempt};
  if (show_) ticker_.Begin(name, attempt::FolderOf(home_.RunsFolder(), name));
  if (!show_logs_) return;
  EndLog(task);  // of the attempt before
  const auto lines = std::make_shared<ShownLines>(task);
  attempt::LogReader reader(attempt::FolderOf(home_.RunsFolder(), name));
  const bool followed = logs_.Follow(
      task,
      {.reader = std::move(reader), .use = [lines](std::string_view bytes) { lines->Add(bytes); }});
  if (followed) lines_[task] = lines;
}

void Progress::Ended(const plan::TaskChanged& task) {
  ticker_.End(task.task);
  const auto lines = lines_.contains(task.task) ? lines_.at(task.task) : nullptr;
  EndLog(task.task);
  const std::string message = lines ? Unsaid(task.message, lines->last) : task.message;
  const bool retried = task.to == plan::State::kQueued;
  tasks_[task.task].ended = !retried;
  const plan::State state = retried ? plan::State::kFailed : task.to;
  // A promotion has done its work when the gate refuses, and nobody would call that a success.
  const bool is_refused = state == plan::State::kSucceeded && task.task == "promote" && lines &&
                          lines->last.starts_with(prepare::kNotPromoted);
  const std::string word =
      is_refused ? Coloured(plan::State::kSkipped, "refused") : Coloured(state, NameOf(state));
  Say(fmt::format("  {} {}{}", task.task, word, message.empty() ? "" : ": " + Printable(message)));
}

void Progress::EndLog(const std::string& task) {
  const auto lines = lines_.find(task);
  if (lines == lines_.end()) return;
  logs_.End(task);
  lines->second->Flush();
  lines_.erase(lines);
}

void Progress::Say(const std::string& line) const {
  if (show_) PrintLine(line);
}

}  // namespace busker::cli

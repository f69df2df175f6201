#include "service/schedule_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "plan/zoned_cron.h"
#include "service/conventions.h"
#include "service/fault.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

bool IsStep(std::string_view word) { return word == "start" || word == "wait" || word == "check"; }

// "start" of "training-start"; empty: the target is of no such kind.
std::string StepOfTarget(const std::string& target, const std::string& action) {
  if (!target.starts_with(action + "-")) return {};
  const std::string step = target.substr(action.size() + 1);
  return IsStep(step) ? step : "";
}

// What `make` is asked for; options and variables are not.
Words TargetsOf(const Words& command) {
  Words targets;
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string& word = command[i];
    if (word == "-C" || word == "-f" || word == "-I" || word == "-o" || word == "-W") ++i;
    const bool other = word.starts_with('-') || word.find('=') != std::string::npos;
    if (!other) targets.push_back(word);
  }
  return targets;
}

// The steps of the action that the task carries out; empty: it does something else, too.
Words StepsOf(const GraphTask& task, const std::string& action) {
  const auto command = SplitWords(task.code);
  if (!command || command->empty()) return {};
  const std::string program = fs::path(command->front()).filename().string();
  Words steps;
  if (program == "make") {
    for (const std::string& target : TargetsOf(*command)) {
      steps.push_back(StepOfTarget(target, action));
      if (steps.back().empty()) return {};
    }
  } else if (program == "busker" && command->size() >= 3 && IsStep((*command)[1])) {
    const bool named = std::find(command->begin() + 2, command->end(), action) != command->end();
    if (named) steps.push_back((*command)[1]);
  }
  return steps;
}

// Empty: it has nothing to do with the action.
std::string WhyNoSchedule(const GraphFile& file, const std::string& action) {
  const auto has_steps = [&](const GraphTask& task) { return !StepsOf(task, action).empty(); };
  if (std::none_of(file.tasks.begin(), file.tasks.end(), has_steps)) return {};
  const auto other = std::find_if_not(file.tasks.begin(), file.tasks.end(), has_steps);
  if (other == file.tasks.end()) {
    return file.once ? "it runs once" : fmt::format("no task of it starts {}", action);
  }
  const std::string why =
      fmt::format("its task {} does something else, {}", Quoted(other->name), Quoted(other->code));
  const Words targets = {action + "-start", action + "-wait", action + "-check"};
  for (const std::string& word : SplitWords(other->code).value_or(Words())) {
    const auto meant = Nearest(word, targets);
    if (meant && *meant != word) return fmt::format("{}; did you mean {}?", why, *meant);
  }
  return why;
}

// Those that there may be, by name.
std::vector<ScheduleFile> FilesNamedLikeActions(const std::string& root) {
  std::vector<ScheduleFile> files;
  if (!IsWholeRepository(root)) return files;
  Faults others;  // of configs: told when the service is read
  const auto names = FindConfigs(root, kProgramFolder, others);
  for (const std::string& action : names.value_or(std::vector<std::string>())) {
    const std::string shown = fmt::format("scheduler/configs/{}.json", action);
    files.push_back({action, (fs::path(root) / shown).string(), shown});
  }
  return files;
}

// The text of a file that nobody can read as a whole.
bool SpeaksOf(const std::string& text, const std::string& action) {
  return text.find(action + "-start") != std::string::npos ||
         text.find("start " + action) != std::string::npos;
}

}  // namespace

bool IsScheduleOf(const GraphFile& file, const std::string& action) {
  if (file.once) return false;
  bool starts = false;
  for (const GraphTask& task : file.tasks) {
    const Words steps = StepsOf(task, action);
    if (steps.empty()) return false;
    starts = starts || std::find(steps.begin(), steps.end(), "start") != steps.end();
  }
  return starts;
}

std::vector<ScheduleFile> FindScheduleFiles(const std::string& root) {
  std::vector<ScheduleFile> files;
  for (ScheduleFile& named : FilesNamedLikeActions(root)) {
    const auto text = ReadTextFile(named.path, kGraphFileBytesMax);
    if (!text || !*text) continue;
    const auto file = LoadGraphFile(named.path);
    if (file ? IsScheduleOf(*file, named.action) : SpeaksOf(**text, named.action)) {
      files.push_back(std::move(named));
    }
  }
  return files;
}

std::vector<std::string> NearlySchedules(const std::string& root) {
  std::vector<std::string> sentences;
  for (const ScheduleFile& named : FilesNamedLikeActions(root)) {
    const auto file = LoadGraphFile(named.path);
    if (!file || IsScheduleOf(*file, named.action)) continue;
    if (std::string why = WhyNoSchedule(*file, named.action); !why.empty()) {
      sentences.push_back(
          fmt::format("{} is a graph of its own and not the schedule of the action {}: {}",
                      named.shown, named.action, why));
    }
  }
  return sentences;
}

// A graph's bounds are those of the beginnings of intervals, and a run begins at the end of its
// own.
Result<void> TakeSchedule(const GraphFile& file, Action& action) {
  if (!file.schedule) return {};
  TRY_ASSIGN(const plan::Cron cron, plan::ParseCron(*file.schedule));
  TRY_ASSIGN(const auto instants, plan::ZonedCron::Make(cron, file.time_zone));
  action.schedule = file.schedule;
  action.time_zone = file.time_zone;
  if (file.start) {
    const auto first = instants.Next(*file.start - Milliseconds(1));
    action.start = first ? instants.Next(*first) : std::nullopt;
  }
  if (file.end) action.end = instants.Next(*file.end);
  action.catch_up = file.catch_up;
  action.run_timeout = file.run_timeout;
  // Unless the file says how many runs may go at once, it is as of any action.
  if (file.runs_at_once != GraphFile{}.runs_at_once) action.runs_at_once = file.runs_at_once;
  action.depends_on_past = std::any_of(file.tasks.begin(), file.tasks.end(),
                                       [](const GraphTask& task) { return task.depends_on_past; });
  return {};
}

}  // namespace busker::service

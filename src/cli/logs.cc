// busker logs: what the tasks of a run wrote.
#include <fmt/format.h>

#include <cstdio>

#include "base/id.h"
#include "base/text.h"
#include "cli/follow.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "runner/capped_log.h"

namespace busker::cli {
namespace {

// The run that `what` means: an id, or the newest run of an action, or the newest run.
Result<record::RunRow> FindRun(record::Record& record, const std::string& what) {
  if (!what.empty()) {
    if (auto run = record.FindRun(what); run || run.error().kind != ErrorKind::kNotFound) return run;
  }
  record::RunFilter filter;
  filter.action = what;
  filter.count_max = 1;
  TRY_ASSIGN(auto runs, record.ListRuns(filter));
  if (!runs.empty()) return std::move(runs.front());
  if (what.empty()) return NotFound("there are no runs yet; busker run ACTION starts one");
  return NotFound(fmt::format("there is no run {} and no run of an action of that name; busker runs "
                              "lists them", what));
}

// A terminal is spared the control characters of a log; elsewhere the bytes come as they are.
void Show(std::string_view bytes) { Print(IsTerminal() ? Printable(bytes) : std::string(bytes)); }

Result<void> ShowAttempt(const io::fs::path& folder, bool follow) {
  if (follow) return FollowLog(folder, -1, Show);
  return runner::LogReader(folder).ReadNew(Show);
}

}  // namespace

Result<int> Logs(const Common& common, const LogsOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const auto record, OpenRecord(workspace));
  TRY_ASSIGN(record::RunRow run, FindRun(*record, options.what));
  bool task_known = options.task.empty();
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    const plan::Task task = run.tasks[i].task;
    if (!options.task.empty() && task.name != options.task) continue;
    task_known = true;
    const int attempt = options.attempt.value_or(task.attempts);
    if (attempt < 1 || attempt > task.attempts) {
      if (options.attempt) {
        return NotFound(fmt::format("task {} of run {} has no attempt {}; it has {}", task.name,
                                    run.facts.id, attempt, task.attempts));
      }
      continue;  // not begun
    }
    if (run.tasks.size() > 1 && options.task.empty()) {
      PrintLine(Dim(fmt::format("==> {}, attempt {} <==", task.name, attempt)));
    }
    const io::fs::path folder = workspace.home.RunsFolder() / run.facts.id /
                                fmt::format("{}.{}", task.name, attempt);
    TRY(ShowAttempt(folder, options.follow));
    if (options.follow) {  // who comes next?
      TRY_ASSIGN(run, record->FindRun(run.facts.id));
    }
  }
  if (!task_known) {
    std::vector<std::string> names;
    for (const auto& task : run.tasks) names.push_back(task.task.name);
    return NotFound(fmt::format("run {} has no task {}; it has {}", run.facts.id, options.task,
                                Join(names, ", ")));
  }
  return 0;
}

}  // namespace busker::cli

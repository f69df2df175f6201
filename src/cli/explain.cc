// busker explain: why something runs, waits or failed, in a sentence.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "attempt/exit_record.h"
#include "base/plural.h"
#include "base/text.h"
#include "cli/gate_word.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "home/instance.h"
#include "prepare/cost.h"

namespace busker::cli {
namespace {

// " (1 of them preempted)", whichever they were.
std::string Preempted(const std::vector<record::AttemptRow>& attempts) {
  const auto preempted = std::count_if(attempts.begin(), attempts.end(), [](const auto& attempt) {
    return attempt.ending == attempt::NameOf(attempt::Ending::kPreempted);
  });
  return preempted == 0 ? "" : fmt::format(" ({} of them preempted)", preempted);
}

// What the newest attempt's machine of its own took, beside the program.
std::string PartsOfMachine(const std::vector<record::AttemptRow>& attempts) {
  if (attempts.empty() || attempts.back().boot.count() == 0) return "";
  const record::AttemptRow& it = attempts.back();
  std::string parts = fmt::format("; its machine took {} to boot, and {} to fetch the image",
                                  FormatDuration(it.boot), FormatDuration(it.pull));
  if (it.started_at && it.command_started_at) {
    parts += fmt::format("; loading what it begins with took {}",
                         FormatDuration(*it.command_started_at - *it.started_at));
  }
  return parts;
}

// Of a run that has ended, or one of its tasks.
Result<std::string> ExplainEnded(const Place& place, record::Record& record,
                                 const record::RunRow& run, const std::string& task) {
  const std::string was =
      run.state == plan::State::kCancelled || run.state == plan::State::kSkipped ? "was " : "";
  if (task.empty()) {
    prepare::Rulings rulings(record, home::FolderOf(place.home));
    const std::string why = WordOf(run, rulings).why;
    const std::string cost = prepare::CostOf(run);
    return fmt::format("run {} of {} for {} {}{} at {} (trigger: {}){}{}{}{}", run.facts.id,
                       run.facts.action, run.facts.data_date, was, NameOf(run.state),
                       run.ended_at ? FormatRfc3339(*run.ended_at) : "an unknown time",
                       run.facts.trigger, why.empty() ? "" : ": ", why,
                       cost.empty() ? "" : "; it took ", cost);
  }
  const auto found = std::find_if(run.tasks.begin(), run.tasks.end(),
                                  [&](const auto& row) { return row.task.name == task; });
  if (found == run.tasks.end()) {
    return NotFound(fmt::format("run {} has no task {}", run.facts.id, task));
  }
  const plan::Task& it = found->task;
  return fmt::format("task {} of run {} {} after {} of at most {}{}{}{}{}", it.name, run.facts.id,
                     NameOf(it.state), it.attempts,
                     Plural(static_cast<std::uint64_t>(it.attempts_max), "attempt"),
                     Preempted(found->attempts), it.message.empty() ? "" : ": ", it.message,
                     PartsOfMachine(found->attempts));
}

// Of an action or graph, when nobody owns the home.
Result<std::string> ExplainUnattended(const Place& place, const std::string& what) {
  constexpr char kNothingStarts[] = "; busker up is not running, so nothing starts by itself";
  TRY_ASSIGN(const plan::GraphKey graph, FindGraph(place, what));
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  TRY_ASSIGN(const auto memory, record->FindGraph(graph));
  const std::string paused =
      memory && memory->paused ? fmt::format("{} is paused by {}; ", graph, memory->paused_by) : "";
  const auto newest = record->NewestRun(graph);
  if (!newest && newest.error().kind == ErrorKind::kNotFound) {
    return fmt::format("{}{} has not run yet{}", paused, graph, kNothingStarts);
  }
  TRY(newest);
  TRY_ASSIGN(const std::string last, ExplainEnded(place, *record, *newest, ""));
  return paused + last + kNothingStarts;
}

Result<std::string> ExplainIt(const Place& place, const ExplainOptions& options) {
  const daemon::Client client = ClientOf(place.home);
  const bool answered = client.SomebodyListens();
  std::optional<record::RunRow> run;
  std::unique_ptr<record::Record> record;
  if (HasHome(place.home)) {
    TRY_ASSIGN(record, OpenRecord(place.home));
    if (auto found = record->FindRun(options.what)) run = std::move(*found);
    // A task is one of a run: of the newest, when an action is named.
    if (!run && !options.task.empty()) {
      TRY_ASSIGN(run, FindRun(place, *record, options.what));
    }
  }
  if (run && IsFinal(run->state)) return ExplainEnded(place, *record, *run, options.task);
  if (answered) {
    if (run) return client.Explain(run->facts.id, options.task);
    TRY_ASSIGN(const plan::GraphKey graph, FindGraph(place, options.what));
    return client.Explain(graph.Text(), options.task);
  }
  if (run) {
    return fmt::format(
        "run {} has not ended, and no busker is at work here; busker up, or any busker run, goes "
        "on with it",
        run->facts.id);
  }
  return ExplainUnattended(place, options.what);
}

}  // namespace

Result<int> Explain(const Common& common, const ExplainOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY_ASSIGN(const std::string sentence, ExplainIt(place, options));
  if (common.json) {
    PrintJson({{"what", options.what}, {"explained", sentence}});
  } else {
    PrintLine(IsTerminal() ? Printable(sentence) : sentence);  // it may hold a program's words
  }
  return 0;
}

}  // namespace busker::cli

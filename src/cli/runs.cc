// busker runs: what ran, newest first.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/print.h"
#include "cli/workspace.h"

namespace busker::cli {
namespace {

std::string Took(const record::RunRow& run) {
  if (!run.started_at || !run.ended_at) return "";
  return FormatDuration(*run.ended_at - *run.started_at);
}

}  // namespace

Result<int> ListRuns(const Common& common, const RunsOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  record::RunFilter filter;
  filter.action = options.action;
  filter.count_max = options.count;
  if (!options.state.empty()) {
    filter.state = plan::ParseState(options.state);
    if (!filter.state) {
      return Invalid("there is no state \"" + options.state +
                     "\"; there is queued, running, succeeded, failed, cancelled, skipped");
    }
  }
  if (!options.action.empty()) TRY(service::FindAction(workspace.service, options.action));
  std::vector<record::RunRow> runs;
  if (HasHome(workspace)) {
    TRY_ASSIGN(const auto record, OpenRecord(workspace));
    TRY_ASSIGN(runs, record->ListRuns(filter));
  }
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& run : runs) list.push_back(Describe(run));
    PrintJson(list);
    return 0;
  }
  if (runs.empty()) {
    PrintLine("no runs yet; busker run ACTION starts one");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& run : runs) {
    rows.push_back({run.facts.id, run.facts.action, std::string(NameOf(run.state)),
                    run.facts.data_date, FormatRfc3339(run.facts.requested_at), Took(run),
                    run.message});
  }
  Print(
      Table({{"RUN"}, {"ACTION"}, {"STATE"}, {"DATA DATE"}, {"REQUESTED"}, {"TOOK", true}, {"WHY"}},
            rows));
  return 0;
}

}  // namespace busker::cli

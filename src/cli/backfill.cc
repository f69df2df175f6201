// busker backfill: one run for each instant of a schedule in a range.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"

namespace busker::cli {

Result<int> Backfill(const Common& common, const BackfillOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  if (!options.dry_run) TRY(CheckMayLeaveWork(common, place));
  daemon::BackfillRequest request;
  TRY_ASSIGN(request.graph, FindGraph(place, options.action));
  request.from = options.from;
  request.to = options.to;
  request.dry_run = options.dry_run;
  request.newest_first = options.newest_first;
  request.retry_failed = options.retry_failed;
  request.runs_at_once = options.runs_at_once;
  request.by = common.By();
  std::vector<daemon::BackfillInstant> instants;
  const auto asked = AskOwner(common, place, [&](const daemon::Client& client) -> Result<void> {
    TRY_ASSIGN(instants, client.Backfill(request));
    return {};
  });
  TRY(asked);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& instant : instants) {
      list.push_back({{"due_at", FormatRfc3339(instant.due)},
                      {"scheduled_at", FormatRfc3339(instant.scheduled_at)},
                      {"run", instant.run.empty() ? nlohmann::ordered_json()
                                                  : nlohmann::ordered_json(instant.run)},
                      {"what", instant.what}});
    }
    PrintJson(list);
    return 0;
  }
  if (instants.empty()) {
    PrintLine("the schedule has no instants in that range");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& instant : instants) {
    rows.push_back({FormatRfc3339(instant.scheduled_at), instant.what, instant.run});
  }
  Print(Table({{"FOR"}, {"WHAT"}, {"RUN"}}, rows));
  const auto runs = std::count_if(instants.begin(), instants.end(), [](const auto& instant) {
    return instant.what == "run" || instant.what == "retry";
  });
  PrintLine(options.dry_run ? fmt::format("{} would run; without --dry-run they do, {} at once",
                                          runs, options.runs_at_once)
                            : fmt::format("{} queued, {} at once; busker runs shows them", runs,
                                          options.runs_at_once));
  return 0;
}

}  // namespace busker::cli

// busker backfill: one run for each instant of a schedule in a range.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;
using Instants = std::vector<daemon::BackfillInstant>;

ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

void PrintFacts(const Instants& instants) {
  auto list = ordered_json::array();
  for (const auto& instant : instants) {
    list.push_back({{"due_at", FormatRfc3339(instant.due)},
                    {"scheduled_at", FormatRfc3339(instant.scheduled_at)},
                    {"run", TextOrNull(instant.run)},
                    {"what", instant.what},
                    {"version", TextOrNull(instant.version)},
                    {"version_data_date", TextOrNull(instant.version_date)},
                    {"warning", TextOrNull(instant.warning)}});
  }
  PrintJson(list);
}

// A table of the instants; what many of them have to be warned of is told once, below.
void PrintTable(const Instants& instants) {
  std::vector<std::string> warnings;
  std::vector<std::vector<std::string>> rows;
  for (const auto& instant : instants) {
    std::string mark;
    if (!instant.warning.empty()) {
      auto found = std::find(warnings.begin(), warnings.end(), instant.warning);
      if (found == warnings.end()) found = warnings.insert(found, instant.warning);
      mark = fmt::format("({})", found - warnings.begin() + 1);
    }
    const std::string version =
        instant.version.empty() ? ""
                                : fmt::format("{}, of {}", instant.version, instant.version_date);
    rows.push_back({FormatRfc3339(instant.scheduled_at), instant.what, version, instant.run, mark});
  }
  Print(Table({{"FOR"}, {"WHAT"}, {"VERSION"}, {"RUN"}, {"WARNING"}}, rows));
  for (std::size_t i = 0; i < warnings.size(); ++i) {
    PrintLine(fmt::format("({}) {}", i + 1, Printable(warnings[i])));
  }
}

}  // namespace

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
  request.force = options.force;
  request.by = common.By();
  request.target = common.target;
  std::vector<daemon::BackfillInstant> instants;
  const auto asked = AskOwner(common, place, [&](const daemon::Owner& owner) -> Result<void> {
    TRY_ASSIGN(instants, owner.Backfill(request));
    return {};
  });
  TRY(asked);
  if (common.json) {
    PrintFacts(instants);
    return 0;
  }
  if (instants.empty()) {
    PrintLine("the schedule has no instants in that range");
    return 0;
  }
  PrintTable(instants);
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

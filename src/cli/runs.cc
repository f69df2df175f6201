// busker runs: what ran, newest first.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/gate_word.h"
#include "cli/graph_names.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "home/instance.h"
#include "prepare/requested_run.h"

namespace busker::cli {
namespace {

std::string Took(const record::RunRow& run) {
  if (!run.started_at || !run.ended_at) return "";
  return FormatDuration(*run.ended_at - *run.started_at);
}

// As short as it can be told apart.
std::string NameOfGraph(const Place& place, const record::RunFacts& run) {
  const bool own = place.service && place.service->name == run.service;
  return own ? run.action : run.Graph().Text();
}

// With the targets, if one of them is not the usual one.
void PrintTable(const Place& place, const std::vector<record::RunRow>& runs,
                prepare::Rulings& rulings) {
  const bool has_targets = std::any_of(runs.begin(), runs.end(), [](const record::RunRow& run) {
    return !run.facts.target.empty() && run.facts.target != "local";
  });
  std::vector<Column> columns = {{"RUN"},
                                 {"ACTION"},
                                 {"STATE"},
                                 {"DATA DATE", false, 1},
                                 {"REQUESTED", false, 2},
                                 {"TOOK", true, 3},
                                 {"WHY", false, 0, true}};
  if (has_targets) columns.insert(columns.begin() + 2, {"TARGET", false, 4});
  std::vector<std::vector<std::string>> rows;
  for (const auto& run : runs) {
    GateWord word = WordOf(run, rulings);
    std::vector<std::string>& row = rows.emplace_back();
    row = {run.facts.id,        NameOfGraph(place, run.facts), std::move(word.state),
           run.facts.data_date, When(run.facts.requested_at),  Took(run),
           std::move(word.why)};
    if (has_targets) row.insert(row.begin() + 2, run.facts.target);
  }
  Print(Table(columns, rows));
}

// What `date` names as a data date. "today" is that of the action's zone; without an action, of all
// zones that there are, if it is the same in them.
Result<std::string> DateAsked(const Place& place, const RunsOptions& options,
                              const std::string& date) {
  const Instant now = Now();
  if (date != "today" && date != "yesterday") {
    return prepare::DateNamed(date, "UTC", now);
  }
  if (!options.action.empty()) {
    TRY_ASSIGN(const auto definition, FindDefinition(place, options.action));
    return prepare::DateNamed(date, definition->graph.zone, now);
  }
  const auto catalogue = ReadDefinitions(place);
  std::map<std::string, std::string> zones;  // by date
  for (const auto& [_, definition] : catalogue->definitions) {
    const std::string& zone = definition->graph.zone;
    TRY_ASSIGN(const std::string its, prepare::DateNamed(date, zone, now));
    zones.emplace(its, zone);
  }
  if (zones.empty()) return prepare::DateNamed(date, "UTC", now);
  if (zones.size() == 1) return zones.begin()->first;
  const auto& [first, first_zone] = *zones.begin();
  const auto& [last, last_zone] = *zones.rbegin();
  return Invalid(fmt::format("{} is {} in {} and {} in {}; name the action, or write the date",
                             date, first, first_zone, last, last_zone));
}

}  // namespace

Result<int> ListRuns(const Common& common, const RunsOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  record::RunFilter filter;
  filter.batch = options.batch.value_or("");
  filter.count_max = options.count;
  if (options.batch && options.batch->empty()) return Invalid("--batch names a backfill, not \"\"");
  if (options.state) {
    filter.state = plan::ParseState(*options.state);
    if (!filter.state) {
      return Invalid("no state \"" + *options.state +
                     "\"; choose queued, running, succeeded, failed, cancelled or skipped");
    }
  }
  if (!options.action.empty()) {
    TRY_ASSIGN(const plan::GraphKey key, FindGraph(place, options.action));
    filter.Only(key);
  }
  if (options.date) {
    TRY_ASSIGN(filter.data_date, DateAsked(place, options, *options.date));
  }
  std::unique_ptr<record::Record> record;
  std::vector<record::RunRow> runs;
  if (HasHome(place.home)) {
    TRY_ASSIGN(record, OpenRecord(place.home));
    TRY_ASSIGN(runs, record->ListRuns(filter));
  }
  if (common.json && runs.empty()) {
    PrintJson(nlohmann::ordered_json::array());
    return 0;
  }
  if (runs.empty()) {
    const bool is_asked = !options.action.empty() || options.state || options.date || options.batch;
    PrintLine(is_asked ? "no such run" : "no runs yet; busker run ACTION starts one");
    return 0;
  }
  prepare::Rulings rulings(*record, home::FolderOf(place.home));
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& run : runs) list.push_back(Describe(run, rulings));
    PrintJson(list);
    return 0;
  }
  PrintTable(place, runs, rulings);
  return 0;
}

}  // namespace busker::cli

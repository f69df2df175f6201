// busker status: each action's last run, what is live, who is at work.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/print.h"
#include "cli/versions.h"

namespace busker::cli {
namespace {

struct ActionStatus {
  std::string name;
  std::optional<record::RunRow> last;
};

Result<std::vector<ActionStatus>> ReadActions(const Workspace& workspace) {
  std::vector<ActionStatus> actions;
  std::unique_ptr<record::Record> record;
  if (HasHome(workspace)) {
    TRY_ASSIGN(record, OpenRecord(workspace));
  }
  for (const auto& [name, _] : workspace.service.actions) {
    ActionStatus& status = actions.emplace_back();
    status.name = name;
    if (record == nullptr) continue;
    record::RunFilter filter;
    filter.action = name;
    filter.count_max = 1;
    TRY_ASSIGN(auto runs, record->ListRuns(filter));
    if (!runs.empty()) status.last = std::move(runs.front());
  }
  return actions;
}

}  // namespace

Result<int> Status(const Common& common) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const std::vector<ActionStatus> actions, ReadActions(workspace));
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  const std::string owner = HasHome(workspace) ? dispatch::OwnerOf(workspace.home) : "";
  const service::Service& service = workspace.service;
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& action : actions) {
      list.push_back(
          {{"action", action.name},
           {"last_run", action.last ? Describe(*action.last) : nlohmann::ordered_json()}});
    }
    PrintJson({{"service", service.name},
               {"version", service.version},
               {"live", versions.live ? nlohmann::ordered_json(versions.live->now.version.timestamp)
                                      : nlohmann::ordered_json()},
               {"owner", owner.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(owner)},
               {"actions", list}});
    return 0;
  }
  PrintLine(fmt::format("{} {}", service.name, service.version));
  PrintLine(versions.live
                ? fmt::format("live: {}, since {} by {}", versions.live->now.version.timestamp,
                              FormatRfc3339(versions.live->now.at), versions.live->now.by)
                : "live: nothing yet");
  if (!owner.empty()) PrintLine("now: " + owner);
  std::vector<std::vector<std::string>> rows;
  for (const auto& action : actions) {
    if (!action.last) {
      rows.push_back({action.name, "never ran"});
      continue;
    }
    const record::RunRow& run = *action.last;
    rows.push_back({action.name, std::string(NameOf(run.state)), run.facts.data_date,
                    FormatRfc3339(run.facts.requested_at), run.facts.id, run.message});
  }
  Print(Table({{"ACTION"}, {"LAST RUN"}, {"DATA DATE"}, {"REQUESTED"}, {"RUN"}, {"WHY"}}, rows));
  return 0;
}

}  // namespace busker::cli

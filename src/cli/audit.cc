// busker audit: who did what, and whether the record of it is whole.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"

namespace busker::cli {
namespace {

int Verify(const Common& common, const record::Record::CheckedEvents& checked) {
  const auto& [events, breaks] = checked;
  if (common.json) {
    PrintJson({{"events", events}, {"breaks", breaks}});
  } else if (breaks.empty()) {
    PrintLine(fmt::format("{} events: none was changed, removed, inserted or moved", events));
  } else {
    for (const std::string& sentence : breaks) PrintLine(sentence);
  }
  return breaks.empty() ? 0 : 1;
}

}  // namespace

Result<int> ListAudit(const Common& common, const AuditOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  std::vector<record::EventRow> events;
  if (HasHome(place.home)) {
    TRY_ASSIGN(const auto record, OpenRecord(place.home));
    record::EventFilter filter;
    filter.by_people = !options.all;
    filter.count_max = options.count;
    if (options.verify) {
      TRY_ASSIGN(const auto checked, record->CheckEvents());
      return Verify(common, checked);
    }
    TRY_ASSIGN(events, record->ListEvents(filter));
  } else if (options.verify) {
    TRY(OpenRecord(place.home));  // says that there is nothing to verify
  }
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const record::EventRow& event : events) list.push_back(serve::Describe(event));
    PrintJson(list);
    return 0;
  }
  if (events.empty()) {
    PrintLine("nobody has asked for anything yet; what follows by itself is shown with --all");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const record::EventRow& event : events) {
    rows.push_back({When(event.at), event.actor, event.what, event.graph,
                    event.task.empty() ? event.run : event.run + "/" + event.task, event.detail});
  }
  Print(Table({{"WHEN"}, {"WHO"}, {"WHAT"}, {"OF"}, {"RUN", false, 1}, {"DETAIL"}}, rows));
  return 0;
}

}  // namespace busker::cli

#include "prepare/foresight.h"

#include <fmt/core.h>

#include <algorithm>

namespace busker::prepare {
namespace {

std::string PartitionOf(const std::string& table, const std::string& data_date) {
  return table + " " + data_date;
}

}  // namespace

Result<Foresight> Foresight::Read(const service::Service& service, const service::Action& action,
                                  const Places& places) {
  TRY_ASSIGN(const auto store, artifact::OpenStore(places.store_url));
  TRY_ASSIGN(Input input, Input::Read(service, action, *store));
  Foresight foresight(service, action, std::move(input));
  if (action.deliveries.empty()) return foresight;
  TRY_ASSIGN(const auto warehouse, deliver::OpenWarehouse(places.warehouse_url, {}));
  std::vector<deliver::DamagedTable> damaged;  // another table's damage is no matter of this one
  TRY_ASSIGN(const auto deliveries, warehouse->Deliveries("", &damaged));
  for (const deliver::Delivery& delivery : deliveries) {
    if (!delivery.current) continue;
    const Newest newest{delivery.scheduled_at, delivery.data_date};
    for (Newest* there :
         {&foresight.tables_[delivery.table],
          &foresight.partitions_[PartitionOf(delivery.table, delivery.data_date)]}) {
      if (there->data_date.empty() || there->scheduled_at < newest.scheduled_at) *there = newest;
    }
  }
  return foresight;
}

Foreseen Foresight::Of(const plan::DagRun& run, bool again) {
  Foreseen foreseen;
  const auto add = [&](const std::string& warning) {
    if (!foreseen.warning.empty() && !warning.empty()) foreseen.warning += "; ";
    foreseen.warning += warning;
  };
  if (!again) {
    const auto version = input_.For(run.scheduled_at);
    if (!version) return {"", "", version.error().message, false};
    if (*version != nullptr) {
      foreseen.version = (*version)->name.timestamp;
      foreseen.version_date = (*version)->data_date;
    }
    add(input_.Leakage(run.scheduled_at));
  }
  for (const service::DeliverySetting& setting : action_.deliveries) add(Deliver(setting, run));
  return foreseen;
}

// The rule is that of the warehouse (deliver::Request): an older date never takes the place of a
// newer one, unless it is forced to.
std::string Foresight::Deliver(const service::DeliverySetting& setting, const plan::DagRun& run) {
  const auto table = service::ExpandTable(setting.table, {{"NAME", service_.name},
                                                          {"VERSION", service_.version},
                                                          {"ACTION", action_.name},
                                                          {"CONFIG", action_.config},
                                                          {"DATE", run.data_date},
                                                          {"ROOT", service_.ProgramRoot()}});
  if (!table || setting.write == "append") return {};  // one table for each run takes anything
  const bool whole = setting.write == "replace";
  Newest& there = whole ? tables_[*table] : partitions_[PartitionOf(*table, run.data_date)];
  const Newest before = there;
  const bool older = !before.data_date.empty() && run.scheduled_at < before.scheduled_at;
  if (!older || run.force) there = {run.scheduled_at, run.data_date};
  if (!older) return {};
  const std::string newer =
      before.data_date == run.data_date ? FormatRfc3339(before.scheduled_at) : before.data_date;
  if (run.force) return fmt::format("takes the place of the rows for {} in {}", newer, *table);
  return fmt::format(
      "{} will refuse it: by then it has the rows for {}, which are newer; {}", *table, newer,
      whole ? "write = \"partition\" keeps both, --force replaces them" : "--force replaces them");
}

}  // namespace busker::prepare

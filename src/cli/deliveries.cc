// busker deliveries and busker undo: what was loaded into the warehouse, and taking it back.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/plural.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "daemon/undo_deed.h"

namespace busker::cli {
namespace {

std::string StateOf(const deliver::Delivery& delivery) {
  if (delivery.undone_at) return "undone";
  return delivery.current ? "current" : "replaced";
}

// The exit code, with a line for each table whose deliveries are not among those that were shown.
Result<int> Told(const std::vector<deliver::DamagedTable>& damaged) {
  if (damaged.empty()) return 0;
  std::vector<std::string> sentences;
  for (const auto& table : damaged) sentences.push_back(table.why);
  return Unusable(Join(sentences, "\nbusker: "));
}

std::string Number(std::uint64_t count) { return WithThousands(static_cast<long long>(count)); }

}  // namespace

Result<int> ListDeliveries(const Common& common, const DeliveriesOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  std::vector<deliver::Delivery> deliveries;
  std::vector<deliver::DamagedTable> damaged;
  if (HasHome(workspace.home)) {
    TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
    TRY_ASSIGN(deliveries, warehouse->Deliveries(options.table, &damaged));
  }
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& delivery : deliveries) list.push_back(Describe(delivery));
    PrintJson(list);
    return Told(damaged);
  }
  if (deliveries.empty() && damaged.empty()) {
    PrintLine("no deliveries yet; busker run application makes one");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& delivery : deliveries) {
    rows.push_back({delivery.id, delivery.table, std::string(NameOf(delivery.write)),
                    delivery.data_date, Number(delivery.rows), Number(delivery.table_rows),
                    StateOf(delivery), When(delivery.undone_at.value_or(delivery.delivered_at)),
                    delivery.model_version.substr(delivery.model_version.rfind('/') + 1)});
  }
  Print(Table({{"DELIVERY"},
               {"TABLE"},
               {"WRITE", false, 4},
               {"DATA DATE"},
               {"ROWS", true},
               {"TABLE ROWS", true, 3},
               {"STATE"},
               {"AT", false, 1},
               {"MODEL", false, 2}},
              rows));
  return Told(damaged);
}

Result<int> Undo(const Common& common, const UndoOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  if (!HasHome(workspace.home))
    return NotFound("no delivery " + options.delivery + "; busker deliveries lists them");
  TRY_ASSIGN(const auto warehouse, OpenWarehouse(common, workspace));
  TRY_ASSIGN(const deliver::Delivery undone,
             daemon::Undo(*warehouse, options.delivery, options.force, common.By(),
                          LedgerOf(workspace.home)));
  if (common.json) {
    PrintJson(Describe(undone));
  } else {
    const std::string now = undone.columns.empty()
                                ? "had nothing else, so the table no longer exists"
                                : fmt::format("has {} now", Plural(undone.table_rows, "row"));
    PrintLine(fmt::format("delivery {} of {} is undone; {} {}", undone.id,
                          Plural(undone.rows, "row"), undone.table, now));
  }
  return 0;
}

}  // namespace busker::cli

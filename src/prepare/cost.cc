#include "prepare/cost.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "attempt/remote.h"
#include "base/plural.h"
#include "base/text.h"
#include "cloud/machine_types.h"
#include "prepare/machine_place.h"

namespace busker::prepare {
namespace {

using Hours = std::chrono::duration<double, std::ratio<3600>>;

// Two digits that count, and no more cents than that.
std::string Dollars(double dollars) {
  if (dollars < 0.01) return "less than $0.01";
  return fmt::format("about ${:.{}f}", dollars, dollars < 100 ? 2 : 0);
}

// ", about $0.32 by list prices of August 2026 in europe-west1": of the dearest of the place's
// zones. Empty: the price is not known in each of them.
std::string Priced(const MachinePlace& place, double hours) {
  double dearest = 0;
  std::string where;
  for (const std::string& zone : place.zones) {
    const auto type = cloud::FindMachineType(place.machine_type, zone);
    if (!type || type->dollars_an_hour == 0) return "";
    if (type->dollars_an_hour <= dearest) continue;
    dearest = type->dollars_an_hour;
    where = zone.substr(0, zone.rfind('-'));
  }
  return fmt::format(", {} by list prices of {} in {}", Dollars(hours * dearest), cloud::kPricesOf,
                     where);
}

}  // namespace

std::string WorstCost(const service::Service& service, const std::string& action,
                      const std::string& target) {
  const auto found = service.targets.find(target);
  const auto run = service.actions.find(action);
  if (found == service.targets.end() || run == service.actions.end()) return "";
  const auto place = MachinePlaceIn(found->second.executor);
  if (!place) return "";
  const int attempts = run->second.retries + 1 + found->second.machine.spot_attempts;
  const Milliseconds each =
      attempt::MachineLifeMax(run->second.timeout) + found->second.machine.keep_on_failure;
  Milliseconds all = attempts * each;
  // When the run's own time is over, no attempt begins any more, and the last one is stopped.
  if (run->second.run_timeout) all = std::min(all, *run->second.run_timeout + each);
  const double hours = Hours(all).count();
  return fmt::format("at the worst {:.1f} VM-hours of {} ({} of at most {}{}){}", hours,
                     place->machine_type, Plural(static_cast<std::uint64_t>(attempts), "attempt"),
                     FormatDuration(each), run->second.timeout ? "" : ", for no timeout is said",
                     Priced(*place, hours));
}

std::string CostOf(const record::RunRow& run) {
  std::map<std::string, std::pair<MachinePlace, Milliseconds>> by_type;
  for (const record::TaskRow& row : run.tasks) {
    const auto place = MachinePlaceIn(row.task.place);
    if (!place) continue;
    for (const record::AttemptRow& attempt : row.attempts) {
      if (attempt.machine.count() == 0) continue;
      auto& [first, took] = by_type.try_emplace(place->machine_type, *place, 0).first->second;
      took += attempt.machine;
    }
  }
  std::vector<std::string> costs;
  for (const auto& [type, one] : by_type) {
    const auto& [place, took] = one;
    costs.push_back(fmt::format("{} VM-seconds of {}{}",
                                std::chrono::ceil<std::chrono::seconds>(took).count(), type,
                                Priced(place, Hours(took).count())));
  }
  return Join(costs, "; ");
}

}  // namespace busker::prepare

#include "prepare/machine_place.h"

#include <algorithm>

#include "base/text.h"

namespace busker::prepare {

std::optional<MachinePlace> MachinePlaceIn(const std::string& place) {
  constexpr std::string_view kScheme = "compute-engine://", kType = "machine_type=";
  if (!place.starts_with(kScheme)) return std::nullopt;
  const std::size_t mark = std::min(place.find('?'), place.size());
  const std::size_t slash = place.find('/', kScheme.size());
  if (slash >= mark) return std::nullopt;
  MachinePlace machines;
  machines.zones = Split(place.substr(slash + 1, mark - slash - 1), ',');
  for (const std::string& setting : Split(place.substr(mark), '&')) {
    const std::size_t from = setting.starts_with('?') ? 1 : 0;
    if (setting.compare(from, kType.size(), kType) == 0) {
      machines.machine_type = setting.substr(from + kType.size());
    }
  }
  if (machines.machine_type.empty()) return std::nullopt;
  return machines;
}

}  // namespace busker::prepare

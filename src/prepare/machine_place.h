// What is said of machines in a place "compute-engine://PROJECT/ZONE,ZONE?machine_type=TYPE...", as
// a service file has it and as it is on record. The executor reads it whole
// (execute/compute_place.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace busker::prepare {

struct MachinePlace {
  std::vector<std::string> zones;
  std::string machine_type;
};

// nullopt: it is another place, or not whole.
std::optional<MachinePlace> MachinePlaceIn(const std::string& place);

}  // namespace busker::prepare

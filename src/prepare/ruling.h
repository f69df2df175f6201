// What the gate said of the versions that runs saved.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "home/place.h"
#include "model/rulings.h"
#include "record/record.h"

namespace busker::prepare {

// Reads each file of rulings once. One thread.
class Rulings {
 public:
  // `home`: that of the record, which orders name places by.
  Rulings(record::Record& record, home::Folder home) : record_(record), home_(std::move(home)) {}

  // By what is on record, and for what an earlier version of Busker left out there in the store
  // that the run used, whatever its service says today. nullopt: the run did not come to a gate.
  Result<std::optional<model::Ruling>> Of(const record::RunRow& run);

 private:
  record::Record& record_;
  const home::Folder home_;
  std::map<std::string, std::vector<model::Ruling>> read_;  // by store and service version
};

// "refused", "passed", "waits for approval" or "approved".
std::string_view WordOf(const model::Ruling& ruling);
// "20261128T191125Z refused: rmse 110.97 is not <= 60.53 (57.64 * 1.05)".
std::string Sentence(const model::Ruling& ruling);

}  // namespace busker::prepare

// What one of Busker's own steps came to: the step leaves it in its working folder, the runner
// hands it on in the exit record, and it is kept with the attempt (record::AttemptRow::result). So
// whoever asks what a run delivered, or what the gate said of its version, is told by the record,
// and no store or warehouse is asked.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "deliver/warehouse.h"
#include "model/rulings.h"
#include "record/record.h"

namespace busker::prepare {

struct StepResult {
  // As it was when it was made, without its columns: whether it was undone, the warehouse says.
  std::optional<deliver::Delivery> delivery;
  std::string warehouse_url;  // that it is in, as orders name it (home/place.h)
  std::optional<model::Ruling> ruling;
};

std::string ToJson(const StepResult& result);
Result<StepResult> StepResultFrom(const std::string& json);

// Of the task's last attempt. nullopt: it left none, or none that can be read: it is no step, has
// not succeeded, or was carried out by a version of Busker that kept none.
std::optional<StepResult> ResultOf(const record::TaskRow& task);

}  // namespace busker::prepare

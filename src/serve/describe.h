// Rows of the record, versions and deliveries as the JSON that `--json` prints and the API
// answers: snake_case keys, times RFC 3339 in UTC, null for what is not known.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "artifact/version.h"
#include "deliver/warehouse.h"
#include "record/record.h"

namespace busker::serve {

nlohmann::ordered_json Describe(const record::RunRow& run);
nlohmann::ordered_json Describe(const record::EventRow& event);
nlohmann::ordered_json Describe(const artifact::Manifest& version, bool live);
nlohmann::ordered_json Describe(const deliver::Delivery& delivery);
nlohmann::ordered_json Describe(const std::optional<Instant>& instant);

}  // namespace busker::serve

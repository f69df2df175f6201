// Rows of the record, versions and deliveries as the JSON that `--json` prints: snake_case keys,
// times RFC 3339 in UTC, null for what is not known.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "artifact/version.h"
#include "deliver/warehouse.h"
#include "record/record.h"

namespace busker::cli {

nlohmann::ordered_json Describe(const record::RunRow& run);
nlohmann::ordered_json Describe(const artifact::Manifest& version, bool live);
nlohmann::ordered_json Describe(const deliver::Delivery& delivery);
nlohmann::ordered_json Describe(const std::optional<Instant>& instant);

// Prints `json`, indented, with a line end.
void PrintJson(const nlohmann::ordered_json& json);

std::string FormatNumber(double number);  // at most 6 significant digits

}  // namespace busker::cli

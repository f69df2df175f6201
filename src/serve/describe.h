// Rows of the record, versions, deliveries and tokens as the JSON that `--json` prints and the API
// answers: snake_case keys, times RFC 3339 in UTC, null for what is not known.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "artifact/version.h"
#include "deliver/warehouse.h"
#include "record/record.h"
#include "model/versions.h"
#include "prepare/ruling.h"
#include "serve/tokens.h"

namespace busker::serve {

nlohmann::ordered_json Describe(const record::RunRow& run);
nlohmann::ordered_json Describe(const record::EventRow& event);
// The same and "gate": what it said of the version that the run saved, or null.
nlohmann::ordered_json Describe(const record::RunRow& run, prepare::Rulings& rulings);
nlohmann::ordered_json Describe(const artifact::Manifest& version, bool live);
nlohmann::ordered_json Describe(const deliver::Delivery& delivery);
// The same and "gate": what it said of the version, or null.
nlohmann::ordered_json Describe(const artifact::Manifest& version, const model::Versions& all);
nlohmann::ordered_json Describe(const Token& token);  // not its digest
nlohmann::ordered_json Describe(const std::optional<Instant>& instant);
nlohmann::ordered_json TextOrNull(std::string_view text);  // null: it is empty

}  // namespace busker::serve

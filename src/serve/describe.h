// Rows of the record, versions, deliveries and tokens as the JSON that `--json` prints and the API
// answers: snake_case keys, times RFC 3339 in UTC, null for what is not known.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "access/caller.h"
#include "access/tokens.h"
#include "artifact/version.h"
#include "daemon/owner.h"
#include "deliver/warehouse.h"
#include "model/versions.h"
#include "prepare/ruling.h"
#include "record/record.h"

namespace busker::serve {

nlohmann::ordered_json Describe(const record::RunRow& run);
// The same and "gate": what it said of the version that the run saved, or null.
nlohmann::ordered_json Describe(const record::RunRow& run, prepare::Rulings& rulings);
nlohmann::ordered_json Describe(const record::EventRow& event);
// The same for who asks: to who is confined, what names another graph's run is not told.
nlohmann::ordered_json DescribeFor(const access::Caller& caller, const record::RunRow& run,
                                   prepare::Rulings& rulings);
nlohmann::ordered_json DescribeFor(const access::Caller& caller, const record::EventRow& event);
// A trigger, or a sentence with one: "after nightly (run ID)" is only "after" to who is confined.
std::string TextFor(const access::Caller& caller, std::string text);
// The same of the sentence that explains `graph`: what it runs after beyond the confines is not
// named.
std::string ExplainedTo(const access::Caller& caller, const plan::Graph& graph,
                        std::string sentence);
nlohmann::ordered_json Describe(const artifact::Manifest& version, bool live);
// The same and "gate": what it said of the version, or null.
nlohmann::ordered_json Describe(const artifact::Manifest& version, const model::Versions& all);
// Who pinned what is live, since when and why; null: it is not pinned.
nlohmann::ordered_json DescribePin(const std::optional<model::LivePointer>& live);
nlohmann::ordered_json Describe(const deliver::Delivery& delivery);
nlohmann::ordered_json Describe(const daemon::Undelivered& notices);
nlohmann::ordered_json Describe(const daemon::Uncopied& logs);
nlohmann::ordered_json Describe(const daemon::Debt& debt);
nlohmann::ordered_json Describe(const daemon::Silence& silence);
// Without the service: "version" and "wanted" by their times.
nlohmann::ordered_json Describe(const daemon::Online& online);
nlohmann::ordered_json Describe(const access::Token& token);  // not its digest
nlohmann::ordered_json Describe(const std::optional<Instant>& instant);
nlohmann::ordered_json TextOrNull(std::string_view text);  // null: it is empty

}  // namespace busker::serve

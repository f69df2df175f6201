// What goes over the socket of a home, as JSON and back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/requests.h"

namespace busker::daemon {

using Json = nlohmann::ordered_json;

// A message that is no object, or lacks what it must have, is kInvalid.
Result<Json> ParseMessage(const std::string& line);
// On one line. What is no UTF-8 (the name of a file, say) is replaced.
std::string TextOf(const Json& message);
std::string TextOf(const Json& message, const char* name);  // empty: it is not there
bool FlagOf(const Json& message, const char* name);
plan::GraphKey GraphIn(const Json& message);  // that "graph" names

Json ToJson(const Error& error);  // {"error": {"kind", "message"}}
std::optional<Error> ErrorIn(const Json& message);

Json ToJson(const StartRequest& request);
StartRequest StartRequestFrom(const Json& message);
Json ToJson(const BackfillRequest& request);
BackfillRequest BackfillRequestFrom(const Json& message);
Json ToJson(const BackfillInstant& instant);
BackfillInstant BackfillInstantFrom(const Json& message);
Json ToJson(const Status& status);
Status StatusFrom(const Json& message);

// The decisions that people follow (IsFollowed); of a run that is queued its id, graph and data
// date. nullopt: another.
std::optional<Json> ToJson(const plan::Decision& decision);
std::optional<plan::Decision> DecisionFrom(const Json& message);

}  // namespace busker::daemon

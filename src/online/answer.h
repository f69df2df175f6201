// What all protocols of the prediction server have in common: asking the model, numbers as text,
// and faults as {"error": "..."}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "predict/instances.h"
#include "predict/loaded_version.h"

namespace busker::online {

inline constexpr char kVersionHeader[] = "Busker-Version";

// {"error": "..."}; of 503 with when to try again.
http::Response Fault(int status, std::string_view sentence);
// The status of its kind: 400 invalid, 404 not found, 503 temporary, 500 others. Who asks is not
// told where files are.
http::Response Fault(const Error& error);

// An answer of JSON that names the version.
http::Response JsonAnswer(const predict::LoadedVersion& version, std::string body);

// `outputs()` values a row. An answer that is not finite is kFailed and names the instance.
Result<std::vector<float>> Predict(const predict::LoadedVersion& version,
                                   const predict::Rows& rows);

// The shortest text that is read as this float again; it is finite.
void AppendNumber(std::string& text, float value);
void AppendText(std::string& text, std::string_view value);  // quoted, as JSON has it

// "20190801T000000Z": by which people know it.
const std::string& NameOf(const predict::LoadedVersion& version);

}  // namespace busker::online

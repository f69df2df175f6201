// Instants, and how they are written: RFC 3339 for people and JSON, a compact stamp for folder
// names.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker {

// UTC, without leap seconds, in milliseconds since 1970.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

// Reads the wall clock. Only edges call it; everything that decides is handed an Instant.
Instant Now();

std::string FormatRfc3339(Instant instant);  // 2019-08-01T00:00:00.123Z; no fraction when it is 0
std::string FormatStamp(Instant instant);    // 20190801T000000Z; sub-second part dropped
std::string FormatDate(Instant instant);     // 2019-08-01, in UTC
std::string FormatDuration(Milliseconds duration);  // 340ms, 12.3s, 4m 05s, 2h 03m, 3d 04h

Result<Instant> ParseRfc3339(std::string_view text);  // with "Z" or an offset such as +02:00
Result<Instant> ParseStamp(std::string_view text);    // 20190801T000000Z
Result<std::chrono::year_month_day> ParseDate(std::string_view text);  // 2019-08-01, a real day

// "90s", "15m", "2h", "1d", "250ms", "1h30m"; a plain number has no unit and is refused.
Result<Milliseconds> ParseDuration(std::string_view text);

}  // namespace busker

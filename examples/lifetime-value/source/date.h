#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "result.h"

// A calendar day, without time or zone.
using Date = std::chrono::sys_days;

// Reads YYYY-MM-DD.
Result<Date> ParseDate(std::string_view text);

// Reads YYYYMMDD, as the CDNOW file has it.
Result<Date> ParseCompactDate(std::string_view text);

// Writes YYYY-MM-DD.
std::string FormatDate(Date date);

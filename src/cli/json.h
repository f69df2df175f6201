// What --json prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "serve/describe.h"

namespace busker::cli {

using serve::Describe;

// Prints `json`, indented, with a line end.
void PrintJson(const nlohmann::ordered_json& json);

std::string FormatNumber(double number);  // at most 6 significant digits

}  // namespace busker::cli

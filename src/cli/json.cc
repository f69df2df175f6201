#include "cli/json.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/print.h"

namespace busker::cli {

using nlohmann::ordered_json;

void PrintJson(const ordered_json& json) {
  PrintLine(json.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

std::string FormatNumber(double number) { return fmt::format("{:.6g}", number); }

}  // namespace busker::cli

// How deep a TOML text nests, told by one loop without recursion, so that a hostile text can be
// refused before a recursive parser sees it.
#pragma once

#include <optional>
#include <string_view>

#include "service/fault.h"

namespace busker::service {

// Where brackets, braces and the dots of keys first nest deeper than `depth_max`. The text need not
// be valid TOML; whatever a TOML parser takes for nesting counts here.
std::optional<Position> FindTooDeep(std::string_view text, int depth_max);

}  // namespace busker::service

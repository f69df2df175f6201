// The config file that the program sees: the service's, with its placeholders replaced.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::runner {

inline constexpr std::uint64_t kConfigBytesMax = 16u << 20;

// `text` with each "${NAME}" replaced by the JSON-escaped value of NAME. kInvalid, with `path` and
// line:column in front: text that is no JSON in UTF-8, before or after; a NAME that `placeholders`
// does not have; a value that is not UTF-8; a result larger than kConfigBytesMax.
Result<std::string> ExpandConfig(std::string_view text, std::string_view path,
                                 const std::map<std::string, std::string>& placeholders);

}  // namespace busker::runner

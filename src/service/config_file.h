// What can be seen of a config file without running its action.
#pragma once

#include <cstddef>
#include <string>

#include "service/fault.h"
#include "service/service.h"

namespace busker::service {

inline constexpr std::size_t kConfigBytesMax = 16u << 20;

// Adds the faults of `config` ("configs/training.json"): unreadable, unknown placeholders, no JSON.
// A file that is missing has had its fault.
void CheckConfigFile(const Service& service, const std::string& config, Faults& faults);

}  // namespace busker::service

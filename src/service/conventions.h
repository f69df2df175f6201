// What a folder says about a service by its layout alone (docs/service-file.md, "Without a file").
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "service/fault.h"
#include "service/service.h"

namespace busker::service {

// The name that a folder gives its service: lower case, and '-' for what no name may have.
std::string NameFromFolder(const std::string& folder_name);

// The names of the configs, sorted: "training" for configs/training.json. One that cannot be the
// name of an action is a fault. No folder configs/ is an empty list.
Result<std::vector<std::string>> FindConfigs(const std::string& root, Faults& faults);

// Name, version and environment as the folder gives them; no actions yet.
Service ConventionalService(const std::string& root);

// The action `name` of a service called `service_name`. `has_config`: configs/NAME.json is there.
Action ConventionalAction(const std::string& name, const std::string& service_name,
                          bool has_config);

// The command of an action that nobody gave another one.
std::vector<std::string> ConventionalCommand();

}  // namespace busker::service

// What a folder says about a service by its layout alone (docs/service-file.md, "Without a file").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "service/fault.h"
#include "service/service.h"

namespace busker::service {

// The name that a folder gives its service: lower case, and '-' for what no name may have.
std::string NameFromFolder(const std::string& folder_name);

inline constexpr char kProgramFolder[] = "service";

// A repository laid out as a whole, seen from its root: the program's folder is service/, with
// service/configs/*.json, and beside it are scheduler/configs/ or container/Dockerfile. The root
// has no configs of its own.
bool IsWholeRepository(const std::string& root);

// Whether the folder is the program's of such a repository around it.
bool IsProgramFolder(const std::filesystem::path& folder);

// The folder of the program, its configs and its source, below the root: "service" in a whole
// repository, else "".
std::string ConventionalProgramFolder(const std::string& root);

// The names of the configs, sorted: "training" for configs/training.json. One that cannot be the
// name of an action is a fault. No folder configs/ is an empty list. `program_folder`: below the
// root.
Result<std::vector<std::string>> FindConfigs(const std::string& root,
                                             const std::string& program_folder, Faults& faults);

// Name, version and environment as the folder gives them; no actions yet.
Service ConventionalService(const std::string& root, const std::string& program_folder);

// A folder of the service that git has made and not filled: its program's, or the source. The
// sentence says what fills it.
void CheckSubmodules(const std::string& root, const std::string& program_folder, Faults& faults);

// The action `name` of a service called `service_name`. `has_config`: configs/NAME.json is there.
Action ConventionalAction(const std::string& name, const std::string& service_name,
                          bool has_config);

// The command of an action that nobody gave another one.
std::vector<std::string> ConventionalCommand();

}  // namespace busker::service

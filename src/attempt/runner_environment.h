// What a runner begins with of the environment of who starts it.
#pragma once

#include <string>
#include <vector>

namespace busker::attempt {

// Of `own`, entries "NAME=value": the variables that a runner looks at itself, to reach a store.
// What it starts gets what its order says, and nothing of these.
std::vector<std::string> RunnerEnvironment(const std::vector<std::string>& own);

}  // namespace busker::attempt

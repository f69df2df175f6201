// What a shell would act on in a command line, and Busker, which has none, hands on as it stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace busker::service {

// The signs, as they are written, each once, in order: ">", "&&", "$HOME", "*.csv", "cd", "~/data".
// What is quoted is meant so, and what stands in quotes behind sh -c is for that shell; there is
// nothing to say of either. `command` is one that SplitWords can split.
std::vector<std::string> ShellSigns(std::string_view command);

}  // namespace busker::service

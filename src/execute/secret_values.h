// The values of an attempt's secrets, in the order of their names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "execute/executor.h"

namespace busker::execute {

// Why the attempt fails, where one cannot be had. `secret_of` may be empty: there are none.
Result<std::vector<std::string>> ValuesOf(const std::vector<std::string>& names,
                                          const Executor::SecretOf& secret_of);

}  // namespace busker::execute

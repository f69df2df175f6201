// busker doctor: what a run needs, looked at before it.
#pragma once

#include "base/result.h"
#include "cli/verbs.h"

namespace busker::cli {

// Exit code 1: something is missing that a run will fail by.
Result<int> Doctor(const Common& common);

}  // namespace busker::cli

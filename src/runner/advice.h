// What to do about a failure, where that is known.
#pragma once

#include <string>

#include "io/file.h"

namespace busker::runner {

// The command that makes what the service in `root` needs, its virtual environment or its image,
// when `failure` says that Python or one of its modules is missing and requirements.txt says what
// is needed. Empty: nothing of that.
std::string AdviceOn(const io::fs::path& root, const std::string& failure, bool is_in_image);

// "; what the program left is in .busker/runs/RUN/TASK.1/work/output", with the home by its name;
// empty when there is nothing.
std::string WhereItIs(const io::fs::path& output);

}  // namespace busker::runner

// Which commit of the code an attempt runs. Asked by the runner right before the command starts, so
// that it is that of the code that runs, and a git that is slow or hangs holds up nothing but its
// own attempt.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::runner {

// Commits have "-dirty" behind when files have changed since. Empty: in no repository, or git is
// not there.
struct SourceCommits {
  std::string source;  // of root/source where that is of another repository (a clone, a submodule,
                       // a link to one), else of root
  std::string folder;  // of root
};

// What is asked of git changes nothing in the repositories, fetches nothing, and runs none of what
// they are set up to run: hooks, file system monitors, drivers of diff, and filters (but those of
// other submodules). `environment` ("NAME=value"): PATH and HOME are taken from it. An Error is why
// they are not known although there is a repository: kNotFound, git is not there; kTimedOut, it
// took longer than `limit`, for all together; else git's own words.
Result<SourceCommits> FindSourceCommits(const io::fs::path& root,
                                        const std::vector<std::string>& environment,
                                        Milliseconds limit);

}  // namespace busker::runner

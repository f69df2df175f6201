// Starting the command: a session of its own, nothing inherited that was not meant to be.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "runner/memory_group.h"
#include "runner/start_marker.h"

namespace busker::runner {

struct Launch {
  std::vector<std::string> command;      // [0] is looked up along the environment's PATH
  std::vector<std::string> environment;  // all of it
  io::fs::path folder;                   // where it runs; absolute
  int output = -1, error = -1;           // its standard output and error
  int oom_score = -1;  // this process's oom_score_adj, open, when it cannot open it any more
};

// Where the program of a command is: as it is when it has a '/', else along the environment's PATH.
// "python" may be python3. The error is for people.
Result<io::fs::path> FindCommand(const std::string& name,
                                 const std::vector<std::string>& environment,
                                 const io::fs::path& folder);

// Starts it. The child leads a session of its own, dies with this process, leaves no core, is
// preferred by the out-of-memory killer, reads nothing from its standard input, and has umask 022
// and default signals. Whether it can gain privileges (no_new_privs) is as it is for this process:
// a program may call sudo or ping, unless who started Busker forbade it for all. It writes `marker`
// right before it becomes the program; when it cannot, the program is not started. Errors are for
// people: "there is no program x", and so on. This process waits meanwhile (vfork), so it must have
// one thread.
Result<pid_t> StartCommand(const Launch& launch, const MemoryGroup& group,
                           const PendingMarker& marker);

}  // namespace busker::runner

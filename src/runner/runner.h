// One attempt, from order to exit record: what busker-runner does.
//
//   take the lock -> load the input version -> expand the config -> run the command -> save
//   output/ -> write exit.json
#pragma once

#include "base/result.h"
#include "io/file.h"
#include "runner/attempt_file.h"

namespace busker::runner {

// Carries out the order in `attempt_folder`. Returns the exit record, which is then durable in the
// folder, also when the command failed. An Error means that nothing could be recorded (no order,
// the lock is held by another runner, exit.json already there, disk gone). The process becomes a
// subreaper, ignores SIGHUP, SIGINT and SIGPIPE and takes SIGTERM as "cancel"; so: one attempt per
// process, main thread.
Result<ExitRecord> RunAttempt(const io::fs::path& attempt_folder);

}  // namespace busker::runner

// Tasks that wait until they have succeeded in the run before (Task::depends_on_past).
//
// Such a task holds itself and what comes behind it; the rest of its run goes on. A run of which
// nothing can go on is parked: it is not counted among those at work, or its own past, taken up
// again, could not go on before it. It counts for the runs after it, which would only be parked as
// well.
#pragma once

#include <string>

#include "plan/graph_table.h"

namespace busker::plan {

// Why the task may not start, for people; empty: it may.
std::string HeldByPast(const GraphEntry& entry, const DagRun& run, const std::string& task);

// Why nothing of the run could start if it were prepared; empty: something could. A run that is not
// prepared yet runs with the file as it is mended meanwhile.
std::string HeldAtRoots(const GraphEntry& entry, const DagRun& run);

// Whether nothing of the run runs, or could, until its past has ended otherwise.
bool IsHeldUp(const GraphEntry& entry, const ActiveRun& active);

}  // namespace busker::plan

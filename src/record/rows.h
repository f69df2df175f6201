// From rows of the tables to values.
#pragma once

#include <string>
#include <vector>

#include "plan/run.h"
#include "record/record.h"
#include "record/sqlite.h"

namespace busker::record {

plan::GraphKey GraphAt(const Statement& row, int column);

// What to SELECT from runs, for ReadRun and ReadDagRun; neither reads tasks.
extern const char kRunColumns[];
Result<RunRow> ReadRun(const Statement& row);
Result<plan::DagRun> ReadDagRun(const Statement& row);

// What to SELECT from tasks. `attempt_running` is left to the caller.
extern const char kTaskColumns[];
Result<plan::Task> ReadTask(const Statement& row);

// What to SELECT from attempts.
extern const char kAttemptColumns[];
AttemptRow ReadAttempt(const Statement& row);

// What to SELECT from graphs.
extern const char kGraphColumns[];
Result<plan::GraphMemory> ReadGraph(const Statement& row);

// As it is kept: a line for each task.
std::string TextOf(const std::map<std::string, plan::TaskPast>& pasts);

// What to SELECT from notices.
extern const char kNoticeColumns[];
NoticeRow ReadNotice(const Statement& row);

}  // namespace busker::record

// Whether an attempt is over by the record of runs: one that was lost leaves nothing else to tell.
#pragma once

#include <algorithm>

#include "attempt/name.h"
#include "record/record.h"

namespace busker::serve {

inline bool IsOver(const record::RunRow& run, const attempt::Name& attempt) {
  if (IsFinal(run.state)) return true;
  for (const record::TaskRow& row : run.tasks) {
    if (row.task.name != attempt.task) continue;
    return std::any_of(row.attempts.begin(), row.attempts.end(), [&](const auto& one) {
      return one.number == attempt.number && !one.running;
    });
  }
  return false;
}

}  // namespace busker::serve

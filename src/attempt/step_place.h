// The place (plan::Task::place) of those of Busker's own steps that need no process: the one that
// conducts (execute/step_executor.h). They take no slot of the machine, and so many are at work
// there at once.
#pragma once

namespace busker::attempt {

inline constexpr char kStepPlace[] = "busker:";
inline constexpr int kStepsAtOnceMax = 32;

}  // namespace busker::attempt

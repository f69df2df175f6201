#include "plan/turn.h"

namespace busker::plan {

void Turn::Move(const ActiveRun& active, Task& task, State to, std::string message) {
  if (task.state == to) return;
  Decide(TaskChanged{active.run.id, task.name, task.state, to, message, task.waived});
  task.state = to;
  task.message = std::move(message);
}

void Turn::Move(ActiveRun& active, State to, std::string message) {
  Decide(RunChanged{active.run.id, active.run.state, to, message});
  active.run.state = to;
  active.run.message = std::move(message);
}

void Turn::Hold(ActiveRun& active, const std::string& message) {
  DagRun& run = active.run;
  if (run.message == message || run.cancel_requested || run.state != State::kQueued) return;
  run.message = message;
  Decide(RunHeld{run.id, message});
}

void Turn::Note(const GraphMemory& memory, std::string what, std::string by) {
  Decide(GraphNoted{memory, std::move(what), std::move(by)});
}

}  // namespace busker::plan

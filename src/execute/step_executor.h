// Attempts of Busker's own steps that need no process: each is carried out on a thread of this one.
//
// A step looks first, for as long as that takes, and then changes something, once: in between it
// asks whether it may. Up to there it can be given up at any moment, and what it still does is
// nothing that others see; after that it is waited for, for a minute. So an attempt that was
// stopped, or took too long, changes nothing once it has ended, unless its store hung for that
// minute in the middle of a write; and a store that hangs keeps one thread.
//
// Every step can be repeated: the second time finds the work done. So whatever is killed, Recover
// carries out again what has no exit record.
#pragma once

#include <functional>
#include <memory>

#include "attempt/order.h"
#include "attempt/step_place.h"
#include "execute/executor.h"
#include "io/file.h"

namespace busker::execute {

// What a step has done: a sentence for its log, and what it came to (attempt::ExitRecord::result).
struct StepEnd {
  std::string sentence, result;
};

// Asked once, right before the change. An error: the attempt has ended meanwhile, and the step
// returns that error without the change.
using MayChange = std::function<Result<void>()>;

// Carries out the step that an order describes. On a thread of its own, which may outlive the
// executor: it owns what it needs.
using CarryOut = std::function<Result<StepEnd>(const attempt::Order&, const MayChange&)>;

class StepExecutor : public Executor {
 public:
  // Attempts leave their log and exit record in folder/RUN/TASK.NUMBER. `change_max`: how long a
  // step that may change something is waited for; then its attempt has timed out.
  StepExecutor(io::fs::path folder, CarryOut carry_out, OnEnded on_ended,
               Milliseconds change_max = std::chrono::minutes(1));
  // Waits a moment for what changes something. What looks is given up; the next Recover begins it
  // again.
  ~StepExecutor() override;

  // kTemporary: as many as there may be are at work already.
  Result<void> Launch(const Attempt& attempt) override;
  Result<void> Recover(const Attempt& attempt) override;
  Result<void> Stop(const attempt::Name& name) override;
  Result<void> Sweep(std::span<const attempt::Name> unfinished) override;

 private:
  struct State;
  struct Work;
  static void Carry(const std::shared_ptr<State>& state, const std::shared_ptr<Work>& work);
  static void Watch(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
};

}  // namespace busker::execute

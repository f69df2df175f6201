// PORT: where attempts happen.
//
// An attempt is known by its name, which is on record before anything of it is begun; by that name
// alone it is found again after this program has died, and nothing is started twice. What tells how
// an attempt ended is the exit record that its runner leaves (attempt/exit_record.h): never a
// status, an event or a log of the engine that ran it.
//
// executor_conformance.h is the exam of every implementation.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "attempt/exit_record.h"
#include "attempt/name.h"
#include "base/result.h"
#include "base/time.h"

namespace busker::execute {

// An attempt to be carried out.
struct Attempt {
  attempt::Name name;
  std::string order;                      // of attempt::Seal: text for the runner alone
  bool synced = true;                     // of the order
  std::vector<std::string> secrets = {};  // names of those that it gets
  std::string place = {};                 // plan::Task::place: settings of the attempt behind a "?"
  int cpus_milli = 0;                     // what its task says that it needs; 0: nothing
  std::uint64_t memory_bytes = 0;
  int preemptions = 0;  // so many attempts of the task in this run were preempted before it
};

// What an attempt has left at a place and what could not be taken away yet: it is billed. `what`
// and `where` say which it is; the rest may change.
struct Debt {
  attempt::Name attempt;
  std::string what, where;  // "VM busker-...", "europe-west1-b of example-project"
  std::string why;          // a sentence without its full stop
  Instant since;
};

// What cannot be looked at for now, and is looked at again: an attempt elsewhere, which may go on
// all the same, or a place where something may be left (then `attempt` is empty).
struct Silence {
  attempt::Name attempt;
  std::string what, where;  // "VM busker-...", "europe-west1-b of example-project"
  std::string why;          // a sentence without its full stop
  Instant since;
};

// Any thread.
class Executor {
 public:
  // How an attempt ended. An Error: no record of it can be had (the disk is gone); but kTemporary
  // says that nothing of it was begun, nor will be, and that it may be launched again under the
  // same name. Called once per attempt launched or recovered, on a thread of the executor's or by
  // Recover itself. It may call Launch.
  using OnEnded = std::function<void(const attempt::Name&, Result<attempt::ExitRecord>)>;

  // The value of a secret, or the sentence why an attempt that needs it fails. Any thread.
  using SecretOf = std::function<Result<std::string>(const std::string& name)>;

  virtual ~Executor() = default;  // waits no longer; what runs goes on running

  // Starts the attempt. An Error means that it was not started; with kTemporary nothing of it is
  // there, and it may be launched again under the same name. Where a secret cannot be had, the
  // attempt ends so without its command.
  virtual Result<void> Launch(const Attempt& attempt) = 0;

  // After a restart: finds the attempt by its name, whatever became of it. It has ended: told at
  // once. It runs: waited for. It was never started: started. Its runner died: what it left running
  // is ended, and the attempt ends as lost. Its command is never started a second time.
  //
  // An unsynced attempt counts as never started only when its order was sealed in this boot; else
  // it ends as lost.
  virtual Result<void> Recover(const Attempt& attempt) = 0;

  // Tells an attempt to stop (SIGTERM, then SIGKILL after the order's grace), also one that is
  // recovered only after this. One that has ended is no error, nor is one that was told before.
  // After an Error it goes on, and may be told again.
  virtual Result<void> Stop(const attempt::Name& name) = 0;

  // Ends and removes what was left here by attempts that are over: all but `unfinished`. To be
  // called once, before the others.
  virtual Result<void> Sweep(std::span<const attempt::Name> unfinished) = 0;

  // What could not be ended and removed so far, and is tried again for ever. Waits for nothing.
  virtual std::vector<Debt> Debts() const { return {}; }

  // Of what nothing is heard for longer than a moment. Waits for nothing.
  virtual std::vector<Silence> Silences() const { return {}; }
};

}  // namespace busker::execute

// Attempts on VMs of Google's Compute Engine: one VM for each, which boots, fetches what it is to
// do from the artifact store, does it, and is deleted (vm_attempt.h).
//
// What is agreed with a VM are objects of the store (attempt/remote.h). Who owns the start of an
// attempt is decided by one of them, and how it ended is told by another: what Compute Engine says
// of a VM is never more than a reason to look there. Before each call that makes something, what is
// meant is durable in the attempt's folder (vm_intent.h).
//
// A few threads do all of it: an attempt is a state with an instant at which it is looked at again
// (timed_work.h), and one list of objects every few seconds tells of all that run in one store.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "execute/begun_attempts.h"
#include "execute/compute_engine.h"
#include "execute/compute_place.h"
#include "execute/executor.h"
#include "execute/places_in_use.h"
#include "execute/timed_work.h"
#include "execute/vm_attempt.h"
#include "execute/vm_sweep.h"

namespace busker::execute {

class ComputeExecutor : public Executor {
 public:
  struct Settings {
    std::string project;
    std::string place;                     // that it is opened at, up to the "?"
    io::fs::path places_folder;            // of PlacesInUse
    io::fs::path runner;                   // busker-runner, for the VMs
    io::fs::path folder;                   // attempts live in folder/RUN/TASK.NUMBER
    std::string instance;                  // id of the home: whose VMs these are
    SecretOf secret_of;                    // may be empty: there are none
    std::vector<std::string> environment;  // of this process
    // One for all executors of this busker.
    std::shared_ptr<BegunAttempts> begun = std::make_shared<BegunAttempts>();
    VmTimes times = {};
    Milliseconds list_each = std::chrono::seconds(2);  // the objects of a store
    Milliseconds sweep_each = std::chrono::minutes(15);
    // When something was found; and when nothing could be seen, then twice as long each time.
    Milliseconds sweep_again = std::chrono::seconds(15);
    std::size_t threads_max = 8;
  };

  // Asks nobody anything yet.
  static Result<std::unique_ptr<ComputeExecutor>> Start(Settings settings, OnEnded on_ended);
  ~ComputeExecutor() override;  // VMs go on; the next executor finds them

  // All of it is done on threads of its own: these return at once.
  Result<void> Launch(const Attempt& attempt) override;
  Result<void> Recover(const Attempt& attempt) override;
  Result<void> Stop(const attempt::Name& name) override;
  Result<void> Sweep(std::span<const attempt::Name> unfinished) override;
  std::vector<Debt> Debts() const override;
  std::vector<Silence> Silences() const override;

 private:
  struct Carried {
    explicit Carried(VmAttempt made) : attempt(std::move(made)) {}
    VmAttempt attempt;  // its job's alone
    TimedWork::Id job = 0;
    VmAttempt::Seen seen;
    bool is_stopped = false, has_ended = false;
    std::vector<Debt> debts;
    std::optional<Silence> silence;
  };
  struct Watch {  // of a store
    TimedWork::Id job = 0;
    bool has_looked_back = false;  // at what earlier attempts have left there
    std::optional<Silence> silence;
  };
  using Next = std::optional<TimedWork::Clock::duration>;

  ComputeExecutor(Settings settings, OnEnded on_ended);

  Result<void> Begin(const Attempt& attempt, bool is_recovered);
  Next Turn(const std::shared_ptr<Carried>& carried, const std::stop_token& stop);
  Next List(const std::string& store_url, const std::stop_token& stop);
  void TakeList(const std::string& store_url, const std::vector<std::string>& keys);
  Next SweepNow(const std::stop_token& stop);
  bool IsAnsweredFor(const std::string& vm_name) const;
  // Of these the mutex is held.
  Result<void> NoteUse(const std::string& store_url);
  void ForgetUse();
  void Carry(std::shared_ptr<Carried> carried);
  void WatchStore(const std::string& store_url);

  const Settings settings_;
  const OnEnded on_ended_;
  const ComputeEngine engine_;
  VmSurroundings around_;
  const PlacesInUse places_;

  mutable std::mutex mutex_;  // guards what follows, and of Carried all but the attempt
  std::map<attempt::Name, std::shared_ptr<Carried>> carried_;
  std::set<attempt::Name> stopped_;       // told to stop, and not ended yet
  std::set<attempt::Name> unfinished_;    // when this busker began, and not begun here since
  std::map<std::string, Watch> watches_;  // by the store's URL
  std::vector<Debt> swept_debts_;
  std::optional<Silence> sweep_silence_;
  bool is_swept_clean_ = false;          // the last time
  std::set<std::string> stores_in_use_;  // as they are noted of this place

  Milliseconds sweep_pause_{};       // after a sweep that saw nothing; of its job alone
  std::unique_ptr<TimedWork> work_;  // the first to go
};

}  // namespace busker::execute

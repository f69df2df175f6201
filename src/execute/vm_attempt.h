// One attempt on a VM of Compute Engine, from nothing to nothing left: a state, and steps that take
// it further, each of which waits for a few calls at most.
//
//   nothing asked -> asked -> coming -> begun -> over
//                      |        |         |
//                      +--------+---------+----> given up -> over
//
// The start fence decides between begun and given up, the exit record tells how it ended;
// vm_table.h says what is done by what Compute Engine shows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "attempt/log.h"
#include "attempt/remote.h"
#include "execute/compute_engine.h"
#include "execute/compute_place.h"
#include "execute/executor.h"
#include "execute/vm_intent.h"
#include "execute/vm_table.h"

namespace busker::execute {

// How long what takes, and how often what is looked at.
struct VmTimes {
  Milliseconds start_within = std::chrono::minutes(10);      // from the insert to the program
  Milliseconds look_each = std::chrono::minutes(1);          // at a VM whose program runs
  Milliseconds look_each_coming = std::chrono::seconds(15);  // at one that boots
  Milliseconds pause_first = std::chrono::seconds(1), pause_max = std::chrono::minutes(5);
  // At what is to end in a moment.
  Milliseconds poll_first = Milliseconds(500), poll_max = std::chrono::seconds(5);
  Milliseconds delete_again = std::chrono::minutes(2);  // what is there still
  // An insert whose answer did not come may still be on its way for so long.
  Milliseconds doubt = std::chrono::seconds(90);
  Milliseconds debt_after = std::chrono::minutes(3);    // of a VM that is being deleted
  Milliseconds silent_after = std::chrono::minutes(1);  // of what cannot be looked at: told
  // A VM that is gone: so long its exit record is looked for in a store that does not answer.
  Milliseconds store_within = std::chrono::hours(1);
  // So long Compute Engine is asked who ended a VM, while it does not answer.
  Milliseconds who_within = std::chrono::minutes(10);
};

// What all attempts of an executor have in common; it outlives them.
struct VmSurroundings {
  const ComputeEngine& engine;
  io::fs::path folder;                   // attempts live in folder/RUN/TASK.NUMBER
  std::string instance;                  // id of the home
  std::vector<std::string> environment;  // of this process
  Executor::SecretOf secret_of;
  io::fs::path runner;  // busker-runner, for the VMs
  VmTimes times;
};

// Used by one thread at a time.
class VmAttempt {
 public:
  // What is in the store of it, by the last list.
  struct Seen {
    bool start = false, exit = false;
    std::uint64_t log_parts = 0;
    bool operator==(const Seen&) const = default;
  };

  // `is_recovered`: an earlier busker may have begun it.
  VmAttempt(const VmSurroundings& around, Attempt attempt, ComputeSettings settings,
            bool is_recovered);
  // Of an attempt that is over and known to have ended: what it left is taken away. `store_url`:
  // where its objects are.
  static VmAttempt Leftover(const VmSurroundings& around, const attempt::Name& name,
                            const std::string& store_url);

  const std::string& vm_name() const { return vm_; }
  const attempt::Name& name() const { return attempt_.name; }
  const std::string& store_url() const { return settings_.store; }

  // Does what is to be done now. After how long the next step is due; nullopt: nothing of it is
  // left, and no step is to follow. `is_stopped`: it was told to stop.
  std::optional<Milliseconds> Step(const Seen& seen, bool is_stopped, const std::stop_token& stop);

  // How it ended, once it is known and the VM's deletion was asked for, or could not be: the first
  // time alone. Whoever is told may end this program.
  std::optional<Result<attempt::ExitRecord>> TakeEnd();

  // What could not be taken away so far.
  std::vector<Debt> debts() const;

  // Why it cannot be followed at the moment, and since when; nullopt: it can, or it is over.
  const std::optional<Silence>& silence() const { return silence_; }

 private:
  using Pause = Result<std::optional<Milliseconds>>;
  struct Sight {
    VmSight what = VmSight::kUnknown;
    std::string vm_id = {};
    Milliseconds keep{};  // what its metadata says of that
  };
  // Zones in which a delete was asked for: since when, when last, and by which ids.
  struct Removal {
    Instant since{}, last{};
    std::set<std::string> requests = {};
  };
  struct Who {  // ended a VM, and how the attempt has ended by that
    attempt::Ending ending = attempt::Ending::kLost;
    std::string words;
  };

  Pause Next();
  Pause Load();
  Pause Prepare();
  Result<void> PutOrder();
  Result<void> PutRunner();
  Pause AskNext();
  Pause SendInsert();
  Pause AwaitInsert();
  Pause LookForAsked();
  Pause TakeSight(const Sight& sight);
  Pause TakeRefusal(const ComputeFault& fault, bool is_first);
  Pause AwaitStart();
  Pause AwaitEnd();
  Pause StopBegun();
  bool IsPastLife();
  Pause SettleBegun(bool is_gone);
  Pause TakeExit();
  Pause GiveUp(attempt::Ending ending, std::string why);
  Pause EndGivenUp();
  Pause Tidy();
  Pause End(attempt::ExitRecord record);
  attempt::ExitRecord Ended(attempt::Ending ending, std::string message) const;
  attempt::ExitRecord Judged(attempt::ExitRecord record, const Who& who) const;

  Result<bool> Clear();
  Result<bool> ClearAllZones();
  Result<bool> ClearZone(VmAsk& ask);
  bool IsKeptBy(Milliseconds keep);
  Result<void> Delete(const std::string& zone);
  Result<bool> MayYetCome(const VmAsk& ask);
  Result<Sight> Look(const std::string& zone);
  Result<bool> ReadStart();
  Result<void> HandSecrets();
  Result<void> FetchLog(std::uint64_t parts);
  void SaveConsole(const std::string& zone);
  std::string ConsoleReason();
  Result<Who> WhoEnded(const VmAsk& ask);
  Result<void> OpenLog();
  Result<void> AddToHead(const std::string& text, bool is_last);
  Result<void> EndHead();
  void Say(const std::string& line);
  void Owe(const std::string& zone, const std::string& why);
  void NoteSilence(const std::string& why);
  Result<void> Intend(std::string zone, Instant asked_at);
  Result<std::string> Body(const std::string& zone);
  Milliseconds Poll();
  io::Interrupt Limit() const;
  Result<std::unique_ptr<artifact::Store>> Store() const;
  Result<void> Remember();
  VmAsk& ask() { return intent_->last(); }
  bool IsKeptFor(const attempt::ExitRecord& record) const;

  const VmSurroundings& around_;
  Attempt attempt_;
  ComputeSettings settings_;
  attempt::RemoteName remote_;
  attempt::RemoteKeys keys_;
  io::fs::path folder_;
  std::string vm_;  // its name
  bool is_recovered_ = false, is_leftover_ = false;

  Seen seen_;  // of this step
  bool is_stopped_ = false;
  std::stop_token stop_;

  bool is_loaded_ = false;
  Instant begun_at_{};         // the first step
  std::string runner_sha256_;  // of what the VM fetches
  Instant runner_put_at_{};    // when that was last known to be there
  std::optional<VmIntent> intent_;
  std::optional<VmPhase> phase_;  // none: nothing was asked for
  std::optional<attempt::RemoteStart> start_;
  std::optional<attempt::LogWriter> log_;
  std::string head_;             // of it: what we say before the program
  bool is_head_whole_ = false;   // durably: nothing comes before the program any more
  std::uint64_t log_parts_ = 0;  // written to it
  bool has_handed_secrets_ = false;
  std::set<std::string> consoles_;  // zones whose VM's console was saved
  std::string console_reason_;      // what it says of why nothing was started
  Instant console_read_at_{};
  std::optional<Instant> gone_since_;    // the VM of a program that had begun
  std::optional<Instant> who_asked_at_;  // and was not answered since
  std::optional<Result<attempt::ExitRecord>> end_;
  Instant kept_until_{};
  Instant looked_at_{};   // the VM
  Instant sent_at_{};     // the last insert
  bool was_sent_ = true;  // the request that counts, for all we know
  Milliseconds pause_{};  // after the last failure; 0: there was none
  Milliseconds poll_{};
  std::string said_;  // of what went wrong last
  std::optional<Silence> silence_;
  bool is_end_taken_ = false, was_tidied_ = false;
  std::map<std::string, Removal> removals_;  // by zone
  std::map<std::string, Debt> debts_;        // by zone
};

}  // namespace busker::execute

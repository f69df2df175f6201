// The engine: one thread, one mailbox, one loop.
//
//   what happened -> plan::Agenda::Advance -> record (one transaction) -> carry out
//
// Nothing is done that is not on record; so after a crash the record says what may have been begun,
// and Recover finds it by name.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "attempt/exit_record.h"
#include "attempt/name.h"
#include "base/result.h"
#include "dispatch/figures.h"
#include "dispatch/mailbox.h"
#include "dispatch/preparer.h"
#include "execute/executors.h"
#include "home/instance.h"
#include "plan/agenda.h"
#include "record/record.h"

namespace busker::dispatch {

// What the conductor is given; called on its thread, if nothing else is said.
struct Deeds {
  // Decides the tasks of a queued run, and their orders. On threads of its own, and it may outlive
  // the conductor: see there. An error fails the run, or has it prepared again when it may pass.
  Preparer::Prepare prepare;
  // The notices that tell people so; empty: nobody is to be told.
  std::function<std::vector<record::NoticeRow>(const plan::NotifyPeople& tell, Instant now)>
      notices;
  // What people are to be told of an attempt that has ended, beside what the plan decides: the
  // kind, the sentence and the version of it; nullopt: nothing. May be empty.
  std::function<std::optional<plan::NotifyPeople>(const record::AttemptRow& ended)> news;
  // Told of each decision once it is on record and carried out; may be empty.
  std::function<void(const plan::Decision&)> observe;
  // Told why nothing new starts at the moment, and with an empty text when it does again; may be
  // empty.
  std::function<void(const std::string& why)> trouble;
  // Told what the executor could not do, and is tried again: a sentence; may be empty.
  std::function<void(const std::string& sentence)> warn;
  // Told of new notices once they are on record; may be empty.
  std::function<void(const std::vector<record::NoticeRow>&)> send;
  // Places at which something may have been left: opened, and so swept, by Recover.
  std::vector<std::string> places_in_use = {};
};

// What whoever asks a conductor that is ending is told: nothing was done, and the next one may be
// asked.
inline constexpr char kIsEnding[] = "the busker that owns the home is shutting down; try again";

class Conductor {
 public:
  // Takes the lead of the record: a conductor before this one that still lives appends nothing
  // more. kTemporary: another leads, or the disk is full. `runs_folder`: where the folders of
  // attempts are; `instance`: whose they are.
  static Result<std::unique_ptr<Conductor>> Start(record::Record& record,
                                                  execute::OpenExecutor open_executor,
                                                  io::fs::path runs_folder, plan::Capacity capacity,
                                                  Deeds deeds, home::Instance instance = {});
  ~Conductor();

  // Takes up what an earlier conductor left: the ids of its unfinished runs. To be called once,
  // before Run. An attempt that another home started (this one is a copy of it) has ended as its
  // folder says, else it is lost: what lives of it belongs to that home, and is left alone.
  Result<std::vector<std::string>> Recover();

  // Any thread.
  void Ask(Request request);
  void Tell(record::NoticeOutcome outcome);
  void Tell(plan::NotifyPeople tell);  // what somebody noticed beside runs
  void Cancel(const std::string& run, const std::string& by);
  void Stop();  // Run returns after the turn; what runs goes on running

  enum class Until { kIdle, kStopped };
  // The loop: until Stop, or until no run is unfinished (kIdle); or until `limit` has passed:
  // false. An error means that the record cannot be written and nothing more is started: what runs
  // goes on running, and the next conductor recovers it. While the disk is full it goes on trying,
  // once a second. After Stop or an error the conductor has ended: whoever asks is refused.
  Result<bool> Run(Until until, std::optional<Instant> limit = std::nullopt);

  // Any thread: why nothing can be recorded at the moment; empty: all is well.
  std::string Trouble() const;
  // Any thread: what executors could not remove so far, as of the last turn.
  std::vector<execute::Debt> Debts() const;
  // Any thread: of what they hear nothing, as of the last turn.
  std::vector<execute::Silence> Silences() const;
  const Figures& figures() const { return figures_; }

 private:
  Conductor(record::Record& record, io::fs::path runs_folder, plan::Capacity capacity, Deeds deeds,
            home::Instance instance);

  // What one turn takes in, sorted.
  struct Intake {
    std::vector<plan::Event> events;
    std::vector<record::AttemptRow> ended;
    std::vector<record::PreparedRun> prepared;
    std::vector<record::NoticeOutcome> outcomes;
    std::vector<plan::NotifyPeople> news;
    std::vector<Request> answers;  // to be given when the turn is on record
  };

  // An attempt that is to be stopped, or taken up after a restart.
  struct Unsettled {
    attempt::Name name;
    enum What { kStop, kRecover } what = kStop;
    home::Launcher launcher;  // of one that is taken up
    bool is_told = false;     // that it could not be done for now
  };

  Result<bool> Loop(Until until, std::optional<Instant> limit);
  void Refuse(std::vector<Happened> happened);
  Result<std::optional<Instant>> Turn(std::vector<Happened> happened);
  Intake Sort(std::vector<Happened> happened, Instant now);
  Result<void> Append(const record::Turn& turn);
  std::optional<plan::ClockStepped> NoticeStep(Instant now);
  void TakeEnd(const attempt::Name& name, Result<attempt::ExitRecord> exit);
  void CarryOut(const plan::Decision& decision);
  void Prepare(const plan::PrepareRun& decision);
  void Take(Preparation preparation, Intake& intake);
  Result<void> Launch(const attempt::Name& name);
  Result<void> Recover(const attempt::Name& name, const home::Launcher& launcher);
  void Settle(Unsettled one);
  void SettleAgain();
  const plan::Task* RunningTask(const attempt::Name& name) const;
  Result<void> Stop(const attempt::Name& name);
  attempt::ExitRecord EndOfAnothers(const attempt::Name& name) const;
  Result<execute::Attempt> AttemptOf(const attempt::Name& name, const home::Launcher& launcher);
  home::Launcher OwnLauncher() const;
  std::optional<plan::CapacityChanged> NoticeSpace();
  void SetTrouble(std::string why);
  std::vector<plan::NotifyPeople> NoticeDebts();
  std::optional<plan::NotifyPeople> NewsOf(const record::AttemptRow& ended) const;
  bool WasTold(const execute::Debt& debt);
  void Count(const record::Turn& turn);
  void CountUnfinished();

  record::Record& record_;
  const Deeds deeds_;
  plan::Agenda agenda_;
  Mailbox mailbox_;
  std::vector<Happened> next_;  // of this thread: what the turn itself brought about
  // By run, the preparation that counts: a run that was cancelled and taken up again meanwhile has
  // another one.
  std::unordered_map<std::string, std::uint64_t> preparing_;
  std::atomic<bool> stopped_ = false;
  std::vector<Unsettled> unsettled_;                   // the executor could not, for now
  std::chrono::steady_clock::time_point settle_at_{};  // and is asked again then
  const io::fs::path runs_folder_;
  const plan::Capacity capacity_;
  const home::Instance instance_;
  record::Epoch epoch_ = 0;                   // of its turns
  bool disk_is_full_ = false;                 // and nothing is started
  std::optional<Milliseconds> clock_offset_;  // of the wall clock from the steady one
  mutable std::mutex trouble_mutex_;
  std::string trouble_;
  mutable std::mutex debts_mutex_;
  std::vector<execute::Debt> debts_;
  std::vector<execute::Silence> silences_;
  std::set<std::pair<std::string, std::string>> known_debts_;  // what and where; of this thread
  Figures figures_;
  std::optional<execute::Executors> executors_;  // their threads post to the mailbox
  std::unique_ptr<Preparer> preparer_;           // so do its threads
};

}  // namespace busker::dispatch

// Copies the logs of runs to Cloud Logging, where their target says so (log =
// "cloud-logging://...").
//
// The log in the home is the truth, and this a copy: no run waits for it, fails by it, or is told
// of it. One thread looks at the logs that grow, once a second, and sends what has come. What waits
// to be sent waits in the files of the logs, which are bounded; so nothing is queued in memory.
// What is about to be sent is noted first, with its instant: a copier that was killed in between is
// followed by one that sends the same lines again, and queries show them once.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "cloud/logging.h"
#include "daemon/copied_run.h"
#include "daemon/log_batch.h"
#include "plan/advance.h"
#include "record/readers.h"

namespace busker::daemon {

class LogCopier {
 public:
  struct Limits {
    Milliseconds gather{1000};                           // between two looks at a log that grows
    Milliseconds request{30'000};                        // to the service
    Milliseconds give_up_after{std::chrono::hours(72)};  // since the run has ended
    // After so many failures one after the other (1, 2, ...), for a place; none: as of notices.
    std::function<Milliseconds(int failures)> pause = {};
  };
  struct Setup {
    CopiedRuns files;
    io::fs::path runs_folder;
    std::shared_ptr<record::Readers> record;
    // Told, in a sentence, what people should know: any thread.
    std::function<void(const std::string&)> warn;
  };
  explicit LogCopier(Setup setup) : LogCopier(std::move(setup), Limits()) {}
  LogCopier(Setup setup, Limits limits);
  ~LogCopier() { Stop(); }
  LogCopier(const LogCopier&) = delete;
  LogCopier& operator=(const LogCopier&) = delete;

  // Goes on with what a copier before this one left. To be called once.
  void TakeUp();

  // The log of the run is to be copied. Durable when it returns; to be called before the run's
  // first attempt begins. Any thread.
  Result<void> Expect(const std::string& run, const CopyTo& to);
  // A run that has ended is to be taken up again; to be called before. Any thread.
  void ExpectAgain(const std::string& run);

  // Something was decided about a run, and is on record. Any thread; waits for nothing.
  void Observe(const plan::Decision& decision);

  // All that there is was copied, or cannot be for now.
  bool Rests() const;
  // The same within `limit`.
  bool AwaitRest(Milliseconds limit);

  // Where what failed was not just a hiccup. Any thread.
  std::vector<Uncopied> ListUncopied() const;

  // Breaks off what is being sent. Nothing is copied any more; Expect still notes.
  void Stop();

 private:
  struct Trouble {
    std::string why;
    int failures = 0;
    Instant next_try{};
    bool told = false;
  };
  // A run whose copy is not whole; of the copier's thread.
  struct Copy {
    CopyTo to;
    CopiedRun copied;
    record::RunRow row;  // as it was when it was last looked up
    bool is_known = false;
    bool has_more = false;  // to be copied right now
  };

  void Begin();  // the thread; mutex_ is held
  void Work(const std::stop_token& stop);
  bool Await(const std::stop_token& stop, std::set<std::string>* news);
  void TakeIn(const std::set<std::string>& news);
  bool LookUp(const std::string& run, Copy& copy);
  void CopyWhatIsThere(const std::string& run, Copy& copy, const std::stop_token& stop);
  Result<bool> CopyAttempt(Copy& copy, const record::AttemptRow& attempt,
                           const std::stop_token& stop);
  Result<void> CopyEnd(Copy& copy, const std::stop_token& stop);
  Result<cloud::LogAnswer> Send(const CopyTo& to, cloud::LogEntries entries,
                                const std::stop_token& stop);
  void Finish(const std::string& run, const std::string& missing);
  bool MayTry(const std::string& project, Instant now) const;
  void NoteFailure(const std::string& run, const Copy& copy, const Error& error);
  void NoteSuccess(const std::string& project);
  void Plan();

  const Setup setup_;
  const Limits limits_;
  std::map<std::string, Copy> copies_;  // of the copier's thread, by run

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any woken_, rests_;
  std::map<std::string, std::string> projects_;  // of each run whose copy is not whole
  std::set<std::string> news_;                   // runs of which something was decided
  std::set<std::string> again_;                  // runs that may be taken up again
  std::map<std::string, Trouble> troubles_;      // by project
  std::optional<std::chrono::steady_clock::time_point> look_at_;
  bool is_working_ = false, is_behind_ = false, is_stopped_ = false;
  std::jthread thread_;  // last
};

}  // namespace busker::daemon

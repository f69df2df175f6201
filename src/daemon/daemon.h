// The process that owns a home: definitions, conductor, the socket that verbs speak to, notices,
// heartbeat; each part on threads of its own, wired together here.
//
// With schedules it is `busker up`. Without, it carries out what it is asked to and nothing starts
// by itself: `busker run`, and what `busker start` leaves in the background.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "catalogue/definitions.h"
#include "catalogue/file_triggers.h"
#include "catalogue/folder_watch.h"
#include "daemon/announcer.h"
#include "daemon/log_copier.h"
#include "daemon/outbox.h"
#include "daemon/requests.h"
#include "daemon/run_preparation.h"
#include "daemon/server.h"
#include "dispatch/conductor.h"
#include "home/home.h"
#include "notify/heartbeat.h"
#include "service/daemon_setting.h"

namespace busker::daemon {

struct DaemonOptions {
  std::vector<std::string> paths;  // absolute; services, graph files, folders of them
  bool schedules = true;           // false: nothing starts by itself, no notices are sent
  bool yields = false;             // ends when a daemon wants the home
  std::string pauses;              // plan::GraphDefined::pauses
  std::string target;  // that runs are at for which none is asked for; empty: as services say
  std::string busker, runner;            // programs
  std::vector<std::string> environment;  // of the person or unit that started it
  service::GateCheck check_gate;
  // An address that begins a session on the dashboard; empty: there is none. Any thread.
  std::function<Result<std::string>(const std::string& by)> make_link;
  // The services whose predictions this process answers; empty: of none. Any thread.
  std::function<std::vector<Online>()> online;
  // Told why nothing new starts at the moment, and when it does again; what could not be done and
  // is tried again. Any thread.
  std::function<void(const std::string&)> warn;
  // Told what people may want to see: a line each. Any thread.
  std::function<void(const std::string&)> say;
};

// Runs of one graph for instants that had passed when the daemon began.
struct CatchUp {
  plan::GraphKey graph;
  std::size_t runs = 0;
  std::string first, last;  // data dates
};

class Daemon {
 public:
  // The caller owns the home. kUnusable: the record cannot be used; kInvalid: daemon.toml.
  static Result<std::unique_ptr<Daemon>> Start(const home::Home& home, DaemonOptions options);
  // Stops taking work; what runs goes on running, and the next owner of the home finds it.
  ~Daemon();

  std::shared_ptr<const catalogue::Catalogue> catalogue() const;
  std::vector<std::string> recovered() const { return recovered_; }  // runs, at the start
  std::vector<CatchUp> catch_ups() const;                            // queued until now; any thread
  Requests& requests() { return *requests_; }
  record::Readers& readers() { return *readers_; }
  Announcer& announcer() { return announcer_; }
  const service::DaemonSettings& settings() const { return settings_; }

  // Where the things of a service are. Any thread.
  // Of an action's runs, or of the service as a whole; `target`: that was asked for, or is on
  // record.
  Result<prepare::Places> PlacesOf(const service::Service& service, const std::string& action = "",
                                   const std::string& target = "") const;

  // Whether every run has ended, or waits for a definition that is not there, and its log was
  // copied as far as it can be for now.
  bool Idle();

  // Waits up to `limit` until logs are copied that far.
  void AwaitCopies(Milliseconds limit) { copier_->AwaitRest(limit); }

  void StopServing();  // closes the socket: nothing more is asked

  // Tells people what was noticed beside runs, if anybody is to be told. Any thread.
  void Tell(plan::NotifyPeople tell) { conductor_->Tell(std::move(tell)); }

  // Reads the definitions again now. Any thread.
  bool Reload();

  // Blocks until the conductor has ended: after Stop, or because the record cannot be written.
  Result<void> Wait();
  std::optional<Result<void>> WaitFor(Milliseconds limit);  // nullopt: it has not ended
  void Stop();                                              // any thread

 private:
  Daemon(const home::Home& home, DaemonOptions options)
      : home_(home), options_(std::move(options)) {}

  Result<void> Open();
  void TellOfCopy();
  prepare::HomePlaces PlacesOfHome() const;
  std::vector<record::NoticeRow> NoticesOf(const plan::NotifyPeople& tell, Instant now);
  void Observe(const plan::Decision& decision);
  void Note(const plan::DagRun& catch_up);
  std::string TitleOf(const std::string& run);
  std::vector<plan::Event> Replace(std::shared_ptr<const catalogue::Catalogue> next, bool* changed);
  void WatchFiles();
  void StartArrivals(const std::set<std::string>& completed);
  void Say(const std::string& line) const;

  const home::Home home_;
  const DaemonOptions options_;
  const Instant since_ = Now();
  service::DaemonSettings settings_;
  std::unique_ptr<record::Record> record_;
  std::shared_ptr<record::Readers> readers_;
  std::shared_ptr<LogCopier> copier_;  // what prepares runs may outlive this
  std::shared_ptr<RunPreparation> preparation_;

  // "of shop/training for 2019-08-01", for what is said of unfinished runs; of the conductor's
  // thread.
  std::map<std::string, std::string> titles_;

  mutable std::mutex catalogue_mutex_;
  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  std::mutex definitions_mutex_;
  std::unique_ptr<catalogue::Definitions> definitions_;
  catalogue::FileTriggers triggers_;  // of the watching thread

  mutable std::mutex catch_ups_mutex_;
  std::vector<CatchUp> catch_ups_;

  Announcer announcer_;
  std::unique_ptr<dispatch::Conductor> conductor_;
  std::unique_ptr<Requests> requests_;
  std::vector<std::string> recovered_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<notify::Heartbeat> heartbeat_;
  std::unique_ptr<Server> server_;
  std::optional<catalogue::FolderWatch> watch_;
  std::thread conducting_, watching_;
  std::mutex ended_mutex_;
  std::condition_variable ended_;
  std::optional<Result<void>> end_;
};

}  // namespace busker::daemon

// What people and programs may ask of the process that owns a home. Each call returns when what was
// asked for is on record; any thread but the conductor's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/announcer.h"
#include "daemon/definitions.h"
#include "daemon/glance.h"
#include "daemon/outbox.h"
#include "dispatch/conductor.h"
#include "prepare/action_run.h"
#include "record/readers.h"

namespace busker::daemon {

struct StartRequest {
  plan::GraphKey graph;
  std::optional<std::string> date;  // "2019-08-01" or an RFC 3339 instant; none: now
  bool force = false;               // older data over newer
  std::string key;  // a second request with the same key is the first one; empty: none
  std::string by;
  std::string trigger = "manual";
  std::string target = {};  // of a service's action; empty: as the daemon or the service says
};

struct BackfillRequest {
  plan::GraphKey graph;
  std::string from, to;  // dates or instants, both included, of the data
  bool newest_first = false;
  bool retry_failed = false;  // those that have failed or were cancelled, too
  int runs_at_once = 1;
  bool dry_run = false;
  std::string by;
  bool force = false;       // older data over newer
  std::string target = {};  // as StartRequest::target
};

// One instant of a backfill, and what becomes of it.
struct BackfillInstant {
  Instant due{}, scheduled_at{};
  std::string run;   // that is there already, or was queued for it; empty on a dry run
  std::string what;  // "run", "retry", or why not: "has succeeded", "is still to come", ...
  std::string version = {}, version_date = {};  // it begins with; empty: none, or decided before
  std::string warning = {};  // a version later than the date, a table that refuses it; empty: none
  std::optional<Instant> ended_at = {};  // of the run that is there already
};

struct GraphStatus {
  plan::GraphKey graph;
  std::string schedule, zone;
  std::optional<Instant> next;
  bool paused = false;
  std::string paused_by;
  std::string explained;
};

struct Status {
  Instant since{};
  bool schedules = false;  // they are kept: it is busker up
  std::string trouble;     // why nothing can be recorded at the moment; empty: all is well
  std::vector<Fault> faults;
  std::vector<GraphStatus> graphs;
  std::size_t attempts_running = 0;
  std::vector<Undelivered> undelivered;  // notices that do not arrive
};

class Requests {
 public:
  struct Setup {
    dispatch::Conductor& conductor;
    Announcer& announcer;
    record::Readers& record;
    std::function<std::shared_ptr<const Catalogue>()> catalogue;  // any thread
    // Of an action's runs at the target that was asked for (empty: none was).
    std::function<Result<prepare::Places>(const service::Service&, const std::string& action,
                                          const std::string& target)>
        places;
    Instant since;
    bool schedules = false;
    std::function<void()> yield;  // makes room for a daemon; empty: it is one
    std::function<Result<std::string>(const std::string& by)> make_link;  // empty: no dashboard
    std::function<std::vector<Undelivered>()> undelivered;                // any thread
  };
  explicit Requests(Setup setup, Milliseconds limit = std::chrono::seconds(60))
      : setup_(std::move(setup)), limit_(limit) {}

  // The same for who cannot wait that long for the conductor; then a call is kTemporary.
  Requests Within(Milliseconds limit) const { return Requests(setup_, limit); }

  // The id of the run. `follow` hears of all that is decided about it, from the beginning; of the
  // run of an earlier request with the same key as Follow does.
  Result<std::string> Start(const StartRequest& request,
                            std::shared_ptr<Subscription>* follow = nullptr);

  // Of a run that has not ended: what is decided from now on, after what describes where it stands.
  // nullptr: it has ended.
  Result<std::shared_ptr<Subscription>> Follow(const std::string& run);

  Result<void> Cancel(const std::string& run, const std::string& by);
  Result<void> Retry(const std::string& run, const std::string& by);
  // What who retries the run should know: that its files say something else by now. Empty: nothing.
  Result<std::string> NoteOnRetry(const std::string& run);
  Result<void> Skip(const std::string& run, const std::string& task, const std::string& by);
  Result<void> Pause(const plan::GraphKey& graph, bool paused, const std::string& by);
  Result<std::vector<BackfillInstant>> Backfill(const BackfillRequest& request);

  // Of a run, a task of it (`task` not empty), or a graph.
  Result<std::string> Explain(const std::string& what, const std::string& task);
  Result<Status> Ask();
  Status Health() const;  // the same but for the graphs; costs the conductor nothing
  const dispatch::Figures& figures() const { return setup_.conductor.figures(); }
  bool Turns();          // the conductor takes part, within seconds
  Result<void> Yield();  // to a daemon that wants the home
  // An address that begins a session on the dashboard, once; kNotFound: there is none.
  Result<std::string> MakeLink(const std::string& by);

 private:
  using Decide = std::function<Result<std::vector<plan::Event>>(const dispatch::View&)>;
  Result<void> Carry(Decide decide);

  const Setup setup_;
  const std::shared_ptr<Glance> glance_ = std::make_shared<Glance>();
  const Milliseconds limit_;  // for a turn of the conductor
};

}  // namespace busker::daemon

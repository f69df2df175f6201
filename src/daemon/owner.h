// PORT: what people and programs may ask of the process that owns a home.
//
// Requests answers in that process itself, Client from any other, over the socket of the home; so a
// verb asks the same whoever the owner is. What needs no turn of the conductor (a live pointer
// moved by hand, a delivery undone, a token) is not asked of the owner: see ledger.h.
//
// owner_conformance.h is the exam of every implementation.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "daemon/copied_run.h"
#include "daemon/outbox.h"
#include "execute/executor.h"
#include "plan/advance.h"

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

using Debt = execute::Debt;
using Silence = execute::Silence;

// How a service stands whose predictions this process answers.
struct Online {
  std::string service;
  std::string version;           // that answers, its key; empty: none does
  std::string wanted;            // that the live pointer names; empty: none
  std::optional<Instant> since;  // they differ, or the pointer cannot be read
  std::string because;           // a sentence; empty: all is well, or the version is being loaded

  bool IsBehind() const { return !because.empty(); }
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
  std::vector<catalogue::Fault> faults;
  std::vector<GraphStatus> graphs;
  std::size_t attempts_running = 0;
  std::vector<Undelivered> undelivered;  // notices that do not arrive
  std::vector<Uncopied> uncopied = {};   // places that logs do not come to
  std::vector<Debt> debts = {};          // what attempts had elsewhere, and could not be removed
  std::vector<Silence> silences = {};    // what cannot be looked at elsewhere for now
  std::vector<Online> online = {};       // services whose predictions are answered, by name
};

// Of one that is behind: "shop serves 20260101T000000Z, and not 20260102T000000Z, which is live,
// since ..., because ...".
std::string SentenceOf(const Online& online);

// "of VM busker-3fa9 in europe-west1-b of p nothing is heard since ...: ..."
std::string SentenceOf(const Silence& silence);
// "; ..." for each of the run's attempts, or of those of its task; empty: they are heard of.
std::string SilencesOf(const std::string& run, const std::string& task,
                       const std::vector<Silence>& silences);

// Any thread. Each call returns when what was asked for is on record. kTemporary when the owner of
// the home has ended, or was ending (WasEnding), or has not answered in time: then it may be on
// record all the same. `by`: who asks.
class Owner {
 public:
  virtual ~Owner() = default;

  // The id of the run.
  virtual Result<std::string> Start(const StartRequest& request) const = 0;

  // What is decided about a run, as IsFollowed; false: it wants to hear no more.
  using Told = std::function<bool(const plan::Decision&)>;
  // Starts a run and tells of it from its beginning until it has ended, or `told` says false. It
  // returns kTemporary when the owner of the home ends before, or has told more than could be
  // taken: the run goes on, and Follow tells the rest. Of a run that has ended already (of an
  // earlier request with the same key) it tells nothing.
  struct Follower {
    std::function<void(const std::string& run)> started;  // it is on record
    Told told;
    // Called once when nothing was heard for a moment: the run waits for something; may be empty.
    std::function<void()> silent = {};
  };
  virtual Result<std::string> StartAndFollow(const StartRequest& request,
                                             const Follower& follower) const = 0;
  // Tells where the run stands, and of it until it has ended, which it may have already. kTimedOut
  // after `limit`.
  virtual Result<void> Follow(const std::string& run, std::optional<Milliseconds> limit,
                              const Told& told) const = 0;

  // kInvalid: it has ended.
  virtual Result<void> Cancel(const std::string& run, const std::string& by) const = 0;
  // What who retries the run should know: that its files say something else by now. Empty: nothing.
  virtual Result<std::string> Retry(const std::string& run, const std::string& by) const = 0;
  virtual Result<void> Skip(const std::string& run, const std::string& task,
                            const std::string& by) const = 0;
  virtual Result<void> Pause(const plan::GraphKey& graph, bool paused,
                             const std::string& by) const = 0;
  virtual Result<std::vector<BackfillInstant>> Backfill(const BackfillRequest& request) const = 0;

  // Of a run, a task of it (`task` not empty), or a graph.
  virtual Result<std::string> Explain(const std::string& what, const std::string& task) const = 0;
  virtual Result<Status> Ask() const = 0;
  // An address that begins a session on the dashboard, once; kNotFound: there is none.
  virtual Result<std::string> MakeLink(const std::string& by) const = 0;
  virtual Result<void> Yield() const = 0;  // to a daemon that wants the home
};

// The owner of the home was just ending, and did nothing of what it was asked.
bool WasEnding(const Error& error);

// Whether who follows a run is told of it: that it is queued (its id, graph and data date),
// attempts that start, tasks, retries, what becomes of the run.
bool IsFollowed(const plan::Decision& decision);

// For implementations: tells what `next` hears, as Follow and StartAndFollow do. `next` waits for
// what is decided, without an end or up to a limit (kTimedOut); nullopt: it heard something else.
using Hear =
    std::function<Result<std::optional<plan::Decision>>(std::optional<Milliseconds> limit)>;
Result<void> TellToItsEnd(const Hear& next, std::optional<Milliseconds> limit,
                          const Owner::Told& told, std::function<void()> silent = {});
tl::unexpected<Error> OwnerHasEnded();

}  // namespace busker::daemon

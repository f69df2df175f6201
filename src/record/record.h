// The record: runs, tasks, attempts, graphs, notices and events, durable. A port: record/open.h
// opens the one at a URL, record_conformance.h is the exam that each sits.
//
// Every change is one guarded statement (WHERE the state is what the change starts from) in one
// transaction with its event, so no state is ever left by two, and a crash leaves all of a turn or
// nothing. The conductor is the only writer of runs, and one that leads; others read, and add
// events of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "plan/advance.h"
#include "plan/run.h"

namespace busker::record {

// What is known of a run beside its state.
struct RunFacts {
  std::string id;
  std::string service;          // empty for a graph file
  std::string service_version;  // empty until it is prepared
  std::string action;           // or the graph's name
  std::string timestamp;        // TIMESTAMP of the version that it saves; unique per service and
                                // action; empty until it is prepared, and for a graph file
  std::string data_date;        // 2019-08-01, in the schedule's zone
  Instant scheduled_at{};       // the instant it is for
  std::string trigger;          // "manual", "schedule", ...
  std::string requested_by;     // user name
  std::string model_version;    // key of the version applied; empty: none
  Instant requested_at{};
  std::optional<Instant> due;  // the instant of the schedule that it is the run of
  std::string request_key;     // unique; empty: none
  std::string batch;           // of a backfill; empty: none
  std::string definition;      // SHA-256 of the files that say what it does; empty until prepared
  std::string target = {};     // of a service's run; until it is prepared: that was asked for

  plan::GraphKey Graph() const { return {service, action}; }
};

// What the runner is to do for a task: text that it alone reads (attempt/order.h), and what whoever
// launches an attempt must know of it.
struct Order {
  std::string text;
  bool synced = true;                     // each step of an attempt is durable before the next one
  std::vector<std::string> secrets = {};  // names of those that it needs, in the order's order
};

// What preparing a queued run decided (plan::RunPrepared); stored with plan::TasksPlanned.
struct PreparedRun {
  std::string run;
  std::string service_version, timestamp, model_version, definition;
  std::vector<Order> orders;  // of each task, in the order of plan::RunPrepared::tasks
  std::string target = {};    // that its places are of; of a service's run
};

struct AttemptRow {
  std::string run, task;
  int number = 0;
  bool running = false;
  Instant launched_at{};
  std::optional<Instant> started_at, command_started_at, command_ended_at, ended_at;
  std::string ending;  // attempt::Ending's name; empty while it runs
  std::string message;
  int exit_code = 0, signal = 0;
  Milliseconds cpu{};
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t output_files = 0, output_bytes = 0;
  std::string result = {};  // JSON: what one of Busker's own steps came to; empty: nothing was left
  std::string image = {};   // by digest or id, of the container that it ran in; empty: in none
  // Of one that had a machine of its own, else zero: the machine's start, the image's way there,
  // and how long there was that machine, which is what it costs.
  Milliseconds boot{0}, pull{0}, machine{0};
};

struct TaskRow {
  plan::Task task;
  std::vector<AttemptRow> attempts;
};

struct RunRow {
  std::int64_t number = 0;  // in the order in which runs were requested
  RunFacts facts;
  plan::State state = plan::State::kQueued;
  std::string message;
  std::optional<Instant> started_at, ended_at;
  std::vector<TaskRow> tasks;
};

struct EventRow {
  std::int64_t number = 0;
  Instant at{};
  std::string run, task;  // empty where it concerns none
  std::string what;       // "run running", "attempt 2 started", "live pointer moved", ...
  std::string actor;      // who: "busker" or a user name
  std::string detail;
  std::string graph;  // of its run, when it has one that is on record; not of the event itself
};

// Which runs to list. Newest first, but for `oldest_first`.
struct RunFilter {
  std::string action;                  // empty: all
  std::optional<std::string> service;  // "" for graph files; none: all
  std::string batch;                   // empty: all
  std::string model_version = {};      // that they applied; empty: all
  std::string data_date = {};          // empty: all
  std::optional<plan::State> state;
  std::string trigger = {};            // what that begins with; empty: all
  std::string id_part = {};            // what their ids contain; empty: all
  std::optional<std::int64_t> before;  // RunRow::number: only what was requested before
  std::optional<std::int64_t> behind;  // likewise: only what was requested after
  std::vector<std::string> within;     // services, and graphs by their keys; empty: all
  std::uint64_t count_max = 20;
  bool oldest_first = false;
  bool with_tasks = true;  // false: RunRow::tasks stays empty

  void Only(const plan::GraphKey& graph) {  // its runs
    service = graph.service;
    action = graph.name;
  }
};

// Which events to list. Newest first.
struct EventFilter {
  bool by_people = false;              // only what somebody asked for, and not what followed
  std::optional<std::int64_t> before;  // EventRow::number: only what was before
  std::uint64_t count_max = 50;
};

// A notice on its way to one receiver.
struct NoticeRow {
  std::string key;  // idempotency key, the same at every try; unique
  Instant at{};
  std::string kind;  // plan::NameOf(NotifyPeople::Kind)
  std::string service, action, run, data_date, message, hint;
  std::string channel;  // how to reach the receiver: JSON, kept as text for the sender
  int tries = 0;
  Instant next_try{};
};

// What became of a try.
struct NoticeOutcome {
  std::string key;
  enum class State { kDelivered, kTryAgain, kGivenUp } state = State::kDelivered;
  Instant next_try{};   // with kTryAgain
  std::string message;  // why it was not delivered
};

// Which taking of the lead: each is higher than those before, and at least the milliseconds since
// 1970 of when it was taken, so that one from before a record was restored is not given again.
using Epoch = std::int64_t;

// Who may append turns. A holder is a name that one process at a time may use, and who uses it sees
// to that. So it is given the lead at once when it has it already: whoever had it in that name has
// ended. Between holders the lease decides.
struct Lead {
  Epoch epoch = 0;               // the current one; 0: nobody ever led
  std::string holder;            // empty: nobody leads
  std::optional<Instant> until;  // then another may take it; none: only once it is given up
};

// The holder of a record that lies in a home. Who has the home's lock may use it
// (home/ownership.h), in the home itself as in one that was moved, copied or restored.
inline constexpr char kOwnerOfHome[] = "the owner of the home";

// One turn of the engine: what is recorded in one transaction.
struct Turn {
  Instant now{};
  std::span<const plan::Decision> decisions;
  std::span<const AttemptRow> ended;      // what the attempts that ended, or never began, left
  std::span<const PreparedRun> prepared;  // one for each plan::TasksPlanned
  std::span<const NoticeRow> notices;     // new ones, for each plan::NotifyPeople
  std::span<const NoticeOutcome> outcomes;
  // Kept with the attempts that are started: by whom, in words of the caller's own.
  std::string launcher = {};
  Epoch epoch = 0;  // that TakeLead gave; 0 where nobody ever led
};

// One thread at a time; another thread or process opens one of its own.
class Record {
 public:
  virtual ~Record() = default;

  // A timestamp that no run of the action has, and that sorts behind all of them and `last` (one
  // that was given and is not on record yet; may be empty): that of `now`, 20190801T000000Z. Should
  // one be of this second, or of a later one (the clock was set back), it is the last of them with
  // a number behind, 20190801T000000Z-0001: no timestamp is ahead of the clock it was made by.
  virtual Result<std::string> FreeTimestamp(const std::string& service,
                                            const std::string& service_version,
                                            const std::string& action, const std::string& last,
                                            Instant now) = 0;

  // Records a turn: all of it or nothing. kTemporary: the disk is full or the file is busy, and the
  // same turn may be appended again; any other error: start again from what is on disk.
  //
  // If its epoch is not the current one, nothing is changed, and IsLeadLost is true of the error
  // (kUnusable). This is asked in the transaction that writes, so nothing of an epoch comes behind
  // the next TakeLead. Whether the lease is over is not asked. An empty turn changes nothing and
  // always succeeds.
  virtual Result<void> Append(const Turn& turn) = 0;

  virtual Result<Lead> FindLead() = 0;

  // Gives the lead to the holder until `now` + `lease` (none: it has no end), under a new epoch.
  // `now` is by the caller's clock: where several machines share a record, a lease should be much
  // longer than their clocks differ, or the lead changes hands early. kTemporary: another leads, as
  // the message says, or the disk is full or the file is busy.
  //
  // In SQLite this holds between all that open the file on one machine. The death of a process
  // takes nothing back; a power cut may, until the first turn, and nobody who had the lead is left
  // then.
  virtual Result<Epoch> TakeLead(const std::string& holder, Instant now,
                                 std::optional<Milliseconds> lease) = 0;

  // A new lease from now on; also after the last one is over, if nobody has taken the lead since.
  // Else IsLeadLost is true of the error.
  virtual Result<void> KeepLead(Epoch epoch, Instant now, std::optional<Milliseconds> lease) = 0;

  // From now on nobody leads, and the epoch is not the current one. IsLeadLost: it was not before.
  virtual Result<void> GiveUpLead(Epoch epoch) = 0;

  // What the plan needs after a restart: the runs that have not ended, with their tasks, in the
  // order in which they were requested, and what is remembered of every graph.
  virtual Result<std::vector<plan::DagRun>> Unfinished() = 0;
  virtual Result<std::vector<plan::GraphMemory>> Graphs() = 0;

  // What is remembered of one graph; nullopt: nothing. And the graphs that are paused or have
  // trouble, sorted.
  virtual Result<std::optional<plan::GraphMemory>> FindGraph(const plan::GraphKey& key) = 0;
  struct Standing {
    plan::GraphKey graph;
    bool paused = false;
    plan::Trouble trouble = plan::Trouble::kNone;
  };
  virtual Result<std::vector<Standing>> GraphsAside() = 0;

  // One run, ended or not, as the plan needs it; kNotFound.
  virtual Result<plan::DagRun> LoadRun(const std::string& id) = 0;

  virtual Result<Order> OrderOf(const std::string& run, const std::string& task) = 0;

  // Turn::launcher of the turn in which the attempt was started; kNotFound.
  virtual Result<std::string> LauncherOf(const std::string& run, const std::string& task,
                                         int number) = 0;

  // The run with that request key; nullopt: none.
  virtual Result<std::optional<std::string>> FindRequest(const std::string& request_key) = 0;

  // The instants of a schedule in [from, to] that have a run, with its id, state and end.
  struct DueRun {
    Instant due{};
    std::string run;
    plan::State state = plan::State::kQueued;
    std::optional<Instant> ended_at = std::nullopt;  // none: it has not
  };
  virtual Result<std::vector<DueRun>> DueRuns(const plan::GraphKey& graph, Instant from,
                                              Instant to) = 0;

  // The instants behind `now` that have a run: the clock was ahead when it was queued.
  virtual Result<std::vector<plan::RunAhead>> RunsAhead(Instant now) = 0;

  virtual Result<std::vector<NoticeRow>> PendingNotices() = 0;  // oldest first

  virtual Result<std::vector<RunRow>> ListRuns(const RunFilter& filter) = 0;  // with their tasks
  virtual Result<RunRow> FindRun(const std::string& id) = 0;                  // kNotFound
  // The newest run of the graph by request; kNotFound.
  virtual Result<RunRow> NewestRun(const plan::GraphKey& graph) = 0;
  virtual Result<std::vector<EventRow>> Events(
      const std::string& run) = 0;  // empty: all, oldest first
  virtual Result<std::vector<EventRow>> ListEvents(const EventFilter& filter) = 0;

  // An event that is no change of a run: a live pointer moved by hand, a delivery undone.
  virtual Result<void> AddEvent(const EventRow& event) = 0;

  // Goes through the chain of events (event_chain.h), as it is at one moment.
  struct CheckedEvents {
    std::int64_t events = 0;
    std::vector<std::string> breaks;  // a sentence each
  };
  virtual Result<CheckedEvents> CheckEvents() = 0;

  // Checks every invariant that SQL can express, and the chain of events, all as they are at one
  // moment, whatever others write meanwhile; a sentence per fault.
  virtual Result<std::vector<std::string>> Check() = 0;
};

// What is said of a run that is not on record.
Error NoRun(const std::string& id);

// What is said of a turn of an epoch that is not the current one.
Error LeadLost(Epoch epoch, Epoch current);
bool IsLeadLost(const Error& error);

}  // namespace busker::record

// The engine's mind: everything that is to be done, and what follows from what happened. Pure: no
// clock, no file, no thread; it is handed the time.
//
// A schedule comes due, an upstream succeeds or somebody asks: a run is queued. It is prepared when
// its graph's concurrency allows. A task is ready once its trigger rule holds among the tasks
// before it, and starts when slots, its pool, cpus and memory allow, the highest priority first; a
// failed attempt is followed by another while attempts are left. A run ends when all its tasks
// have, so its state is a function of theirs.
//
// The cost of a turn grows with what happened, not with what is waiting.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <set>
#include <span>
#include <unordered_map>

#include "plan/active_run.h"
#include "plan/advance.h"
#include "plan/ready_queue.h"
#include "plan/timetable.h"

namespace busker::plan {

class Agenda {
 public:
  // `new_id` makes ids for runs (base/id.h MakeRunId); it may repeat itself.
  using NewId = std::function<std::string(Instant)>;

  explicit Agenda(NewId new_id, Capacity capacity = {});

  // Before anything else: what an earlier Busker left. `memories` of all graphs ever seen, `runs`
  // those that have not ended, oldest first; `ahead`, as for ClockStepped, and with it what lies
  // between GraphMemory::cursor and ran_until. The events of the first Advance are to begin with
  // the definitions of all graphs: what ends before its graph's is known brings about nothing else.
  void Restore(std::vector<GraphMemory> memories, std::vector<DagRun> runs,
               const std::vector<RunAhead>& ahead = {});

  // Takes in `events`, in order, brings everything up to date with `now` and says what to do.
  // Events about unknown runs, or attempts that are not running, are stale and change nothing.
  Advanced Advance(std::span<const Event> events, Instant now);

  // A run that has not ended; nullptr: none such. Valid until the next Advance.
  const DagRun* FindRun(const std::string& id) const;
  const Graph* FindGraph(const GraphKey& key) const;
  const GraphMemory* FindMemory(const GraphKey& key) const;
  std::vector<std::string> UnfinishedOf(const GraphKey& key) const;  // ids, oldest first
  std::vector<GraphKey> Graphs() const;                              // those defined, sorted
  std::vector<GraphKey> Undefined() const;                           // those only remembered
  std::string WhyMissing(const GraphKey& key) const;                 // as GraphRemoved said
  bool Idle() const { return runs_.empty(); }                        // no run that has not ended
  bool Resting() const;  // none, but those that wait for their definition
  std::size_t runs_unfinished() const { return runs_.size(); }
  std::size_t attempts_running() const { return ready_.running(); }
  std::size_t tasks_ready() const { return ready_.size(); }  // and wait for room

  // The next instants of the graph's schedule, as it would run them; at most `count`.
  std::vector<Instant> Coming(const GraphKey& key, Instant after, int count) const;

  // Why: one sentence, and until when at the latest where there is such an instant. Of a run, of a
  // task in it, of a graph.
  std::string ExplainRun(const std::string& run, Instant now) const;
  std::string ExplainTask(const std::string& run, const std::string& task, Instant now) const;
  std::string ExplainGraph(const GraphKey& graph, Instant now) const;

 private:
  // A run that waits to be prepared; the least goes first.
  struct Candidate {
    bool backfill = false;
    int priority = 0;
    std::uint64_t order = 0;
    std::string run;
    bool operator<(const Candidate& other) const {
      return std::tuple(backfill, -std::int64_t{priority}, order) <
             std::tuple(other.backfill, -std::int64_t{other.priority}, other.order);
    }
  };
  // A backfill, as long as it has runs that have not ended.
  struct Batch {
    std::set<Candidate> waiting;
    int active = 0;
  };
  // The actions of one service; graph files have one together. What the runs of a service are
  // prepared from is common to them, and when that hangs it keeps no other service waiting.
  struct Line {
    std::set<Candidate> candidates;
    std::optional<Candidate> first;  // what it has among firsts_
    std::size_t preparing = 0;       // runs
    std::size_t preparing_max = 0;
  };
  // A graph, defined or only remembered, and its runs that have not ended.
  struct Entry {
    std::optional<Graph> graph;
    GraphMemory memory;
    std::string missing;                   // why there is no `graph`; empty: nobody has said
    bool has_held = false;                 // runs that know so
    std::optional<Instant> prepare_after;  // preparing failed, and may not then
    // Runs that wait, by what can keep them waiting besides the number of runs at once: nothing;
    // a pause and the run before; a pause and the limit of their backfill.
    std::set<Candidate> by_hand, scheduled;
    std::map<std::string, Batch> batches;
    std::set<std::string> active;         // being prepared, or at work
    std::set<std::string> parked;         // those of them that wait for their past
    std::set<std::string> past_waiting;   // of them, ActiveRun::waits_for_past
    std::map<Instant, std::string> dues;  // the instants of its unfinished runs
    std::set<GraphKey> downstream;        // graphs that run after this one
    Line* line = nullptr;
    std::optional<Candidate> candidate;                     // what it has in its line
    bool changed = false;                                   // it is among changed_
    std::optional<Instant> once_after;                      // an instant that was another run's
    std::set<Instant> ran_ahead;                            // instants to come that have their run
    std::optional<Instant> schedule_timer, expected_timer;  // the ones that count
  };
  // Preparing a run that takes longer may hang, and holds up none of another service.
  static constexpr Milliseconds kPrepareUsual = std::chrono::seconds(1);
  enum class TimerKind { kRetry, kDeadline, kSchedule, kExpected, kPrepare, kPrepareLong };
  struct Timer {
    Instant at;
    TimerKind kind;
    std::string key;  // of a run, or of a graph
    std::size_t task = 0;
    bool operator>(const Timer& other) const { return at > other.at; }
  };

  // agenda_events.cc: what each event means.
  void Take(const RunRequested& event);
  void Take(const RunPrepared& event);
  void Take(const RunNotPrepared& event);
  void Take(const AttemptEnded& event);
  void Take(const AttemptNotBegun& event);
  void Take(const CancelRequested& event);
  void Take(const RetryRequested& event);
  void Take(const SkipRequested& event);
  void Take(const GraphDefined& event);
  void Take(const GraphRemoved& event);
  void Take(const GraphPaused& event);
  void Take(const ClockStepped& event);
  void Take(const CapacityChanged& event);

  // agenda_schedules.cc: what time brings.
  void FireTimers();
  bool IsNeedless(const Timer& timer) const;
  void ComeDue(Entry& entry, Milliseconds on_time = kOnTime);
  void QueueDue(Entry& entry, Instant due, Milliseconds on_time);
  bool SetBack(Entry& entry);
  void SetBackWaits(ActiveRun& active);
  void Expect(Entry& entry);
  void AwaitSchedule(Entry& entry);
  void AwaitExpected(Entry& entry);
  void EndOverdue(ActiveRun& active);

  // agenda.cc, agenda_admission.cc: what follows.
  ActiveRun* Find(const std::string& id);
  Entry& EntryOf(const GraphKey& key);
  Line& LineOf(const GraphKey& key);
  const Entry* FindEntry(const GraphKey& key) const;
  ActiveRun& AddRun(DagRun run);
  void Queue(DagRun run);
  void Cancel(ActiveRun& active, const std::string& by, std::string message = {});
  Task* EndAttempt(ActiveRun* active, const std::string& task, int number);
  void FinishTask(ActiveRun& active, std::size_t task, State state, std::string message);
  const std::vector<std::size_t>& Conclude(ActiveRun& active, std::size_t task, State state,
                                           std::string message);
  void Judge(ActiveRun& active, std::size_t task);
  void JudgeAll(ActiveRun& active);
  bool JudgeOne(ActiveRun& active, std::size_t task, State* end, std::string* why);
  void TakeUpRestored();
  void MakeReadyAt(ActiveRun& active, std::size_t task);
  void SettleEnded();
  void Settle(ActiveRun& active);
  void End(ActiveRun& active, State state, std::string message);
  void Remember(Entry& entry, const DagRun& run, bool begun);
  bool AllSucceeded(const Entry& entry, const GraphKey& newest) const;
  void RunDownstream(const Entry& entry, const DagRun& run);
  static Candidate CandidateOf(const ActiveRun& active);
  static std::size_t RunsAtOnce(const Entry& entry);
  void Enqueue(Entry& entry, const ActiveRun& active);
  void Dequeue(Entry& entry, const ActiveRun& active);
  std::string FirstOther(const Entry& entry) const;
  bool IsToCome(const DagRun& run) const;
  bool Admit();
  bool MayAdmit(const Candidate& candidate) const;
  bool Admit(ActiveRun& active);
  void Touch(Entry& entry);
  void Reconsider(Entry& entry);
  std::vector<std::string> WaitingOf(const Entry& entry) const;
  void Hold(ActiveRun& active, const std::string& message);
  void Offer(Line& line);
  void BeginPreparing(ActiveRun& active);
  void NoteLongPreparing(ActiveRun& active);
  void EndPreparing(ActiveRun& active);
  void PrepareLater(ActiveRun& active, const std::string& message);
  bool MayPrepare(const Entry& entry) const;
  const Candidate* FirstOf(const Entry& entry, const std::set<Candidate>& waiting) const;
  const Candidate* NextOf(const Entry& entry) const;
  const Candidate* NextScheduled(const Entry& entry) const;
  const Candidate* NextOfBatch(const Entry& entry, const Batch& batch) const;
  void DropBehind(Entry& entry, const DagRun& run);
  bool PastAllows(const Entry& entry, const DagRun& run) const;
  // agenda_past.cc: tasks that wait for their past.
  std::string HeldByPast(const Entry& entry, const DagRun& run, const std::string& task) const;
  std::string HeldAtRoots(const Entry& entry, const DagRun& run) const;
  bool MayStart(ActiveRun& active, const Task& task);
  void Park(ActiveRun& active);
  void Unpark(Entry& entry, ActiveRun& active);
  void JudgeAgain(const GraphKey& graph, std::string task = {});
  void JudgeWaiting();
  static std::size_t AtWork(const Entry& entry);
  bool HasRoomFor(const Entry& entry, const DagRun& run) const;
  std::string WaitsFor(const Entry& entry, const ActiveRun& active) const;
  void StartReady();
  void Start(ActiveRun& active, std::size_t task);
  static std::string DateIn(const std::string& zone, Instant instant);
  void Note(Entry& entry, std::string what = {}, std::string by = "busker");
  void Move(ActiveRun& active, Task& task, State to, std::string message);
  void Move(ActiveRun& active, State to, std::string message);
  void At(Instant at, TimerKind kind, std::string key, std::size_t task = 0);
  template <typename What>
  void Decide(What what) {
    decisions_.emplace_back(std::move(what));
  }

  const NewId new_id_;
  std::unordered_map<std::string, ActiveRun> runs_;
  std::map<GraphKey, Entry> entries_;
  std::vector<Entry*> changed_;  // graphs whose candidate is to be looked at again, each once
  std::map<std::string, Line, std::less<>> lines_;  // by service; "" of graph files
  std::set<Candidate> firsts_;  // of the lines that have room, and so what goes on next
  std::size_t preparing_ = 0;   // runs, but for those that it takes long with
  ReadyQueue ready_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::set<std::string> requested_;    // ids that requests of this turn brought
  std::vector<std::string> restored_;  // runs, until the first turn
  std::vector<std::string> settling_;  // runs that may have ended, until the event is dealt with
  std::vector<std::pair<GraphKey, std::string>> again_;  // whose waiting tasks are to be judged
  std::uint64_t next_order_ = 1;
  Instant now_{};
  std::vector<Decision> decisions_;
};

}  // namespace busker::plan

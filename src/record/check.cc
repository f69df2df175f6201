#include "record/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "plan/run.h"
#include "record/event_chain.h"
#include "record/run_digest.h"

namespace busker::record {
namespace {

using plan::State;
using plan::TriggerRule;

// A notice is given up after three days; an hour past the time of its next try, nobody tries.
constexpr Milliseconds kNoticeAgeMax = std::chrono::hours(72);
constexpr Milliseconds kNoticeGrace = std::chrono::hours(1);

// Each statement returns a sentence for every fault that it finds.
constexpr const char* kInvariants[] = {
    "SELECT 'who leads the record is missing' WHERE NOT EXISTS (SELECT 1 FROM lead)",
    "SELECT 'a row of ' || \"table\" || ' points at a missing row of ' || parent FROM "
    "pragma_foreign_key_check",
    // A run that is not prepared has nothing to run.
    "SELECT 'run ' || id || ' has tasks but is not prepared' FROM runs WHERE prepared = 0 AND "
    "EXISTS (SELECT 1 FROM tasks WHERE run = id)",
    "SELECT 'run ' || id || ' is ' || state || ' but was never prepared' FROM runs WHERE prepared "
    "= 0 AND state IN ('running', 'succeeded')",
    "SELECT 'run ' || id || ' is ' || state || CASE WHEN ended_at IS NULL THEN ' but has no end' "
    "ELSE ' but has an end' END FROM runs WHERE (state IN ('queued', 'running')) = (ended_at IS "
    "NOT "
    "NULL)",
    "SELECT 'task ' || name || ' of run ' || run || ' has no order' FROM tasks WHERE NOT EXISTS "
    "(SELECT 1 FROM orders o WHERE o.run = tasks.run AND o.task = tasks.name)",
    "SELECT 'the order of task ' || task || ' of run ' || run || ' is not what its row says of it' "
    "FROM orders WHERE json_valid(order_json) AND (synced <> ifnull(json_extract(order_json, "
    "'$.synced'), 1) OR secrets <> ifnull((SELECT group_concat(json_extract(value, '$.name'), ' ') "
    "FROM json_each(order_json, '$.secrets')), ''))",
    // A success is shown by its last attempt, and by that alone; but for one whose program ended
    // well when its run had been cancelled already, or its time was over.
    "SELECT 'task ' || name || ' of run ' || run || ' succeeded without an attempt that did' FROM "
    "tasks WHERE state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.run = "
    "tasks.run AND a.task = tasks.name AND a.number = tasks.attempts AND a.ending = 'succeeded' "
    "AND "
    "a.exit_code = 0 AND a.signal = 0)",
    "SELECT 'task ' || name || ' of run ' || tasks.run || ' was attempted again after attempt ' || "
    "a.number || ' had succeeded' FROM attempts a JOIN tasks ON tasks.run = a.run AND name = "
    "a.task "
    "WHERE a.ending = 'succeeded' AND a.number < tasks.attempts AND NOT EXISTS (SELECT 1 FROM "
    "events "
    "e WHERE e.run = a.run AND e.task = a.task AND e.what IN ('task cancelled', 'task failed'))",
    // Attempts are numbered 1..n without gaps, n at most attempts_max, at most one of them running.
    "SELECT 'task ' || name || ' of run ' || tasks.run || ' counts ' || attempts || ' attempts of "
    "' "
    "|| attempts_max || ' but has ' || count(a.number) || ', the last ' || coalesce(max(a.number), "
    "0) FROM tasks LEFT JOIN attempts a ON a.run = tasks.run AND a.task = tasks.name GROUP BY "
    "tasks.run, name HAVING attempts <> count(a.number) OR attempts <> coalesce(max(a.number), 0) "
    "OR "
    "attempts > attempts_max",
    "SELECT 'attempt ' || number || ' of task ' || task || ' of run ' || attempts.run || ' is "
    "running but the task is ' || state || ' and counts ' || attempts FROM attempts JOIN tasks ON "
    "tasks.run = attempts.run AND name = task WHERE running = 1 AND (state <> 'running' OR number "
    "<> "
    "attempts)",
    "SELECT 'task ' || name || ' of run ' || run || ' is running but none of its attempts is' FROM "
    "tasks WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.run = "
    "tasks.run "
    "AND a.task = tasks.name AND a.running = 1)",
};

struct CheckedTask {
  std::string name;
  std::vector<std::string> after;
  TriggerRule rule = TriggerRule::kAllSuccess;
  State state = State::kQueued;
  bool started = false, waived = false;
};

struct CheckedRun {
  std::string id;
  State state = State::kQueued;
  bool prepared = false;
  bool had_deadline = false;
  std::vector<CheckedTask> tasks;
};

class Check {
 public:
  explicit Check(Database& database) : database_(database) {}

  Result<std::vector<std::string>> All() {
    TRY(Collect("PRAGMA integrity_check"));
    if (faults_ == std::vector<std::string>{"ok"}) faults_.clear();
    TRY_ASSIGN(const auto breaks,
               VerifyEvents(database_, [this](const EventFields& event) { Note(event); }));
    faults_.insert(faults_.end(), breaks.begin(), breaks.end());
    for (const char* invariant : kInvariants) TRY(Collect(invariant));
    TRY(CheckRuns());
    TRY(CheckDigests());
    TRY(CheckNotices());
    return std::move(faults_);
  }

 private:
  static std::size_t Fingerprint(std::string_view run, std::string_view task,
                                 std::string_view what) {
    return std::hash<std::string>()(fmt::format("{}\n{}\n{}", run, task, what));
  }

  // Remembers what the rest asks of the events: a number each, as there may be millions.
  void Note(const EventFields& event) {
    if (event.actor == "busker") newest_ = std::max(newest_, event.at);
    if (event.run.empty()) return;
    if (event.what == "run prepared") NotePrepared(event);
    if (event.what.starts_with("run ") || event.what.starts_with("task ")) {
      said_.insert(Fingerprint(event.run, event.task, event.what));
    }
    // Left an end, or was waived: what had been decided by the old state stays as it was.
    if (event.what.ends_with(" again") || event.what == "task skipped by hand") {
      by_hand_.insert(Fingerprint(event.run, event.task, ""));
    }
  }

  // Of runs that an earlier version prepared there is no digest.
  void NotePrepared(const EventFields& event) {
    const auto word = event.detail.find(kDigestWord);
    if (word == std::string_view::npos) return;
    const std::string_view digest = event.detail.substr(word + std::strlen(kDigestWord));
    digests_[Fingerprint(event.run, "", "")] = std::hash<std::string_view>()(digest);
  }

  Result<void> CheckDigests() {
    TRY_ASSIGN(Statement rows, database_.Prepare("SELECT id FROM runs WHERE prepared = 1"));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return {};
      const std::string run = rows.Text(0);
      const auto noted = digests_.find(Fingerprint(run, "", ""));
      if (noted == digests_.end()) continue;
      TRY_ASSIGN(const std::string digest, DigestOfRun(database_, run));
      if (std::hash<std::string_view>()(digest) == noted->second) continue;
      Fault("run {} is not what was prepared: its row, a task or an order was changed", run);
    }
  }

  bool Said(const std::string& run, const std::string& task, const std::string& what) const {
    return said_.contains(Fingerprint(run, task, what));
  }

  Result<void> Collect(const char* sql) {
    TRY_ASSIGN(Statement rows, database_.Prepare(sql));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return {};
      faults_.push_back(rows.Text(0));
    }
  }

  template <typename... Parts>
  void Fault(fmt::format_string<Parts...> format, Parts&&... parts) {
    faults_.push_back(fmt::format(format, std::forward<Parts>(parts)...));
  }

  Result<void> CheckRuns() {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(
                   "SELECT id, runs.state, prepared, deadline IS NOT NULL, name, waits_for, rule, "
                   "tasks.state, attempts > 0, waived FROM runs LEFT JOIN tasks ON run = id ORDER "
                   "BY runs.number"));
    CheckedRun run;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more || rows.View(0) != run.id) {
        if (!run.id.empty()) CheckRun(run);
        run = {};
      }
      if (!more) return {};
      if (run.id.empty()) {
        run.id = rows.Text(0);
        run.state = plan::ParseState(rows.View(1)).value_or(State::kQueued);
        run.prepared = rows.Flag(2);
        run.had_deadline = rows.Flag(3);
      }
      if (rows.IsNull(4)) continue;
      CheckedTask task;
      task.name = rows.Text(4);
      if (!rows.View(5).empty()) task.after = Split(rows.View(5), ' ');
      const auto rule = plan::ParseTriggerRule(rows.View(6));
      if (!rule)
        Fault("task {} of run {} has the unknown rule {}", task.name, run.id, rows.Text(6));
      task.rule = rule.value_or(TriggerRule::kAllDone);
      task.state = plan::ParseState(rows.View(7)).value_or(State::kQueued);
      task.started = rows.Flag(8);
      task.waived = rows.Flag(9);
      run.tasks.push_back(std::move(task));
    }
  }

  void CheckRun(const CheckedRun& run) {
    if (run.state != State::kQueued &&
        !Said(run.id, "", fmt::format("run {}", NameOf(run.state)))) {
      Fault("run {} is {} without an event that says so", run.id, NameOf(run.state));
    }
    for (const CheckedTask& task : run.tasks) {
      const std::string what = task.waived && task.state == State::kSkipped
                                   ? "skipped by hand"
                                   : std::string(NameOf(task.state));
      if (task.state != State::kQueued && !Said(run.id, task.name, "task " + what)) {
        Fault("task {} of run {} is {} without an event that says so", task.name, run.id,
              NameOf(task.state));
      }
    }
    if (!run.tasks.empty()) CheckOutcome(run);
    CheckRules(run);
  }

  // A run's state follows from its tasks': one that failed decides, then one that was cancelled.
  void CheckOutcome(const CheckedRun& run) {
    const auto one = [&](auto&& is) -> const CheckedTask* {
      const auto found = std::find_if(run.tasks.begin(), run.tasks.end(), is);
      return found == run.tasks.end() ? nullptr : &*found;
    };
    const auto in = [&](State state) {
      return one([&](const CheckedTask& task) { return task.state == state; });
    };
    const CheckedTask* open = one([](const CheckedTask& task) { return !IsFinal(task.state); });
    if (!IsFinal(run.state)) {
      if (open == nullptr) {
        Fault("run {} is {} but all its tasks have ended", run.id, NameOf(run.state));
      }
      return;
    }
    if (open != nullptr) {
      return Fault("run {} has ended but its task {} has not", run.id, open->name);
    }
    const CheckedTask* failed = in(State::kFailed);
    const CheckedTask* cancelled = in(State::kCancelled);
    const CheckedTask* decider = failed != nullptr ? failed : cancelled;
    const State expected = decider == nullptr ? State::kSucceeded : decider->state;
    if (run.state == expected) return;
    // A deadline cancels what was left and fails the run.
    if (run.state == State::kFailed && run.had_deadline && decider != nullptr) return;
    if (decider != nullptr) {
      Fault("run {} {} but its task {} is {}", run.id,
            run.state == State::kSucceeded ? "succeeded" : fmt::format("is {}", NameOf(run.state)),
            decider->name, NameOf(decider->state));
    } else {
      Fault("run {} is {} but none of its tasks is", run.id, NameOf(run.state));
    }
  }

  // What started, did so by its rule. Of a task before it that left its end by a person's hand, no
  // more is known than that it had one.
  void CheckRules(const CheckedRun& run) {
    std::unordered_map<std::string_view, const CheckedTask*> by_name;
    for (const CheckedTask& task : run.tasks) by_name.emplace(task.name, &task);
    for (const CheckedTask& task : run.tasks) {
      if (!task.started) continue;
      bool one_failed = false;
      for (const std::string& name : task.after) {
        const auto found = by_name.find(name);
        if (found == by_name.end()) {
          Fault("task {} of run {} waits for {}, which is none", task.name, run.id, name);
          continue;
        }
        const CheckedTask& other = *found->second;
        if (by_hand_.contains(Fingerprint(run.id, name, ""))) {
          one_failed = true;
          continue;
        }
        one_failed = one_failed || (IsFinal(other.state) && other.state != State::kSucceeded);
        CheckRule(run, task, other);
      }
      if (task.rule == TriggerRule::kOneFailed && !one_failed) {
        Fault("task {} of run {} started before one of those before it failed", task.name, run.id);
      }
    }
  }

  void CheckRule(const CheckedRun& run, const CheckedTask& task, const CheckedTask& other) {
    const bool failed = other.state == State::kFailed || other.state == State::kCancelled;
    switch (task.rule) {
      case TriggerRule::kAllSuccess:
        if (other.state == State::kSucceeded || other.waived) return;
        return Fault("task {} of run {} started before {} succeeded", task.name, run.id,
                     other.name);
      case TriggerRule::kAllDone:
        if (IsFinal(other.state)) return;
        return Fault("task {} of run {} started before {} ended", task.name, run.id, other.name);
      case TriggerRule::kNoneFailed:
        if (IsFinal(other.state) && !failed) return;
        return Fault("task {} of run {} started although {} is {}", task.name, run.id, other.name,
                     NameOf(other.state));
      case TriggerRule::kOneFailed:
        return;
    }
  }

  // By the newest thing that Busker did, as it cannot try while it does not run.
  Result<void> CheckNotices() {
    TRY_ASSIGN(Statement rows, database_.Prepare("SELECT key FROM notices WHERE state = 'pending' "
                                                 "AND at < ? AND next_try < ?"));
    const Instant newest{Milliseconds(newest_)};
    rows.Bind(newest - kNoticeAgeMax).Bind(newest - kNoticeGrace);
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return {};
      Fault("notice {} has been pending for more than three days", rows.Text(0));
    }
  }

  Database& database_;
  std::vector<std::string> faults_;
  std::int64_t newest_ = 0;  // instant of an event of Busker's own
  std::unordered_set<std::size_t> said_, by_hand_;
  std::unordered_map<std::size_t, std::size_t> digests_;  // by run, of what it was prepared to be
};

}  // namespace

Result<std::vector<std::string>> CheckRecord(Database& database) { return Check(database).All(); }

}  // namespace busker::record

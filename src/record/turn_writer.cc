#include "record/turn_writer.h"

#include <fmt/core.h>

#include "base/check.h"
#include "base/plural.h"
#include "base/text.h"
#include "record/rows.h"
#include "record/run_digest.h"

namespace busker::record {
namespace {

using plan::State;

// What may follow what. Ends are left only when a person takes the run up again, or waives a task.
bool MayFollow(const plan::TaskChanged& change) {
  switch (change.from) {
    case State::kQueued:
      return change.to != State::kQueued && change.to != State::kSucceeded;
    case State::kRunning:
      return change.to != State::kRunning;
    case State::kSucceeded:
      return false;
    case State::kFailed:
    case State::kCancelled:
    case State::kSkipped:
      return change.to == State::kQueued || (change.to == State::kSkipped && change.waived);
  }
  return false;
}

bool MayFollow(const plan::RunChanged& change) {
  switch (change.from) {
    case State::kQueued:
      return change.to != State::kQueued;
    case State::kRunning:
      return IsFinal(change.to);
    case State::kSucceeded:
    case State::kSkipped:
      return false;
    case State::kFailed:
    case State::kCancelled:
      return change.to == State::kQueued || change.to == State::kRunning;
  }
  return false;
}

tl::unexpected<Error> NeverFollows(std::string_view what, State from, State to) {
  return Unusable(
      fmt::format("{} cannot go from {} to {}; run busker fsck", what, NameOf(from), NameOf(to)));
}

// What fsck reads, too: a task that leaves an end says so.
std::string TaskEvent(const plan::TaskChanged& change) {
  if (change.to == State::kSkipped && change.waived) return "task skipped by hand";
  if (IsFinal(change.from)) return fmt::format("task {} again", NameOf(change.to));
  return fmt::format("task {}", NameOf(change.to));
}

}  // namespace

TurnWriter::TurnWriter(Database& database, const Turn& turn)
    : database_(database), turn_(turn), events_(database) {
  for (const PreparedRun& run : turn.prepared) prepared_.emplace(run.run, &run);
}

Result<void> TurnWriter::WriteAll() {
  for (const AttemptRow& attempt : turn_.ended) TRY(Write(attempt));
  for (const plan::Decision& decision : turn_.decisions) {
    TRY(std::visit([&](const auto& what) { return Write(what); }, decision));
  }
  for (const NoticeRow& notice : turn_.notices) TRY(Write(notice));
  for (const NoticeOutcome& outcome : turn_.outcomes) TRY(Write(outcome));
  return events_.Finish();
}

template <typename... Values>
Result<void> TurnWriter::Change(std::string_view doing, std::string_view whom, std::string_view sql,
                                const Values&... values) {
  TRY_ASSIGN(Statement statement, database_.Prepare(sql));
  (statement.Bind(values), ...);
  if (auto done = statement.Run(); !done) {
    return Wrap(fmt::format("{} {}", doing, whom), std::move(done).error());
  }
  if (database_.changes() == 1) return {};
  return Unusable(fmt::format(
      "{} {}: the record is not in the state that this starts from; run busker fsck", doing, whom));
}

Result<void> TurnWriter::AddEvent(std::string_view run, std::string_view task,
                                  std::string_view what, std::string_view detail,
                                  std::string_view actor) {
  return events_.Add({0, turn_.now.time_since_epoch().count(), run, task, what, actor, detail});
}

Result<void> TurnWriter::Write(const AttemptRow& ended) {
  TRY(Change("end an attempt of", ended.task,
             "UPDATE attempts SET running = 0, started_at = ?4, command_started_at = ?5, "
             "command_ended_at = ?6, ended_at = ?7, ending = ?8, message = ?9, exit_code = ?10, "
             "signal = ?11, cpu_ms = ?12, memory_peak_bytes = ?13, output_files = ?14, "
             "output_bytes = ?15, result = ?16, image = ?17, boot_ms = ?18, pull_ms = ?19, "
             "machine_ms = ?20 WHERE run = ?1 AND task = ?2 AND "
             "number = ?3 AND "
             "running = 1",
             ended.run, ended.task, ended.number, ended.started_at, ended.command_started_at,
             ended.command_ended_at, ended.ended_at, ended.ending, ended.message, ended.exit_code,
             ended.signal, ended.cpu, ended.memory_peak_bytes, ended.output_files,
             ended.output_bytes, ended.result, ended.image, ended.boot, ended.pull, ended.machine));
  return AddEvent(ended.run, ended.task, fmt::format("attempt {} {}", ended.number, ended.ending),
                  ended.message);
}

Result<void> TurnWriter::Write(const plan::RunQueued& queued) {
  const plan::DagRun& run = queued.run;
  TRY(Change("queue run", run.id,
             "INSERT INTO runs (id, graph, due, scheduled_at, data_date, trigger, requested_by, "
             "request_key, requested_at, priority, force, batch, batch_runs_at_once, deadline, "
             "target) VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?)",
             run.id, run.graph.Text(), run.due, run.scheduled_at, run.data_date, run.trigger,
             run.requested_by, run.request_key, run.requested_at, run.priority, run.force,
             run.batch, run.batch_runs_at_once, run.deadline, run.target));
  TRY(AddEvent(run.id, "", "run queued", run.trigger, run.requested_by));
  if (!run.prepared) return {};
  return Prepared(run.id, run.tasks, run.timeout);
}

Result<void> TurnWriter::Write(const plan::TasksPlanned& planned) {
  return Prepared(planned.run, planned.tasks, planned.timeout);
}

Result<void> TurnWriter::Prepared(const std::string& run, const std::vector<plan::Task>& tasks,
                                  const std::optional<Milliseconds>& timeout) {
  const auto found = prepared_.find(run);
  CHECK(found != prepared_.end(), "a turn holds what preparing each of its runs decided");
  const PreparedRun& prepared = *found->second;
  CHECK(prepared.orders.size() == tasks.size(), "each task has its order");
  TRY(Change("prepare run", run,
             "UPDATE runs SET prepared = 1, service_version = ?2, timestamp = nullif(?3, ''), "
             "model_version = ?4, definition = ?5, timeout_ms = ?6, target = ?7 WHERE id = ?1 AND "
             "prepared = 0 "
             "AND state = 'queued'",
             run, prepared.service_version, prepared.timestamp, prepared.model_version,
             prepared.definition, timeout, prepared.target));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    TRY(AddTask(run, static_cast<int>(i), tasks[i], prepared.orders[i]));
  }
  TRY_ASSIGN(const std::string digest, DigestOfRun(database_, run));
  return AddEvent(run, "", "run prepared",
                  fmt::format("{}, {}{}", Plural(tasks.size(), "task"), kDigestWord, digest));
}

Result<void> TurnWriter::AddTask(const std::string& run, int position, const plan::Task& task,
                                 const Order& order) {
  TRY(Change(
      "add task", task.name,
      "INSERT INTO tasks (run, position, name, waits_for, rule, retries, retry_delay_ms, "
      "exponential, retry_delay_max_ms, pool, pool_slots, priority, cpus_milli, "
      "memory_bytes, attempts_max, depends_on_past, place, place_tasks_max, preemptions_max) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      run, position, task.name, Join(task.after, " "), NameOf(task.rule), task.retries,
      task.retry_delay, task.exponential, task.retry_delay_max, task.pool, task.pool_slots,
      task.priority, task.cpus_milli, task.memory_bytes, task.attempts_max, task.depends_on_past,
      task.place, task.place_tasks_max, task.preemptions_max));
  return Change(
      "add task", task.name,
      "INSERT INTO orders (run, task, order_json, synced, secrets) VALUES (?, ?, ?, ?, ?)", run,
      task.name, order.text, order.synced, Join(order.secrets, " "));
}

Result<void> TurnWriter::Write(const plan::StartAttempt& start) {
  TRY(Change("start", start.task,
             "UPDATE tasks SET attempts = ?3, not_before = NULL WHERE run = ?1 AND name = ?2 AND "
             "attempts = ?3 - 1 AND attempts_max >= ?3 AND state = 'running'",
             start.run, start.task, start.number));
  TRY(Change(
      "start", start.task,
      "INSERT INTO attempts (run, task, number, running, launched_at, instance) VALUES (?, ?, "
      "?, 1, ?, ?)",
      start.run, start.task, start.number, turn_.now, turn_.launcher));
  return AddEvent(start.run, start.task, fmt::format("attempt {} started", start.number), "");
}

// That it was tried, the events keep.
Result<void> TurnWriter::Write(const plan::AttemptUndone& undone) {
  TRY(Change(
      "undo an attempt of", undone.task,
      "DELETE FROM attempts WHERE run = ?1 AND task = ?2 AND number = ?3 AND running = 0 AND "
      "command_started_at IS NULL",
      undone.run, undone.task, undone.number));
  return Change("undo an attempt of", undone.task,
                "UPDATE tasks SET attempts = ?3 - 1 WHERE run = ?1 AND name = ?2 AND attempts = ?3 "
                "AND state = 'running'",
                undone.run, undone.task, undone.number);
}

Result<void> TurnWriter::Write(const plan::PreemptionForgiven& forgiven) {
  TRY(Change("forgive a preemption of", forgiven.task,
             "UPDATE tasks SET attempts_max = ?4, preemptions = ?5 WHERE run = ?1 AND name = ?2 "
             "AND attempts = ?3 AND attempts_max = ?4 - 1 AND preemptions = ?5 - 1 AND "
             "preemptions_max >= ?5 AND state = 'running'",
             forgiven.run, forgiven.task, forgiven.number, forgiven.attempts_max,
             forgiven.preemptions));
  return AddEvent(forgiven.run, forgiven.task, fmt::format("attempt {} forgiven", forgiven.number),
                  fmt::format("preemption {}, up to {} attempts in all", forgiven.preemptions,
                              forgiven.attempts_max));
}

Result<void> TurnWriter::Write(const plan::StopAttempt& stop) {
  return AddEvent(stop.run, stop.task, fmt::format("attempt {} told to stop", stop.number), "");
}

Result<void> TurnWriter::Write(const plan::TaskChanged& change) {
  if (!MayFollow(change)) return NeverFollows("task " + change.task, change.from, change.to);
  TRY(Change("change task", change.task,
             "UPDATE tasks SET state = ?4, message = ?5, waived = ?6 WHERE run = ?1 AND name = ?2 "
             "AND state = ?3",
             change.run, change.task, NameOf(change.from), NameOf(change.to), change.message,
             change.waived));
  return AddEvent(change.run, change.task, TaskEvent(change), change.message);
}

Result<void> TurnWriter::Write(const plan::RunChanged& change) {
  if (!MayFollow(change)) return NeverFollows("run " + change.run, change.from, change.to);
  const auto started =
      change.to == State::kQueued ? std::nullopt : std::optional<Instant>(turn_.now);
  const auto ended = IsFinal(change.to) ? std::optional<Instant>(turn_.now) : std::nullopt;
  TRY(Change("change run", change.run,
             "UPDATE runs SET state = ?3, message = ?4, started_at = coalesce(started_at, ?5), "
             "ended_at = ?6, cancel_requested = cancel_requested AND NOT ?7 WHERE id = ?1 AND "
             "state = ?2",
             change.run, NameOf(change.from), NameOf(change.to), change.message, started, ended,
             IsFinal(change.from)));
  return AddEvent(change.run, "", fmt::format("run {}", NameOf(change.to)), change.message);
}

Result<void> TurnWriter::Write(const plan::RetryPlanned& retry) {
  TRY(Change("plan a retry of", retry.task,
             "UPDATE tasks SET not_before = ?3 WHERE run = ?1 AND name = ?2 AND state = 'queued'",
             retry.run, retry.task, retry.at));
  return AddEvent(retry.run, retry.task,
                  fmt::format("attempt {} planned for {}", retry.number, FormatRfc3339(retry.at)),
                  retry.message);
}

Result<void> TurnWriter::Write(const plan::CancelAccepted& cancel) {
  TRY(Change("cancel run", cancel.run,
             "UPDATE runs SET cancel_requested = 1 WHERE id = ? AND state IN ('queued', "
             "'running') AND cancel_requested = 0",
             cancel.run));
  return AddEvent(cancel.run, "", "cancel requested", "", cancel.by);
}

Result<void> TurnWriter::Write(const plan::TaskCleared& cleared) {
  TRY(Change(
      "clear", cleared.task,
      "UPDATE tasks SET attempts_max = ?3, preemptions = 0, not_before = NULL WHERE run = ?1 "
      "AND name = ?2 "
      "AND attempts <= ?3 AND state NOT IN ('running', 'succeeded')",
      cleared.run, cleared.task, cleared.attempts_max));
  return AddEvent(cleared.run, cleared.task, "task cleared",
                  fmt::format("up to {} attempts in all", cleared.attempts_max), cleared.by);
}

Result<void> TurnWriter::Write(const plan::DeadlineSet& set) {
  TRY(Change("set the deadline of run", set.run, "UPDATE runs SET deadline = ?2 WHERE id = ?1",
             set.run, set.deadline));
  return AddEvent(set.run, "", "deadline set",
                  set.deadline ? FormatRfc3339(*set.deadline) : "none");
}

Result<void> TurnWriter::Write(const plan::RunHeld& held) {
  TRY(Change("hold run", held.run,
             "UPDATE runs SET message = ?2 WHERE id = ?1 AND state = 'queued'", held.run,
             held.message));
  return AddEvent(held.run, "", held.message.empty() ? "run held no longer" : "run held",
                  held.message);
}

Result<void> TurnWriter::Write(const plan::GraphNoted& noted) {
  const plan::GraphMemory& graph = noted.memory;
  const std::string key = graph.key.Text();
  const std::string pasts = TextOf(graph.pasts);
  const auto write = [&](std::string_view sql) -> Result<bool> {
    TRY_ASSIGN(Statement statement, database_.Prepare(sql));
    statement.Bind(key).Bind(graph.schedule_text).Bind(graph.zone).Bind(graph.cursor);
    statement.Bind(graph.paused).Bind(graph.paused_by).Bind(graph.last_due);
    statement.Bind(graph.last_succeeded).Bind(graph.last_success).Bind(graph.last_after);
    statement.Bind(graph.expected_cursor).Bind(NameOf(graph.trouble)).Bind(pasts);
    TRY(statement.Bind(graph.ran_until).Run());
    return database_.changes() == 1;
  };
  // Nearly always it is there, and an upsert looks for it twice.
  TRY_ASSIGN(const bool is_there,
             write("UPDATE graphs SET schedule_text = ?2, zone = ?3, cursor = ?4, paused = ?5, "
                   "paused_by = ?6, last_due = ?7, last_succeeded = ?8, last_success = ?9, "
                   "last_after = ?10, expected_cursor = ?11, trouble = ?12, pasts = ?13, "
                   "ran_until = ?14 WHERE key = ?1"));
  if (!is_there) {
    TRY(write("INSERT INTO graphs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  }
  if (noted.what.empty()) return {};
  return AddEvent("", "", noted.what, key, noted.by);
}

Result<void> TurnWriter::Write(const plan::NotifyPeople& tell) {
  return AddEvent(tell.run, "", fmt::format("told: {}", NameOf(tell.kind)), tell.message);
}

// A key that is known is the same notice: it is on its way, or was delivered.
Result<void> TurnWriter::Write(const NoticeRow& notice) {
  TRY_ASSIGN(
      Statement insert,
      database_.Prepare("INSERT INTO notices (key, at, kind, service, action, run, data_date, "
                        "message, hint, channel, tries, next_try) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
                        "ON CONFLICT (key) DO NOTHING"));
  insert.Bind(notice.key).Bind(notice.at).Bind(notice.kind).Bind(notice.service);
  insert.Bind(notice.action)
      .Bind(notice.run)
      .Bind(notice.data_date)
      .Bind(notice.message)
      .Bind(notice.hint);
  return insert.Bind(notice.channel).Bind(notice.tries).Bind(notice.next_try).Run();
}

Result<void> TurnWriter::Write(const NoticeOutcome& outcome) {
  using Outcome = NoticeOutcome::State;
  if (outcome.state == Outcome::kTryAgain) {
    return Change("note a try of notice", outcome.key,
                  "UPDATE notices SET tries = tries + 1, next_try = ?2, last_message = ?3 WHERE "
                  "key = ?1 AND state = 'pending'",
                  outcome.key, outcome.next_try, outcome.message);
  }
  const bool delivered = outcome.state == Outcome::kDelivered;
  const char* const state = delivered ? "delivered" : "given-up";
  TRY(Change("end notice", outcome.key,
             "UPDATE notices SET tries = tries + 1, state = ?2, last_message = ?3, delivered_at = "
             "?4 WHERE key = ?1 AND state = 'pending'",
             outcome.key, state, outcome.message,
             delivered ? std::optional<Instant>(turn_.now) : std::nullopt));
  TRY_ASSIGN(Statement notice, database_.Prepare("SELECT run FROM notices WHERE key = ?"));
  TRY(notice.Bind(outcome.key).Step());
  const std::string detail =
      delivered ? outcome.key : fmt::format("{}: {}", outcome.key, outcome.message);
  return AddEvent(notice.View(0), "", fmt::format("notice {}", state), detail);
}

}  // namespace busker::record

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/text.h"
#include "record/record.h"
#include "record/schema.h"
#include "record/sqlite.h"

namespace busker::record {
namespace {

std::int64_t ToNumber(Instant instant) { return instant.time_since_epoch().count(); }
Instant ToInstant(std::int64_t number) { return Instant(Milliseconds(number)); }

std::optional<std::int64_t> ToNumber(const std::optional<Instant>& instant) {
  if (!instant) return std::nullopt;
  return ToNumber(*instant);
}
std::optional<Instant> ToInstant(const std::optional<std::int64_t>& number) {
  if (!number) return std::nullopt;
  return ToInstant(*number);
}

constexpr char kRunColumns[] =
    "id, service, service_version, action, timestamp, data_date, scheduled_at, trigger, "
    "requested_by, requested_at, model_version, state, message, started_at, ended_at";

Result<RunRow> ReadRun(const Statement& row) {
  RunRow run;
  run.facts = {row.Text(0),
               row.Text(1),
               row.Text(2),
               row.Text(3),
               row.Text(4),
               row.Text(5),
               ToInstant(row.Integer(6)),
               row.Text(7),
               row.Text(8),
               row.Text(10),
               ToInstant(row.Integer(9))};
  const auto state = plan::ParseState(row.Text(11));
  if (!state) return Unusable("run " + run.facts.id + " has the unknown state " + row.Text(11));
  run.state = *state;
  run.message = row.Text(12);
  run.started_at = ToInstant(row.MaybeInteger(13));
  run.ended_at = ToInstant(row.MaybeInteger(14));
  return run;
}

constexpr char kTaskColumns[] =
    "name, waits_for, retries, retry_delay_ms, state, attempts, not_before, message";

Result<plan::Task> ReadTask(const Statement& row) {
  plan::Task task;
  task.name = row.Text(0);
  if (const std::string names = row.Text(1); !names.empty()) task.after = Split(names, ' ');
  task.retries = static_cast<int>(row.Integer(2));
  task.retry_delay = Milliseconds(row.Integer(3));
  const auto state = plan::ParseState(row.Text(4));
  if (!state) return Unusable("task " + task.name + " has the unknown state " + row.Text(4));
  task.state = *state;
  task.attempts = static_cast<int>(row.Integer(5));
  task.not_before = ToInstant(row.MaybeInteger(6));
  task.message = row.Text(7);
  return task;
}

constexpr char kAttemptColumns[] =
    "run, task, number, running, launched_at, started_at, command_started_at, command_ended_at, "
    "ended_at, ending, message, exit_code, signal, cpu_ms, memory_peak_bytes, output_files, "
    "output_bytes";

AttemptRow ReadAttempt(const Statement& row) {
  AttemptRow attempt;
  attempt.run = row.Text(0);
  attempt.task = row.Text(1);
  attempt.number = static_cast<int>(row.Integer(2));
  attempt.running = row.Integer(3) != 0;
  attempt.launched_at = ToInstant(row.Integer(4));
  attempt.started_at = ToInstant(row.MaybeInteger(5));
  attempt.command_started_at = ToInstant(row.MaybeInteger(6));
  attempt.command_ended_at = ToInstant(row.MaybeInteger(7));
  attempt.ended_at = ToInstant(row.MaybeInteger(8));
  attempt.ending = row.Text(9);
  attempt.message = row.Text(10);
  attempt.exit_code = static_cast<int>(row.Integer(11));
  attempt.signal = static_cast<int>(row.Integer(12));
  attempt.cpu = Milliseconds(row.Integer(13));
  attempt.memory_peak_bytes = static_cast<std::uint64_t>(row.Integer(14));
  attempt.output_files = static_cast<std::uint64_t>(row.Integer(15));
  attempt.output_bytes = static_cast<std::uint64_t>(row.Integer(16));
  return attempt;
}

// Writes one turn's decisions, each a guarded statement with its event.
class Turn {
 public:
  Turn(Database& database, Instant now) : database_(database), now_(ToNumber(now)) {}

  Result<void> Write(const plan::StartAttempt& start) {
    TRY(Change(
        "UPDATE tasks SET attempts = ?3, not_before = NULL WHERE run = ?1 AND name = ?2 AND "
        "attempts = ?3 - 1 AND state = 'running'",
        [&](Statement& s) { s.Bind(start.run).Bind(start.task).Bind(Number(start.number)); },
        "start " + start.task));
    TRY(Change(
        "INSERT INTO attempts (run, task, number, running, launched_at) "
        "VALUES (?, ?, ?, 1, ?)",
        [&](Statement& s) {
          s.Bind(start.run).Bind(start.task).Bind(Number(start.number)).Bind(now_);
        },
        "start " + start.task));
    return AddEvent(start.run, start.task, fmt::format("attempt {} started", start.number), "");
  }

  Result<void> Write(const plan::StopAttempt& stop) {
    TRY(Change(
        "UPDATE runs SET cancel_requested = 1 WHERE id = ?",
        [&](Statement& s) { s.Bind(stop.run); }, "stop " + stop.run));
    return AddEvent(stop.run, stop.task, fmt::format("attempt {} told to stop", stop.number), "");
  }

  Result<void> Write(const plan::TaskChanged& change) {
    TRY(Change(
        "UPDATE tasks SET state = ?4, message = ?5 WHERE run = ?1 AND name = ?2 AND state = ?3",
        [&](Statement& s) {
          s.Bind(change.run)
              .Bind(change.task)
              .Bind(NameOf(change.from))
              .Bind(NameOf(change.to))
              .Bind(change.message);
        },
        "change task " + change.task));
    return AddEvent(change.run, change.task, fmt::format("task {}", NameOf(change.to)),
                    change.message);
  }

  Result<void> Write(const plan::RunChanged& change) {
    const bool final = IsFinal(change.to);
    TRY(Change(
        "UPDATE runs SET state = ?3, message = ?4, started_at = coalesce(started_at, ?5), "
        "ended_at = ?6 WHERE id = ?1 AND state = ?2",
        [&](Statement& s) {
          s.Bind(change.run)
              .Bind(NameOf(change.from))
              .Bind(NameOf(change.to))
              .Bind(change.message)
              .Bind(now_)
              .Bind(final ? std::optional(now_) : std::nullopt);
        },
        "change run " + change.run));
    return AddEvent(change.run, "", fmt::format("run {}", NameOf(change.to)), change.message);
  }

  Result<void> Write(const plan::RetryPlanned& retry) {
    TRY(Change(
        "UPDATE tasks SET not_before = ?3 WHERE run = ?1 AND name = ?2 AND state = 'queued'",
        [&](Statement& s) { s.Bind(retry.run).Bind(retry.task).Bind(ToNumber(retry.at)); },
        "plan a retry of " + retry.task));
    return AddEvent(retry.run, retry.task,
                    fmt::format("attempt {} planned for {}", retry.number, FormatRfc3339(retry.at)),
                    retry.message);
  }

  Result<void> Write(const AttemptRow& ended) {
    TRY(Change(
        "UPDATE attempts SET running = 0, started_at = ?4, command_started_at = ?5, "
        "command_ended_at = ?6, ended_at = ?7, ending = ?8, message = ?9, exit_code = ?10, "
        "signal = ?11, cpu_ms = ?12, memory_peak_bytes = ?13, output_files = ?14, "
        "output_bytes = ?15 WHERE run = ?1 AND task = ?2 AND number = ?3 AND running = 1",
        [&](Statement& s) {
          s.Bind(ended.run)
              .Bind(ended.task)
              .Bind(Number(ended.number))
              .Bind(ToNumber(ended.started_at))
              .Bind(ToNumber(ended.command_started_at))
              .Bind(ToNumber(ended.command_ended_at))
              .Bind(ToNumber(ended.ended_at))
              .Bind(ended.ending)
              .Bind(ended.message)
              .Bind(Number(ended.exit_code))
              .Bind(Number(ended.signal))
              .Bind(std::int64_t(ended.cpu.count()))
              .Bind(Number(ended.memory_peak_bytes))
              .Bind(Number(ended.output_files))
              .Bind(Number(ended.output_bytes));
        },
        "end an attempt of " + ended.task));
    return AddEvent(ended.run, ended.task, fmt::format("attempt {} {}", ended.number, ended.ending),
                    ended.message);
  }

  Result<void> AddEvent(std::string_view run, std::string_view task, std::string_view what,
                        std::string_view detail, std::string_view actor = "busker") {
    TRY_ASSIGN(Statement insert,
               database_.Prepare("INSERT INTO events (at, run, task, what, actor, detail) "
                                 "VALUES (?, ?, ?, ?, ?, ?)"));
    return insert.Bind(now_).Bind(run).Bind(task).Bind(what).Bind(actor).Bind(detail).Run();
  }

 private:
  template <typename Integer>
  static std::int64_t Number(Integer value) {
    return static_cast<std::int64_t>(value);
  }

  // Runs a statement that must change exactly one row: another count means that the record and the
  // plan disagree, which nothing may paper over.
  template <typename BindAll>
  Result<void> Change(std::string_view sql, BindAll&& bind, const std::string& doing) {
    TRY_ASSIGN(Statement statement, database_.Prepare(sql));
    bind(statement);
    TRY(statement.Run());
    if (database_.changes() != 1) {
      return Unusable(
          fmt::format("{}: the record is not in the state that this starts from; "
                      "run busker fsck",
                      doing));
    }
    return {};
  }

  Database& database_;
  std::int64_t now_;
};

class SqliteRecord final : public Record {
 public:
  explicit SqliteRecord(Database database) : database_(std::move(database)) {}

  Result<void> AddRun(const RunFacts& facts, const std::vector<TaskFacts>& tasks) override {
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(database_));
    TRY_ASSIGN(
        Statement taken,
        database_.Prepare(
            "SELECT id FROM runs WHERE service = ? AND service_version = ? AND action = ? AND "
            "timestamp = ?"));
    taken.Bind(facts.service).Bind(facts.service_version).Bind(facts.action).Bind(facts.timestamp);
    TRY_ASSIGN(const bool is_taken, taken.Step());
    if (is_taken) return Temporary("run " + taken.Text(0) + " has the same timestamp");
    TRY_ASSIGN(Statement insert,
               database_.Prepare(fmt::format(
                   "INSERT INTO runs ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,'queued','',NULL,NULL)",
                   kRunColumns)));
    insert.Bind(facts.id)
        .Bind(facts.service)
        .Bind(facts.service_version)
        .Bind(facts.action)
        .Bind(facts.timestamp)
        .Bind(facts.data_date)
        .Bind(ToNumber(facts.scheduled_at))
        .Bind(facts.trigger)
        .Bind(facts.requested_by)
        .Bind(ToNumber(facts.requested_at))
        .Bind(facts.model_version);
    TRY(insert.Run());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      TRY(AddTask(facts.id, static_cast<std::int64_t>(i), tasks[i]));
    }
    TRY(Turn(database_, facts.requested_at)
            .AddEvent(facts.id, "", "run queued", facts.trigger, facts.requested_by));
    return transaction.Commit();
  }

  Result<Instant> FreeTimestamp(const std::string& service, const std::string& service_version,
                                const std::string& action, Instant wanted) override {
    TRY_ASSIGN(Statement row, database_.Prepare("SELECT max(timestamp) FROM runs WHERE service = ? "
                                                "AND service_version = ? AND action = ?"));
    row.Bind(service).Bind(service_version).Bind(action);
    TRY(row.Step());
    const Instant whole = std::chrono::floor<std::chrono::seconds>(wanted);
    if (row.Text(0) < FormatStamp(whole)) return whole;
    TRY_ASSIGN(const Instant newest, ParseStamp(row.Text(0)));
    return newest + std::chrono::seconds(1);
  }

  Result<void> Append(std::span<const plan::Decision> decisions, std::span<const AttemptRow> ended,
                      Instant now) override {
    if (decisions.empty() && ended.empty()) return {};
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(database_));
    Turn turn(database_, now);
    for (const AttemptRow& attempt : ended) TRY(turn.Write(attempt));
    for (const plan::Decision& decision : decisions) {
      TRY(std::visit([&](const auto& what) { return turn.Write(what); }, decision));
    }
    return transaction.Commit();
  }

  Result<plan::Runs> Unfinished() override {
    TRY_ASSIGN(
        Statement rows,
        database_.Prepare(
            "SELECT id, state, cancel_requested FROM runs WHERE state IN ('queued', 'running')"));
    plan::Runs runs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) break;
      plan::DagRun run;
      run.id = rows.Text(0);
      run.state = plan::ParseState(rows.Text(1)).value_or(plan::State::kQueued);
      run.cancel_requested = rows.Integer(2) != 0;
      TRY_ASSIGN(std::vector<TaskRow> tasks, TasksOf(run.id));
      for (TaskRow& row : tasks) {
        for (const AttemptRow& attempt : row.attempts) row.task.attempt_running |= attempt.running;
        run.tasks.push_back(std::move(row.task));
      }
      runs.emplace(run.id, std::move(run));
    }
    return runs;
  }

  Result<std::string> OrderOf(const std::string& run, const std::string& task) override {
    TRY_ASSIGN(Statement row,
               database_.Prepare("SELECT order_json FROM tasks WHERE run = ? AND name = ?"));
    TRY_ASSIGN(const bool found, row.Bind(run).Bind(task).Step());
    if (!found) return NotFound("run " + run + " has no task " + task);
    return row.Text(0);
  }

  Result<std::vector<RunRow>> ListRuns(const RunFilter& filter) override {
    std::string sql = fmt::format("SELECT {} FROM runs WHERE true", kRunColumns);
    if (!filter.action.empty()) sql += " AND action = ?";
    if (filter.state) sql += " AND state = ?";
    sql += " ORDER BY requested_at DESC, id DESC LIMIT ?";
    TRY_ASSIGN(Statement rows, database_.Prepare(sql));
    if (!filter.action.empty()) rows.Bind(filter.action);
    if (filter.state) rows.Bind(NameOf(*filter.state));
    rows.Bind(static_cast<std::int64_t>(filter.count_max));
    std::vector<RunRow> runs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return runs;
      TRY_ASSIGN(RunRow run, ReadRun(rows));
      TRY_ASSIGN(run.tasks, TasksOf(run.facts.id));
      runs.push_back(std::move(run));
    }
  }

  Result<RunRow> FindRun(const std::string& id) override {
    TRY_ASSIGN(Statement row,
               database_.Prepare(fmt::format("SELECT {} FROM runs WHERE id = ?", kRunColumns)));
    TRY_ASSIGN(const bool found, row.Bind(id).Step());
    if (!found) return NotFound("there is no run " + id + "; busker runs lists them");
    TRY_ASSIGN(RunRow run, ReadRun(row));
    TRY_ASSIGN(run.tasks, TasksOf(id));
    return run;
  }

  Result<std::vector<EventRow>> Events(const std::string& run) override {
    TRY_ASSIGN(Statement rows, database_.Prepare("SELECT number, at, run, task, what, actor, "
                                                 "detail FROM events WHERE ?1 = '' OR run = ?1 "
                                                 "ORDER BY number"));
    rows.Bind(run);
    std::vector<EventRow> events;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return events;
      events.push_back({rows.Integer(0), ToInstant(rows.Integer(1)), rows.Text(2), rows.Text(3),
                        rows.Text(4), rows.Text(5), rows.Text(6)});
    }
  }

  Result<void> AddEvent(const EventRow& event) override {
    return Turn(database_, event.at)
        .AddEvent(event.run, event.task, event.what, event.detail, event.actor);
  }

  Result<std::vector<std::string>> Check() override {
    std::vector<std::string> faults;
    TRY(Collect("PRAGMA integrity_check", faults));
    if (faults == std::vector<std::string>{"ok"}) faults.clear();
    TRY(
        Collect("SELECT 'a row of ' || \"table\" || ' points at a missing row of ' || parent FROM "
                "pragma_foreign_key_check",
                faults));
    for (const char* invariant : kInvariants) TRY(Collect(invariant, faults));
    return faults;
  }

 private:
  Result<void> AddTask(const std::string& run, std::int64_t position, const TaskFacts& facts) {
    TRY_ASSIGN(Statement insert,
               database_.Prepare("INSERT INTO tasks (run, position, name, waits_for, retries, "
                                 "retry_delay_ms, order_json, "
                                 "state) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued')"));
    return insert.Bind(run)
        .Bind(position)
        .Bind(facts.task.name)
        .Bind(Join(facts.task.after, " "))
        .Bind(std::int64_t(facts.task.retries))
        .Bind(std::int64_t(facts.task.retry_delay.count()))
        .Bind(facts.order_json)
        .Run();
  }

  Result<std::vector<TaskRow>> TasksOf(const std::string& run) {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format("SELECT {} FROM tasks WHERE run = ? ORDER BY position",
                                             kTaskColumns)));
    rows.Bind(run);
    std::vector<TaskRow> tasks;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return tasks;
      TaskRow row;
      TRY_ASSIGN(row.task, ReadTask(rows));
      TRY_ASSIGN(row.attempts, AttemptsOf(run, row.task.name));
      tasks.push_back(std::move(row));
    }
  }

  Result<std::vector<AttemptRow>> AttemptsOf(const std::string& run, const std::string& task) {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(
                   fmt::format("SELECT {} FROM attempts WHERE run = ? AND task = ? ORDER BY number",
                               kAttemptColumns)));
    rows.Bind(run).Bind(task);
    std::vector<AttemptRow> attempts;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return attempts;
      attempts.push_back(ReadAttempt(rows));
    }
  }

  Result<void> Collect(const char* sql, std::vector<std::string>& sentences) {
    TRY_ASSIGN(Statement rows, database_.Prepare(sql));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return {};
      sentences.push_back(rows.Text(0));
    }
  }

  Database database_;
};

Result<std::int64_t> Pragma(Database& database, const char* name) {
  TRY_ASSIGN(Statement row, database.Prepare(fmt::format("PRAGMA {}", name)));
  TRY(row.Step());
  return row.Integer(0);
}

Result<bool> IsEmpty(Database& database) {
  TRY_ASSIGN(Statement row, database.Prepare("SELECT count(*) FROM sqlite_schema"));
  TRY(row.Step());
  return row.Integer(0) == 0;
}

// Lays out a new record; leaves one that is there as it is, unless it is not ours to use.
Result<void> LayOut(Database& database, const std::string& path) {
  TRY_ASSIGN(const std::int64_t application, Pragma(database, "application_id"));
  TRY_ASSIGN(const std::int64_t version, Pragma(database, "user_version"));
  if (application == kApplicationId && version == kSchemaVersion) return {};
  if (application == kApplicationId && version > kSchemaVersion) {
    return Unusable(
        fmt::format("the record {} was written by a newer Busker (its schema is {}, "
                    "this program knows {}); nothing was changed",
                    path, version, kSchemaVersion));
  }
  // A new record can have a page already: SQLite writes one when it is set to WAL.
  TRY_ASSIGN(const bool empty, IsEmpty(database));
  if (application != 0 || version != 0 || !empty) {
    return Unusable(fmt::format("{} is no record of Busker's; nothing was changed", path));
  }
  TRY(database.Execute("PRAGMA journal_mode = WAL"));
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY_ASSIGN(const std::int64_t again, Pragma(database, "user_version"));
  TRY_ASSIGN(const bool still_empty, IsEmpty(database));
  if (again == kSchemaVersion) return {};  // another process was faster
  if (!still_empty) return Unusable(path + " is being used by another program");
  TRY(database.Execute(kSchema));
  TRY(database.Execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str()));
  TRY(database.Execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str()));
  return transaction.Commit();
}

}  // namespace

Result<std::unique_ptr<Record>> OpenSqliteRecord(const std::string& path, bool create) {
  const mode_t before = umask(0077);  // orders hold what the service passes to its program
  auto opened = Database::Open(path, create);
  umask(before);
  TRY_ASSIGN(Database database, std::move(opened));
  TRY(database.Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  TRY(LayOut(database, path));
  return std::make_unique<SqliteRecord>(std::move(database));
}

}  // namespace busker::record

#include "record/migrate.h"

#include <fmt/core.h>

#include "record/event_chain.h"
#include "record/schema.h"
#include "record/sqlite.h"

namespace busker::record {
namespace {

constexpr char kPutAside[] = R"sql(
DROP INDEX runs_by_time;
DROP INDEX runs_by_action;
DROP INDEX runs_unfinished;
DROP INDEX events_by_run;
DROP TRIGGER events_only_grow;
DROP TRIGGER events_stay;
ALTER TABLE runs RENAME TO old_runs;
ALTER TABLE tasks RENAME TO old_tasks;
ALTER TABLE attempts RENAME TO old_attempts;
ALTER TABLE events RENAME TO old_events;
)sql";

// What a record of version 1 left unsaid is what its Busker did: it doubled delays up to an hour.
constexpr char kCopy[] = R"sql(
INSERT INTO runs (id, graph, scheduled_at, data_date, trigger, requested_by, requested_at, priority,
    force, batch, batch_runs_at_once, prepared, service_version, timestamp, model_version, state,
    cancel_requested, message, started_at, ended_at)
  SELECT id, service || '/' || action, scheduled_at, data_date, trigger, requested_by, requested_at,
    0, 0, '', 1, 1, service_version, timestamp, model_version, state, cancel_requested, message,
    started_at, ended_at
  FROM old_runs ORDER BY requested_at, id;
INSERT INTO tasks (run, position, name, waits_for, rule, retries, retry_delay_ms, exponential,
    retry_delay_max_ms, pool, pool_slots, priority, cpus_milli, memory_bytes, attempts_max, state,
    attempts, not_before, message)
  SELECT run, position, name, waits_for, 'all_success', retries, retry_delay_ms, 1, 3600000, '', 1,
    0, 0, 0, retries + 1, state, attempts, not_before, message
  FROM old_tasks;
INSERT INTO orders (run, task, order_json) SELECT run, name, order_json FROM old_tasks;
INSERT INTO attempts (run, task, number, running, launched_at, started_at, command_started_at,
    command_ended_at, ended_at, ending, message, exit_code, signal, cpu_ms, memory_peak_bytes,
    output_files, output_bytes)
  SELECT run, task, number, running, launched_at, started_at, command_started_at, command_ended_at,
    ended_at, ending, message, exit_code, signal, cpu_ms, memory_peak_bytes, output_files,
    output_bytes
  FROM old_attempts;
)sql";

// What kind of trouble it was, version 2 did not say.
constexpr char kFromVersion2[] = R"sql(
ALTER TABLE graphs ADD COLUMN trouble TEXT NOT NULL DEFAULT '';
UPDATE graphs SET trouble = 'failed' WHERE failing <> 0;
ALTER TABLE graphs DROP COLUMN failing;
)sql";

// Which home started an attempt, version 3 did not say.
constexpr char kFromVersion3[] =
    "ALTER TABLE attempts ADD COLUMN instance TEXT NOT NULL DEFAULT ''";

constexpr char kClear[] = R"sql(
DROP TABLE old_events;
DROP TABLE old_attempts;
DROP TABLE old_tasks;
DROP TABLE old_runs;
)sql";

// Events keep their numbers and get their hashes.
Result<void> CopyEvents(Database& database) {
  TRY_ASSIGN(Statement rows,
             database.Prepare("SELECT number, at, run, task, what, actor, detail FROM old_events "
                              "ORDER BY number"));
  TRY_ASSIGN(Statement insert, database.Prepare("INSERT INTO events VALUES (?,?,?,?,?,?,?,?)"));
  EventHasher hasher;
  EventHash hash{};
  EventFields event;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.Step());
    if (!more) break;
    event = {rows.Integer(0), rows.Integer(1), rows.View(2), rows.View(3),
             rows.View(4),    rows.View(5),    rows.View(6)};
    hash = hasher.Of(hash, event);
    insert.Bind(event.number).Bind(event.at).Bind(event.run).Bind(event.task).Bind(event.what);
    TRY(insert.Bind(event.actor).Bind(event.detail).BindBytes(BytesOf(hash)).Run());
    insert.Reset();
  }
  TRY_ASSIGN(Statement update, database.Prepare("UPDATE chain SET number = ?, hash = ?"));
  return update.Bind(event.number).BindBytes(BytesOf(hash)).Run();
}

Result<void> FromVersion1(Database& database) {
  TRY(database.Execute(kPutAside));
  TRY(database.Execute(kSchema));
  TRY(database.Execute(kCopy));
  TRY(CopyEvents(database));
  TRY(database.Execute(kClear));
  TRY_ASSIGN(Statement dangling, database.Prepare("PRAGMA foreign_key_check"));
  TRY_ASSIGN(const bool found, dangling.Step());
  if (found) {
    return Unusable(fmt::format(
        "the record {} has rows of {} that belong to no run; nothing was changed; restore a backup",
        database.path(), dangling.Text(0)));
  }
  return {};
}

Result<std::int64_t> VersionOf(Database& database) {
  TRY_ASSIGN(Statement version, database.Prepare("PRAGMA user_version"));
  TRY(version.Step());
  return version.Integer(0);
}

Result<void> TakeOver(Database& database) {
  TRY(
      database.Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; "
                       "PRAGMA locking_mode = EXCLUSIVE"));
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY_ASSIGN(const std::int64_t version, VersionOf(database));
  if (version == kSchemaVersion) return {};
  if (version == 1) TRY(FromVersion1(database));
  if (version == 2) TRY(database.Execute(kFromVersion2));
  if (version <= 2) TRY(database.Execute(kIndicesOfVersion3));
  // The tables of version 1 are made anew.
  if (version == 2 || version == 3) TRY(database.Execute(kFromVersion3));
  if (version >= 2 && version <= 4) TRY(database.Execute(kColumnsOfVersion5));
  if (version >= 2 && version <= 5) TRY(database.Execute(kColumnsOfVersion6));
  if (version <= 5) TRY(database.Execute(kOrdersOfVersion6));
  if (version >= 2 && version <= 6) TRY(database.Execute(kColumnsOfVersion7));
  if (version >= 2 && version <= 7) TRY(database.Execute(kColumnsOfVersion8));
  if (version >= 2 && version <= 8) TRY(database.Execute(kColumnsOfVersion9));
  if (version <= 6) {
    TRY(database.Execute(kIndicesOfVersion7));
    TRY(database.Execute(kLeadOfVersion7));
  }
  if (version >= 2 && version <= 8) TRY(database.Execute(kConditionsOfVersion9));
  if (version <= 8) TRY(database.Execute(kIndicesOfVersion9));
  TRY(database.Execute(kIndicesOfVersion10));
  TRY(database.Execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str()));
  return transaction.Commit();
}

}  // namespace

Result<void> Migrate(const std::string& path) {
  TRY_ASSIGN(Database database, Database::Open(path, false));
  auto done = TakeOver(database);
  if (!done && done.error().kind == ErrorKind::kTemporary) {
    return Wrap(
        "the record is of an earlier version, and is brought up to date when nothing else "
        "uses it and the disk has room; try again then",
        done.error());
  }
  return done;
}

}  // namespace busker::record

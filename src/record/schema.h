// The tables of the record. Times are milliseconds since 1970 in UTC, states are names.
#pragma once

namespace busker::record {

// PRAGMA application_id of a record, "Busk" in ASCII, and the newest schema this program knows.
inline constexpr long kApplicationId = 0x4275736B;
inline constexpr long kSchemaVersion = 1;

inline constexpr char kSchema[] = R"sql(
CREATE TABLE runs (
  id              TEXT PRIMARY KEY,
  service         TEXT NOT NULL,
  service_version TEXT NOT NULL,
  action          TEXT NOT NULL,
  timestamp       TEXT NOT NULL,
  data_date       TEXT NOT NULL,
  scheduled_at    INTEGER NOT NULL,
  trigger         TEXT NOT NULL,
  requested_by    TEXT NOT NULL,
  requested_at    INTEGER NOT NULL,
  model_version   TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN
                    ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  message         TEXT NOT NULL DEFAULT '',
  started_at      INTEGER,
  ended_at        INTEGER,
  UNIQUE (service, service_version, action, timestamp)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs (requested_at DESC, id DESC);
CREATE INDEX runs_by_action ON runs (action, requested_at DESC, id DESC);
CREATE INDEX runs_unfinished ON runs (id) WHERE state IN ('queued', 'running');

CREATE TABLE tasks (
  run             TEXT NOT NULL REFERENCES runs (id),
  position        INTEGER NOT NULL,
  name            TEXT NOT NULL,
  waits_for       TEXT NOT NULL,                -- names of tasks, separated by blanks
  retries         INTEGER NOT NULL,
  retry_delay_ms  INTEGER NOT NULL,
  order_json      TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN
                    ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
  attempts        INTEGER NOT NULL DEFAULT 0,
  not_before      INTEGER,
  message         TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run             TEXT NOT NULL,
  task            TEXT NOT NULL,
  number          INTEGER NOT NULL,
  running         INTEGER NOT NULL,
  launched_at     INTEGER NOT NULL,
  started_at      INTEGER,
  command_started_at INTEGER,
  command_ended_at INTEGER,
  ended_at        INTEGER,
  ending          TEXT NOT NULL DEFAULT '',
  message         TEXT NOT NULL DEFAULT '',
  exit_code       INTEGER NOT NULL DEFAULT 0,
  signal          INTEGER NOT NULL DEFAULT 0,
  cpu_ms          INTEGER NOT NULL DEFAULT 0,
  memory_peak_bytes INTEGER NOT NULL DEFAULT 0,
  output_files    INTEGER NOT NULL DEFAULT 0,
  output_bytes    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, task, number),
  FOREIGN KEY (run, task) REFERENCES tasks (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  at              INTEGER NOT NULL,
  run             TEXT NOT NULL,
  task            TEXT NOT NULL,
  what            TEXT NOT NULL,
  actor           TEXT NOT NULL,
  detail          TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run, number) WHERE run <> '';
CREATE TRIGGER events_only_grow BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
)sql";

// What fsck asks: each statement returns a sentence for every fault it finds.
inline constexpr const char* kInvariants[] = {
    // A run's state follows from its tasks'.
    "SELECT 'run ' || id || ' has ended but its task ' || name || ' has not' FROM runs JOIN tasks "
    "ON run = id WHERE runs.state NOT IN ('queued', 'running') AND tasks.state IN ('queued', "
    "'running')",
    "SELECT 'run ' || id || ' is ' || state || ' but all its tasks have ended' FROM runs WHERE "
    "state IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM tasks WHERE run = id AND state "
    "IN ('queued', 'running'))",
    "SELECT 'run ' || id || ' succeeded but its task ' || name || ' is ' || tasks.state FROM runs "
    "JOIN tasks ON run = id WHERE runs.state = 'succeeded' AND tasks.state <> 'succeeded'",
    // A success has exactly one attempt that shows it.
    "SELECT 'task ' || name || ' of run ' || run || ' succeeded without an attempt that did' FROM "
    "tasks WHERE state = 'succeeded' AND (SELECT count(*) FROM attempts a WHERE a.run = tasks.run "
    "AND a.task = tasks.name AND a.ending = 'succeeded' AND a.exit_code = 0 AND a.signal = 0) <> 1",
    // Attempts are numbered 1..n without gaps, n at most retries + 1, at most one of them running.
    "SELECT 'task ' || name || ' of run ' || run || ' counts ' || attempts || ' attempts but has ' "
    "|| (SELECT count(*) FROM attempts a WHERE a.run = tasks.run AND a.task = tasks.name) FROM "
    "tasks WHERE attempts <> (SELECT count(*) FROM attempts a WHERE a.run = tasks.run AND a.task = "
    "tasks.name) OR attempts <> (SELECT coalesce(max(number), 0) FROM attempts a WHERE a.run = "
    "tasks.run AND a.task = tasks.name) OR attempts > retries + 1",
    "SELECT 'task ' || task || ' of run ' || run || ' has ' || count(*) || ' attempts running at "
    "once' FROM attempts WHERE running = 1 GROUP BY run, task HAVING count(*) > 1",
    "SELECT 'an attempt of task ' || task || ' of run ' || attempts.run || ' is running but the "
    "task is ' || state FROM attempts JOIN tasks ON tasks.run = attempts.run AND name = task WHERE "
    "running = 1 AND state <> 'running'",
    // A task starts after those that it waits for have succeeded.
    "SELECT 'task ' || t.name || ' of run ' || t.run || ' started before ' || o.name || ' "
    "succeeded' FROM tasks t JOIN tasks o ON o.run = t.run AND instr(' ' || t.waits_for || ' ', ' "
    "' || o.name || ' ') > 0 WHERE t.attempts > 0 AND o.state <> 'succeeded'",
    // Each end has its event.
    "SELECT 'run ' || id || ' is ' || state || ' without an event that says so' FROM runs WHERE "
    "state NOT IN ('queued') AND NOT EXISTS (SELECT 1 FROM events WHERE events.run = id AND what = "
    "'run ' || state)",
};

}  // namespace busker::record

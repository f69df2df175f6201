// The tables of the record. Times are milliseconds since 1970 in UTC, states are names.
//
// Turns are short, and the indices decide what they cost: runs and events are numbered as they
// come, so that new ones go to the end of their tables, and what is unique about a schedule's
// instant is indexed by the instant first, so that thousands of graphs that come due at once change
// few pages. Conditions on states are ORs: for an IN of more than two SQLite makes a table whenever
// a row is written, which costs as much as the row.
#pragma once

namespace busker::record {

// PRAGMA application_id of a record, "Busk" in ASCII, and the newest schema this program knows.
inline constexpr long kApplicationId = 0x4275736B;
inline constexpr long kSchemaVersion = 10;

inline constexpr char kSchema[] = R"sql(
CREATE TABLE runs (
  number          INTEGER PRIMARY KEY,          -- in the order in which they were requested
  id              TEXT NOT NULL UNIQUE,
  graph           TEXT NOT NULL,                -- "service/action", or a graph file's name
  due             INTEGER,                      -- NULL: not by a schedule
  scheduled_at    INTEGER NOT NULL,
  data_date       TEXT NOT NULL,
  trigger         TEXT NOT NULL,
  requested_by    TEXT NOT NULL,
  request_key     TEXT,
  requested_at    INTEGER NOT NULL,
  priority        INTEGER NOT NULL,
  force           INTEGER NOT NULL,
  batch           TEXT NOT NULL,
  batch_runs_at_once INTEGER NOT NULL,
  target          TEXT NOT NULL DEFAULT '',     -- asked for; where it is prepared for, once it is
  prepared        INTEGER NOT NULL DEFAULT 0,
  service_version TEXT NOT NULL DEFAULT '',     -- this and the next four: once it is prepared
  timestamp       TEXT,
  model_version   TEXT NOT NULL DEFAULT '',
  definition      TEXT NOT NULL DEFAULT '',
  timeout_ms      INTEGER,
  deadline        INTEGER,
  state           TEXT NOT NULL DEFAULT 'queued' CHECK (
                    state = 'queued' OR state = 'running' OR state = 'succeeded' OR
                    state = 'failed' OR state = 'cancelled' OR state = 'skipped'),
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  message         TEXT NOT NULL DEFAULT '',
  started_at      INTEGER,
  ended_at        INTEGER
) STRICT;
CREATE UNIQUE INDEX runs_by_due ON runs (due, graph) WHERE due IS NOT NULL;
CREATE UNIQUE INDEX runs_by_request_key ON runs (request_key) WHERE request_key IS NOT NULL;
CREATE UNIQUE INDEX runs_by_timestamp ON runs (graph, service_version, timestamp)
  WHERE timestamp IS NOT NULL;
CREATE INDEX runs_by_graph ON runs (graph);
CREATE INDEX runs_by_batch ON runs (batch) WHERE batch <> '';
CREATE INDEX runs_unfinished ON runs (number) WHERE state IN ('queued', 'running');

CREATE TABLE tasks (
  run             TEXT NOT NULL REFERENCES runs (id),
  position        INTEGER NOT NULL,
  name            TEXT NOT NULL,
  waits_for       TEXT NOT NULL,                -- names of tasks, separated by blanks
  rule            TEXT NOT NULL,                -- plan::TriggerRule
  retries         INTEGER NOT NULL,
  retry_delay_ms  INTEGER NOT NULL,
  exponential     INTEGER NOT NULL,
  retry_delay_max_ms INTEGER NOT NULL,
  pool            TEXT NOT NULL,
  pool_slots      INTEGER NOT NULL,
  priority        INTEGER NOT NULL,
  cpus_milli      INTEGER NOT NULL,
  memory_bytes    INTEGER NOT NULL,
  attempts_max    INTEGER NOT NULL,
  state           TEXT NOT NULL DEFAULT 'queued' CHECK (
                    state = 'queued' OR state = 'running' OR state = 'succeeded' OR
                    state = 'failed' OR state = 'cancelled' OR state = 'skipped'),
  attempts        INTEGER NOT NULL DEFAULT 0,
  waived          INTEGER NOT NULL DEFAULT 0,
  not_before      INTEGER,
  message         TEXT NOT NULL DEFAULT '',
  depends_on_past INTEGER NOT NULL DEFAULT 0,
  place           TEXT NOT NULL DEFAULT '',     -- URL of an executor; '': here
  place_tasks_max INTEGER NOT NULL DEFAULT 0,
  preemptions_max INTEGER NOT NULL DEFAULT 0,
  preemptions     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- What the executor is handed for each task; written once, read once per attempt.
CREATE TABLE orders (
  run             TEXT NOT NULL,
  task            TEXT NOT NULL,
  order_json      TEXT NOT NULL,
  synced          INTEGER NOT NULL DEFAULT 1,   -- record::Order
  secrets         TEXT NOT NULL DEFAULT '',     -- names, separated by blanks
  PRIMARY KEY (run, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run             TEXT NOT NULL,
  task            TEXT NOT NULL,
  number          INTEGER NOT NULL,
  running         INTEGER NOT NULL,
  launched_at     INTEGER NOT NULL,
  boot            TEXT NOT NULL DEFAULT '',      -- a part of the next, of earlier versions
  instance        TEXT NOT NULL DEFAULT '',      -- record::Turn::launcher
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
  result          TEXT NOT NULL DEFAULT '',      -- JSON: what one of Busker's own steps came to
  image           TEXT NOT NULL DEFAULT '',      -- by digest or id, of the container it ran in
  boot_ms         INTEGER NOT NULL DEFAULT 0,    -- this and the next two: of a machine of its own
  pull_ms         INTEGER NOT NULL DEFAULT 0,
  machine_ms      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, task, number),
  FOREIGN KEY (run, task) REFERENCES tasks (run, name)
) STRICT, WITHOUT ROWID;

-- plan::GraphMemory
CREATE TABLE graphs (
  key             TEXT PRIMARY KEY,
  schedule_text   TEXT NOT NULL,
  zone            TEXT NOT NULL,
  cursor          INTEGER,
  paused          INTEGER NOT NULL,
  paused_by       TEXT NOT NULL,
  last_due        INTEGER,
  last_succeeded  INTEGER NOT NULL,
  last_success    INTEGER,
  last_after      INTEGER,
  expected_cursor INTEGER,
  trouble         TEXT NOT NULL,                -- plan::Trouble
  pasts           TEXT NOT NULL DEFAULT '',     -- of tasks: a line "NAME DUE GOOD RUN" each
  ran_until       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
  key             TEXT PRIMARY KEY,
  at              INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  service         TEXT NOT NULL,
  action          TEXT NOT NULL,
  run             TEXT NOT NULL,
  data_date       TEXT NOT NULL,
  message         TEXT NOT NULL,
  hint            TEXT NOT NULL DEFAULT '',
  channel         TEXT NOT NULL,
  tries           INTEGER NOT NULL DEFAULT 0,
  next_try        INTEGER NOT NULL,
  state           TEXT NOT NULL DEFAULT 'pending' CHECK (
                    state = 'pending' OR state = 'delivered' OR state = 'given-up'),
  last_message    TEXT NOT NULL DEFAULT '',     -- why the last try failed
  delivered_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_pending ON notices (at) WHERE state = 'pending';

CREATE TABLE events (
  number          INTEGER PRIMARY KEY,
  at              INTEGER NOT NULL,
  run             TEXT NOT NULL,
  task            TEXT NOT NULL,
  what            TEXT NOT NULL,
  actor           TEXT NOT NULL,
  detail          TEXT NOT NULL,
  hash            BLOB NOT NULL                 -- event_chain.h
) STRICT;
CREATE INDEX events_by_run ON events (run) WHERE run <> '';
CREATE TRIGGER events_only_grow BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;

-- The newest event; one row.
CREATE TABLE chain (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  number          INTEGER NOT NULL,
  hash            BLOB NOT NULL
) STRICT;
INSERT INTO chain VALUES (1, 0, zeroblob(32));
)sql";

// What version 3 added. What people asked for is looked for among all that followed; it costs a
// turn nothing that has none of it.
inline constexpr char kIndicesOfVersion3[] =
    "CREATE INDEX events_by_people ON events (number) WHERE actor <> 'busker'";

// What version 5 added: tasks that depend on their past, cursors that were set back.
inline constexpr char kColumnsOfVersion5[] = R"sql(
ALTER TABLE tasks ADD COLUMN depends_on_past INTEGER NOT NULL DEFAULT 0;
ALTER TABLE graphs ADD COLUMN pasts TEXT NOT NULL DEFAULT '';
ALTER TABLE graphs ADD COLUMN ran_until INTEGER;
)sql";

// What version 6 added: what whoever launches an attempt must know of its order, beside its text.
inline constexpr char kColumnsOfVersion6[] = R"sql(
ALTER TABLE orders ADD COLUMN synced INTEGER NOT NULL DEFAULT 1;
ALTER TABLE orders ADD COLUMN secrets TEXT NOT NULL DEFAULT '';
)sql";
inline constexpr char kOrdersOfVersion6[] = R"sql(
UPDATE orders SET
  synced = ifnull(json_extract(order_json, '$.synced'), 1),
  secrets = ifnull((SELECT group_concat(json_extract(value, '$.name'), ' ')
                    FROM json_each(order_json, '$.secrets')), '')
  WHERE json_valid(order_json);
)sql";

// What version 7 added: where runs are, what their steps came to, and who leads.
inline constexpr char kColumnsOfVersion7[] = R"sql(
ALTER TABLE runs ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN place_tasks_max INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN result TEXT NOT NULL DEFAULT '';
)sql";
inline constexpr char kIndicesOfVersion7[] = R"sql(
CREATE INDEX runs_by_model_version ON runs (model_version) WHERE model_version <> '';
)sql";
inline constexpr char kLeadOfVersion7[] = R"sql(
-- record::Lead; one row.
CREATE TABLE lead (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  epoch           INTEGER NOT NULL,
  holder          TEXT NOT NULL,                -- '': nobody leads
  until           INTEGER                       -- NULL: it has no end
) STRICT;
INSERT INTO lead VALUES (1, 0, '', NULL);
)sql";

// What version 8 added: which image an attempt ran in.
inline constexpr char kColumnsOfVersion8[] =
    "ALTER TABLE attempts ADD COLUMN image TEXT NOT NULL DEFAULT ''";

// What version 9 changed: conditions on states, see above. What is allowed is the same, so the rows
// stay as they are. The new indices: what did not go well is looked for among a million runs that
// did, and costs a turn nothing that has none of it.
inline constexpr char kConditionsOfVersion9[] = R"sql(
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'state IN
                    (''queued'', ''running'', ''succeeded'', ''failed'', ''cancelled'', ''skipped'')',
  'state = ''queued'' OR state = ''running'' OR state = ''succeeded'' OR
                    state = ''failed'' OR state = ''cancelled'' OR state = ''skipped'''),
  'state IN
                    (''pending'', ''delivered'', ''given-up'')',
  'state = ''pending'' OR state = ''delivered'' OR state = ''given-up''')
  WHERE type = 'table' AND name IN ('runs', 'tasks', 'notices');
PRAGMA writable_schema = RESET;
DROP INDEX IF EXISTS runs_unsuccessful;
DROP INDEX IF EXISTS runs_unsuccessful_by_graph;
)sql";
inline constexpr char kIndicesOfVersion9[] = R"sql(
CREATE INDEX runs_unsuccessful ON runs (state, number)
  WHERE state = 'failed' OR state = 'cancelled' OR state = 'skipped';
CREATE INDEX runs_unsuccessful_by_graph ON runs (graph, state, number)
  WHERE state = 'failed' OR state = 'cancelled' OR state = 'skipped';
)sql";
// And what it added: attempts that have a machine of their own, which may be taken away.
inline constexpr char kColumnsOfVersion9[] = R"sql(
ALTER TABLE tasks ADD COLUMN preemptions_max INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN preemptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN boot_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN pull_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN machine_ms INTEGER NOT NULL DEFAULT 0;
)sql";

// What version 10 added. A run's data date is never changed, so it costs a turn that queues a run
// one entry, and no other turn anything; what else it might have been is in
// docs/decisions/0081-data-dates-have-an-index.md.
inline constexpr char kIndicesOfVersion10[] = "CREATE INDEX runs_by_data_date ON runs (data_date)";

}  // namespace busker::record

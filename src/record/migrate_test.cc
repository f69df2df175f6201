// Records of version 1, with the tables as that version made them.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "record/breaking_disk.h"
#include "record/raw_file.h"
#include "record/record_fixture.h"

namespace busker::record {
namespace {

using enum plan::State;

constexpr char kVersion1[] = R"sql(
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
PRAGMA application_id = 1114993515;
PRAGMA user_version = 1;
INSERT INTO runs VALUES
  ('r2', 'shop', '1', 'application', '19700102T000000Z', '1970-01-02', 86400000, 'manual', 'ada',
   86400000, 'model', 'running', 1, '', 86400001, NULL),
  ('r1', 'shop', '1', 'training', '19700101T120000Z', '1970-01-01', 43200000, 'manual', 'ada',
   43200000, '', 'failed', 0, 'train: exit 1', 43200001, 43200009);
INSERT INTO tasks VALUES
  ('r1', 0, 'train', '', 1, 60000, '{"a":1}', 'failed', 2, NULL, 'exit 1'),
  ('r1', 1, 'promote', 'train', 0, 0, '{"b":2}', 'skipped', 0, NULL, 'train failed'),
  ('r2', 0, 'apply', '', 3, 0, '{"c":3}', 'running', 1, NULL, ''),
  ('r2', 1, 'deliver', 'apply', 3, 0, '{"d":4}', 'queued', 0, 90000000, '');
INSERT INTO attempts VALUES
  ('r1', 'train', 1, 0, 1, 2, 3, 4, 5, 'exited', 'exit 1', 1, 0, 10, 11, 12, 13),
  ('r1', 'train', 2, 0, 6, 7, 8, 9, 10, 'killed', 'signal 9', 0, 9, 20, 21, 22, 23),
  ('r2', 'apply', 1, 1, 7, NULL, NULL, NULL, NULL, '', '', 0, 0, 0, 0, 0, 0);
INSERT INTO events (at, run, task, what, actor, detail) VALUES
  (1, 'r1', '', 'run queued', 'ada', 'manual'), (2, 'r1', '', 'run running', 'busker', ''),
  (3, 'r1', 'train', 'task running', 'busker', ''), (4, 'r1', 'train', 'task failed', 'busker', ''),
  (5, 'r1', 'promote', 'task skipped', 'busker', 'train failed'),
  (6, 'r1', '', 'run failed', 'busker', 'train: exit 1'), (7, '', '', 'live moved', 'ada', 'x'),
  (8, 'r2', '', 'run queued', 'ada', 'manual'), (9, 'r2', '', 'run running', 'busker', ''),
  (10, 'r2', 'apply', 'task running', 'busker', ''),
  (11, 'r2', 'apply', 'attempt 1 started', 'busker', '');
)sql";

class Version1 : public RecordFile {
 protected:
  void MakeOld() {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_.string() + suffix);
    }
    RawFile raw(path_);
    raw.Run("PRAGMA journal_mode = WAL");
    raw.Run(kVersion1);
  }

  static void ExpectAll(Record& record) {
    EXPECT_EQ(FaultsIn(record), std::vector<std::string>{});
    const auto runs = record.ListRuns({}).value();
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(runs[0].facts.id, "r2");
    const RunRow& old = runs[1];
    EXPECT_EQ(old.facts.service, "shop");
    EXPECT_EQ(old.facts.service_version, "1");
    EXPECT_EQ(old.facts.action, "training");
    EXPECT_EQ(old.facts.timestamp, "19700101T120000Z");
    EXPECT_EQ(old.facts.data_date, "1970-01-01");
    EXPECT_EQ(old.facts.scheduled_at, kNoon);
    EXPECT_EQ(old.facts.trigger, "manual");
    EXPECT_EQ(old.facts.requested_by, "ada");
    EXPECT_EQ(old.facts.due, std::nullopt);
    EXPECT_EQ(old.state, kFailed);
    EXPECT_EQ(old.message, "train: exit 1");
    EXPECT_EQ(old.started_at, kNoon + Milliseconds(1));
    EXPECT_EQ(old.ended_at, kNoon + Milliseconds(9));
    ASSERT_EQ(old.tasks.size(), 2U);
    const plan::Task& train = old.tasks[0].task;
    EXPECT_EQ(train.retries, 1);
    EXPECT_EQ(train.attempts_max, 2);
    EXPECT_EQ(train.retry_delay, std::chrono::minutes(1));
    EXPECT_TRUE(train.exponential);
    EXPECT_EQ(train.rule, plan::TriggerRule::kAllSuccess);
    EXPECT_EQ(old.tasks[1].task.after, std::vector<std::string>{"train"});
    ASSERT_EQ(old.tasks[0].attempts.size(), 2U);
    const AttemptRow& attempt = old.tasks[0].attempts[1];
    EXPECT_EQ(attempt.ending, "killed");
    EXPECT_EQ(attempt.signal, 9);
    EXPECT_EQ(attempt.output_bytes, 23U);
    EXPECT_EQ(record.OrderOf("r1", "promote").value().text, "{\"b\":2}");
    EXPECT_EQ(runs[0].facts.model_version, "model");

    const auto unfinished = record.Unfinished().value();
    ASSERT_EQ(unfinished.size(), 1U);
    EXPECT_EQ(unfinished[0].graph, "shop/application");
    EXPECT_TRUE(unfinished[0].prepared);
    EXPECT_TRUE(unfinished[0].cancel_requested);
    EXPECT_TRUE(unfinished[0].tasks[0].attempt_running);
    EXPECT_EQ(unfinished[0].tasks[1].not_before, Instant(Milliseconds(90'000'000)));

    const auto events = record.Events("").value();
    ASSERT_EQ(events.size(), 11U);
    EXPECT_EQ(events[6].number, 7);
    EXPECT_EQ(events[6].actor, "ada");
    EXPECT_EQ(events[6].detail, "x");
    EXPECT_EQ(record.Events("r2").value().size(), 4U);
  }
};

TEST_F(Version1, IsBroughtUpToDateAndReadsBackAsItWas) {
  for (const bool create : {false, true}) {
    MakeOld();
    auto record = OpenSqliteRecord(path_, create);
    ASSERT_TRUE(record) << record.error().message;
    ExpectAll(**record);
    LiveThrough(**record, "r3");
    EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
    record->reset();
    EXPECT_TRUE(OpenSqliteRecord(path_, false).value()->FindRun("r1"));
  }
}

TEST_F(Version1, ThatAnotherUsesIsLeftAsItIs) {
  MakeOld();
  sqlite3* older = nullptr;
  sqlite3_open(path_.c_str(), &older);
  ASSERT_EQ(sqlite3_exec(older, "SELECT count(*) FROM runs", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto opened = OpenSqliteRecord(path_, false);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(sqlite3_exec(older, "SELECT order_json FROM tasks", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(older);
  ExpectAll(**OpenSqliteRecord(path_, false));
}

TEST_F(Version1, IsStillItselfWhenTheDiskFillsMeanwhile) {
  MakeOld();
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    const BreakingDisk disk([n](int number, bool) { return number < n ? SQLITE_OK : SQLITE_FULL; });
    const auto opened = OpenSqliteRecord(path_, false);
    if (opened) break;
    ASSERT_EQ(opened.error().kind, ErrorKind::kTemporary) << opened.error().message;
  }
  ExpectAll(**OpenSqliteRecord(path_, false));
}

TEST_F(Version1, KilledAtAnyWriteIsBroughtUpToDateByTheNext) {
  int kills = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    MakeOld();
    const pid_t child = fork();
    if (child == 0) {
      const BreakingDisk disk([n](int number, bool) {
        if (number == n) kill(getpid(), SIGKILL);
        return SQLITE_OK;
      });
      _exit(OpenSqliteRecord(path_, false) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ExpectAll(**OpenSqliteRecord(path_, false));
    if (HasFatalFailure()) return;
    if (!WIFSIGNALED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
  }
  EXPECT_GT(kills, 10);
}

// The conditions as they were until version 8.
constexpr char kBackToVersion8[] = R"sql(
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'CHECK (
                    state = ''queued'' OR state = ''running'' OR state = ''succeeded'' OR
                    state = ''failed'' OR state = ''cancelled'' OR state = ''skipped'')',
  'CHECK (state IN
                    (''queued'', ''running'', ''succeeded'', ''failed'', ''cancelled'', ''skipped''))'),
  'CHECK (
                    state = ''pending'' OR state = ''delivered'' OR state = ''given-up'')',
  'CHECK (state IN
                    (''pending'', ''delivered'', ''given-up''))')
  WHERE type = 'table';
PRAGMA writable_schema = RESET;
DROP INDEX runs_unsuccessful;
DROP INDEX runs_unsuccessful_by_graph;
CREATE INDEX runs_unsuccessful ON runs (state, number)
  WHERE state IN ('failed', 'cancelled', 'skipped');
CREATE INDEX runs_unsuccessful_by_graph ON runs (graph, state, number)
  WHERE state IN ('failed', 'cancelled', 'skipped');
)sql";

// What takes a record of this version back to an earlier one, from version 2 on.
std::string BackTo(int version) {
  const std::pair<int, const char*> kAdded[] = {
      {10, "DROP INDEX runs_by_data_date; "},
      {9, kBackToVersion8},
      {9,
       "ALTER TABLE tasks DROP COLUMN preemptions_max; ALTER TABLE tasks DROP COLUMN preemptions; "
       "ALTER TABLE attempts DROP COLUMN boot_ms; ALTER TABLE attempts DROP COLUMN pull_ms; "
       "ALTER TABLE attempts DROP COLUMN machine_ms; "},
      {8, "ALTER TABLE attempts DROP COLUMN image; "},
      {7,
       "DROP TABLE lead; DROP INDEX runs_by_model_version; ALTER TABLE runs DROP COLUMN target; "
       "ALTER TABLE tasks DROP COLUMN place; ALTER TABLE tasks DROP COLUMN place_tasks_max; "
       "ALTER TABLE attempts DROP COLUMN result; "},
      {6, "ALTER TABLE orders DROP COLUMN synced; ALTER TABLE orders DROP COLUMN secrets; "},
      {5,
       "ALTER TABLE graphs DROP COLUMN pasts; ALTER TABLE graphs DROP COLUMN ran_until; "
       "ALTER TABLE tasks DROP COLUMN depends_on_past; "},
      {4, "ALTER TABLE attempts DROP COLUMN instance; "},
      {3,
       "DROP INDEX runs_unsuccessful; DROP INDEX runs_unsuccessful_by_graph; "
       "DROP INDEX events_by_people; ALTER TABLE graphs DROP COLUMN trouble; "
       "ALTER TABLE graphs ADD COLUMN failing INTEGER NOT NULL DEFAULT 0; "},
  };
  std::string sql;
  for (const auto& [added_in, back] : kAdded) {
    if (added_in > version) sql += back;
  }
  return sql + "PRAGMA user_version = " + std::to_string(version) + "; ";
}

TEST_F(RecordFile, OfVersion2IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  {
    RawFile raw(path_);
    raw.Run(BackTo(2) +
            "INSERT INTO graphs VALUES ('g', '', 'UTC', 1, 0, '', NULL, 0, NULL, 2, 3, "
            "1), ('h', '', 'UTC', 1, 0, '', NULL, 0, NULL, NULL, NULL, 0)");
  }
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ((*record)->ListRuns({}).value().size(), 1U);
  EXPECT_EQ((*record)->FindGraph("g").value()->trouble, plan::Trouble::kFailed);
  EXPECT_EQ((*record)->FindGraph("g").value()->expected_cursor, Instant(Milliseconds(3)));
  ASSERT_EQ((*record)->GraphsAside().value().size(), 1U);
  EXPECT_EQ((*record)->GraphsAside().value()[0].graph, "g");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
  RawFile raw(path_);
  EXPECT_EQ(raw.Text("PRAGMA user_version"), "10");
  EXPECT_EQ(raw.Text("SELECT count(*) FROM sqlite_schema WHERE name IN ('runs_unsuccessful', "
                     "'runs_unsuccessful_by_graph', 'events_by_people', 'runs_by_data_date')"),
            "4");
}

TEST_F(RecordFile, OfVersion3IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(3));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ((*record)->LauncherOf("r1", "train", 1).value(), "");
  LiveThrough(**record, "r2");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
  EXPECT_EQ(RawFile(path_).Text("PRAGMA user_version"), "10");
}

TEST_F(RecordFile, OfVersion4IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(4));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_FALSE((*record)->LoadRun("r1").value().tasks.front().depends_on_past);
  LiveThrough(**record, "r2");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
}

// What whoever launches an attempt must know of its order stood in the order's text alone.
TEST_F(RecordFile, OfVersion5KnowsOfEachOrderWhatItsTextSaid) {
  {
    const auto record = OpenSqliteRecord(path_, true).value();
    LiveThrough(*record, "r1");
    LiveThrough(*record, "r2");
  }
  RawFile(path_).Run(
      "UPDATE orders SET order_json = '{\"synced\":false}' WHERE run = 'r1'; "
      "UPDATE orders SET order_json = '{\"secrets\":[{\"name\":\"key\"},{\"name\":\"db\"}]}' "
      "WHERE run = 'r2'; " +
      BackTo(5));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  const Order bare = (*record)->OrderOf("r1", "train").value();
  EXPECT_FALSE(bare.synced);
  EXPECT_EQ(bare.secrets, std::vector<std::string>{});
  const Order secret = (*record)->OrderOf("r2", "train").value();
  EXPECT_TRUE(secret.synced);
  EXPECT_EQ(secret.secrets, (std::vector<std::string>{"key", "db"}));
}

TEST_F(RecordFile, OfVersion7IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(7));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ((*record)->FindRun("r1").value().tasks.at(0).attempts.at(0).image, "");
  LiveThrough(**record, "r2");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
}

// How many tables SQLite makes while it carries out the statement, and forgets behind it.
int TablesMadeFor(RawFile& raw, const std::string& statement) {
  int made = 0;
  for (const std::string& operation : raw.Texts("EXPLAIN " + statement, 1)) {
    made += operation == "OpenEphemeral" ? 1 : 0;
  }
  return made;
}

// Each row of a run or a task made SQLite build up to five tables, for the lists of states in the
// conditions of their columns and indices: half of what a turn cost.
TEST_F(RecordFile, MakesNoTableToWriteARow) {
  constexpr const char* kWrites[] = {
      "UPDATE runs SET state = 'running', message = '' WHERE id = 'r1'",
      "UPDATE tasks SET state = 'running' WHERE run = 'r1' AND name = 'train'",
      "UPDATE notices SET state = 'delivered' WHERE key = 'k'",
      "INSERT INTO runs (id, graph, scheduled_at, data_date, trigger, requested_by, requested_at, "
      "priority, force, batch, batch_runs_at_once) VALUES ('r', 'g', 0, '', '', '', 0, 0, 0, '', "
      "1)"};
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  {
    RawFile raw(path_);
    for (const char* write : kWrites) EXPECT_EQ(TablesMadeFor(raw, write), 0) << write;
    raw.Run(BackTo(8));
  }
  {
    RawFile raw(path_);
    EXPECT_EQ(TablesMadeFor(raw, kWrites[0]), 5);
  }
  ASSERT_TRUE(OpenSqliteRecord(path_, false));
  RawFile raw(path_);
  for (const char* write : kWrites) EXPECT_EQ(TablesMadeFor(raw, write), 0) << write;
}

TEST_F(RecordFile, OfVersion8IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(8));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  LiveThrough(**record, "r2");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
  RawFile raw(path_);
  EXPECT_EQ(raw.Text("PRAGMA integrity_check"), "ok");
  EXPECT_FALSE(raw.Try("UPDATE runs SET state = 'odd'"));
  EXPECT_FALSE(raw.Try("UPDATE tasks SET state = 'odd'"));
}

// Runs for a data date were looked for among all of them, 5,000 at a time: what a backfill had
// asked for a million runs ago took a page a second.
TEST_F(RecordFile, OfVersion9FindsTheRunsForADataDateByAnIndex) {
  constexpr const char* kWays[] = {
      "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE true AND data_date = '1970-01-01' "
      "ORDER BY number DESC LIMIT 50",
      "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE true AND data_date = '1970-01-01' "
      "AND state = 'failed' AND number < 9 ORDER BY number DESC LIMIT 50"};
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(9));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  RunFilter filter;
  filter.data_date = "1970-01-01";
  EXPECT_EQ((*record)->ListRuns(filter).value().size(), 1U);
  LiveThrough(**record, "r2");
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
  RawFile raw(path_);
  EXPECT_EQ(raw.Text("PRAGMA user_version"), "10");
  EXPECT_EQ(raw.Text("PRAGMA integrity_check"), "ok");
  for (const char* const way : kWays) {
    const std::vector<std::string> steps = raw.Texts(way, 3);
    ASSERT_EQ(steps.size(), 1U) << "it sorts, or looks at more than the runs";
    EXPECT_NE(steps[0].find("INDEX runs_by_data_date (data_date=?"), std::string::npos) << steps[0];
  }
}

// The chain of events holds a digest of what was decided of a run: that of a run of an earlier
// version, which knows of no target, has to stay what it was.
TEST_F(RecordFile, OfVersion6IsBroughtUpToDate) {
  LiveThrough(**OpenSqliteRecord(path_, true), "r1");
  RawFile(path_).Run(BackTo(6));
  const auto record = OpenSqliteRecord(path_, false);
  ASSERT_TRUE(record) << record.error().message;
  const RunRow run = (*record)->FindRun("r1").value();
  EXPECT_EQ(run.facts.target, "");
  EXPECT_EQ(run.tasks.at(0).task.place, "");
  EXPECT_EQ(run.tasks.at(0).attempts.at(0).result, "");
  EXPECT_EQ((*record)->FindLead().value().epoch, 0);
  EXPECT_TRUE((*record)->TakeLead(kOwnerOfHome, kNoon, std::nullopt));
  EXPECT_EQ(FaultsIn(**record), std::vector<std::string>{});
}

}  // namespace
}  // namespace busker::record

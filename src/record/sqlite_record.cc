#include "record/sqlite_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "record/check.h"
#include "record/event_chain.h"
#include "record/rows.h"
#include "record/sqlite_file.h"
#include "record/sqlite_lead.h"
#include "record/turn_writer.h"

namespace busker::record {
namespace {

constexpr std::size_t kLargeTurn = 1000;  // decisions

// The next that sorts behind: numbers of four digits, and after 9999 four more.
std::string TimestampAfter(std::string timestamp) {
  constexpr std::size_t kStampSize = std::string_view("20190801T000000Z").size();
  constexpr std::size_t kDigits = 4;
  if (timestamp.size() == kStampSize) return timestamp + "-0001";
  for (std::size_t i = timestamp.size(); i-- > timestamp.size() - kDigits;) {
    if (timestamp[i] != '9') {
      ++timestamp[i];
      return timestamp;
    }
    timestamp[i] = '0';
  }
  return timestamp.replace(timestamp.size() - kDigits, kDigits, "99990001");
}

class SqliteRecord final : public Record {
 public:
  explicit SqliteRecord(Database database) : database_(std::move(database)) {}

  Result<std::string> FreeTimestamp(const std::string& service, const std::string& service_version,
                                    const std::string& action, const std::string& last,
                                    Instant now) override {
    const std::string graph = plan::GraphKey(service, action).Text();
    TRY_ASSIGN(Statement row,
               database_.Prepare("SELECT max(timestamp) FROM runs WHERE graph = ? AND "
                                 "service_version = ? AND timestamp IS NOT NULL"));
    TRY(row.Bind(graph).Bind(service_version).Step());
    const std::string stamp = FormatStamp(now);
    const std::string newest = std::max(row.Text(0), last);
    return newest < stamp ? stamp : TimestampAfter(newest);
  }

  Result<void> Append(const Turn& turn) override {
    if (turn.decisions.empty() && turn.ended.empty() && turn.notices.empty() &&
        turn.outcomes.empty()) {
      return {};
    }
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(database_));
    TRY(CheckEpoch(database_, turn.epoch));
    TRY(TurnWriter(database_, turn).WriteAll());
    TRY(transaction.Commit());
    // What thousands of runs have touched is not what the next turn wants.
    if (turn.decisions.size() >= kLargeTurn) database_.ReleaseMemory();
    return {};
  }

  Result<Lead> FindLead() override { return ReadLead(database_); }
  Result<Epoch> TakeLead(const std::string& holder, Instant now,
                         std::optional<Milliseconds> lease) override {
    return record::TakeLead(database_, holder, now, lease);
  }
  Result<void> KeepLead(Epoch epoch, Instant now, std::optional<Milliseconds> lease) override {
    return record::KeepLead(database_, epoch, now, lease);
  }
  Result<void> GiveUpLead(Epoch epoch) override { return record::GiveUpLead(database_, epoch); }

  Result<std::vector<plan::RunAhead>> RunsAhead(Instant now) override {
    TRY_ASSIGN(Statement rows, database_.Prepare("SELECT graph, due FROM runs WHERE due > ?"));
    rows.Bind(now);
    std::vector<plan::RunAhead> ahead;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return ahead;
      ahead.push_back({GraphAt(rows, 0), rows.Time(1)});
    }
  }

  Result<std::vector<plan::DagRun>> Unfinished() override {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format("SELECT {} FROM runs WHERE state IN ('queued', "
                                             "'running') ORDER BY number",
                                             kRunColumns)));
    std::vector<plan::DagRun> runs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return runs;
      TRY_ASSIGN(plan::DagRun run, ReadDagRun(rows));
      TRY(AddTasks(run));
      runs.push_back(std::move(run));
    }
  }

  Result<std::vector<plan::GraphMemory>> Graphs() override {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format("SELECT {} FROM graphs ORDER BY key", kGraphColumns)));
    std::vector<plan::GraphMemory> graphs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) break;
      TRY_ASSIGN(plan::GraphMemory graph, ReadGraph(rows));
      graphs.push_back(std::move(graph));
    }
    if (graphs.size() >= kLargeTurn) database_.ReleaseMemory();  // read once, at the start
    return graphs;
  }

  Result<std::optional<plan::GraphMemory>> FindGraph(const plan::GraphKey& key) override {
    TRY_ASSIGN(Statement row, database_.Prepare(fmt::format("SELECT {} FROM graphs WHERE key = ?",
                                                            kGraphColumns)));
    const std::string text = key.Text();
    TRY_ASSIGN(const bool found, row.Bind(text).Step());
    if (!found) return std::optional<plan::GraphMemory>();
    TRY_ASSIGN(plan::GraphMemory graph, ReadGraph(row));
    return std::optional(std::move(graph));
  }

  Result<std::vector<Standing>> GraphsAside() override {
    TRY_ASSIGN(Statement rows,
               database_.Prepare("SELECT key, paused, trouble FROM graphs WHERE trouble <> '' OR "
                                 "paused ORDER BY key"));
    std::vector<Standing> graphs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return graphs;
      const auto trouble = plan::ParseTrouble(rows.View(2));
      if (!trouble) return Unusable(rows.Text(0) + " has the unknown trouble " + rows.Text(2));
      graphs.push_back({GraphAt(rows, 0), rows.Flag(1), *trouble});
    }
  }

  Result<plan::DagRun> LoadRun(const std::string& id) override {
    TRY_ASSIGN(Statement row,
               database_.Prepare(fmt::format("SELECT {} FROM runs WHERE id = ?", kRunColumns)));
    TRY_ASSIGN(const bool found, row.Bind(id).Step());
    if (!found) return tl::unexpected(NoRun(id));
    TRY_ASSIGN(plan::DagRun run, ReadDagRun(row));
    TRY(AddTasks(run));
    return run;
  }

  // Earlier versions had it in two columns.
  Result<std::string> LauncherOf(const std::string& run, const std::string& task,
                                 int number) override {
    TRY_ASSIGN(
        Statement row,
        database_.Prepare("SELECT rtrim(instance || ' ' || boot) FROM attempts WHERE run = ? "
                          "AND task = ? AND number = ?"));
    TRY_ASSIGN(const bool found, row.Bind(run).Bind(task).Bind(number).Step());
    if (!found) return NotFound("run " + run + " has no such attempt of " + task);
    return row.Text(0);
  }

  Result<Order> OrderOf(const std::string& run, const std::string& task) override {
    TRY_ASSIGN(Statement row,
               database_.Prepare("SELECT order_json, synced, secrets FROM orders WHERE run = ? AND "
                                 "task = ?"));
    TRY_ASSIGN(const bool found, row.Bind(run).Bind(task).Step());
    if (!found) return NotFound("run " + run + " has no task " + task);
    Order order{row.Text(0), row.Integer(1) != 0, {}};
    for (std::string& name : Split(row.Text(2), ' ')) {
      if (!name.empty()) order.secrets.push_back(std::move(name));
    }
    return order;
  }

  Result<std::optional<std::string>> FindRequest(const std::string& request_key) override {
    if (request_key.empty()) return std::optional<std::string>();
    TRY_ASSIGN(Statement row, database_.Prepare("SELECT id FROM runs WHERE request_key = ?"));
    TRY_ASSIGN(const bool found, row.Bind(request_key).Step());
    return found ? std::optional(row.Text(0)) : std::nullopt;
  }

  Result<std::vector<DueRun>> DueRuns(const plan::GraphKey& graph, Instant from,
                                      Instant to) override {
    TRY_ASSIGN(Statement rows,
               database_.Prepare("SELECT due, id, state, ended_at FROM runs WHERE graph = ?1 AND "
                                 "due BETWEEN ?2 AND ?3 ORDER BY due"));
    const std::string text = graph.Text();
    rows.Bind(text).Bind(from).Bind(to);
    std::vector<DueRun> runs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return runs;
      const auto state = plan::ParseState(rows.View(2));
      if (!state) return Unusable("run " + rows.Text(1) + " has the unknown state " + rows.Text(2));
      const auto ended_at = rows.IsNull(3) ? std::nullopt : std::optional(rows.Time(3));
      runs.push_back({rows.Time(0), rows.Text(1), *state, ended_at});
    }
  }

  Result<std::vector<NoticeRow>> PendingNotices() override {
    TRY_ASSIGN(
        Statement rows,
        database_.Prepare(fmt::format(
            "SELECT {} FROM notices WHERE state = 'pending' ORDER BY at, key", kNoticeColumns)));
    std::vector<NoticeRow> notices;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return notices;
      notices.push_back(ReadNotice(rows));
    }
  }

  // An action of a service is looked up by its graph; either alone is looked for, newest first.
  Result<std::vector<RunRow>> ListRuns(const RunFilter& filter) override {
    std::string graph;
    if (filter.service && !filter.action.empty()) {
      graph = plan::GraphKey(*filter.service, filter.action).Text();
    }
    std::string sql = fmt::format("SELECT {} FROM runs WHERE true", kRunColumns);
    if (!graph.empty()) {
      sql += " AND graph = ?";
    } else {
      if (!filter.action.empty()) sql += " AND substr(graph, instr(graph, '/') + 1) = ?";
      if (filter.service) sql += " AND substr(graph, 1, max(instr(graph, '/') - 1, 0)) = ?";
    }
    if (!filter.within.empty()) sql += " AND (" + Within(filter.within.size()) + ")";
    if (!filter.batch.empty()) sql += " AND batch = ?";
    if (!filter.model_version.empty()) sql += " AND model_version = ? AND model_version <> ''";
    if (!filter.data_date.empty()) sql += " AND data_date = ?";
    if (filter.state) sql += ConditionOn(*filter.state);
    if (!filter.trigger.empty()) sql += " AND substr(trigger, 1, length(?)) = ?";
    if (!filter.id_part.empty()) sql += " AND instr(id, ?) > 0";
    if (filter.before) sql += " AND number < ?";
    if (filter.behind) sql += " AND number > ?";
    sql += filter.oldest_first ? " ORDER BY number LIMIT ?" : " ORDER BY number DESC LIMIT ?";
    TRY_ASSIGN(Statement rows, database_.Prepare(sql));
    if (!graph.empty()) {
      rows.Bind(graph);
    } else {
      if (!filter.action.empty()) rows.Bind(filter.action);
      if (filter.service) rows.Bind(*filter.service);
    }
    std::vector<std::string> bounds;  // of the keys that begin with "service/": "0" is behind "/"
    bounds.reserve(2 * filter.within.size());
    for (const std::string& one : filter.within) {
      const std::string& low = bounds.emplace_back(one + "/");
      const std::string& high = bounds.emplace_back(one + "0");
      rows.Bind(one).Bind(low).Bind(high);
    }
    if (!filter.batch.empty()) rows.Bind(filter.batch);
    if (!filter.model_version.empty()) rows.Bind(filter.model_version);
    if (!filter.data_date.empty()) rows.Bind(filter.data_date);
    if (!filter.trigger.empty()) rows.Bind(filter.trigger).Bind(filter.trigger);
    if (!filter.id_part.empty()) rows.Bind(filter.id_part);
    if (filter.before) rows.Bind(*filter.before);
    if (filter.behind) rows.Bind(*filter.behind);
    rows.Bind(filter.count_max);
    std::vector<RunRow> runs;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return runs;
      TRY_ASSIGN(RunRow run, ReadRun(rows));
      if (filter.with_tasks) {
        TRY_ASSIGN(run.tasks, TasksOf(run.facts.id));
      }
      runs.push_back(std::move(run));
    }
  }

  Result<RunRow> FindRun(const std::string& id) override {
    TRY_ASSIGN(Statement row,
               database_.Prepare(fmt::format("SELECT {} FROM runs WHERE id = ?", kRunColumns)));
    TRY_ASSIGN(const bool found, row.Bind(id).Step());
    if (!found) return tl::unexpected(NoRun(id));
    TRY_ASSIGN(RunRow run, ReadRun(row));
    TRY_ASSIGN(run.tasks, TasksOf(id));
    return run;
  }

  Result<RunRow> NewestRun(const plan::GraphKey& graph) override {
    TRY_ASSIGN(
        Statement row,
        database_.Prepare(fmt::format(
            "SELECT {} FROM runs WHERE graph = ? ORDER BY number DESC LIMIT 1", kRunColumns)));
    const std::string text = graph.Text();
    TRY_ASSIGN(const bool found, row.Bind(text).Step());
    if (!found) return NotFound("no run of " + text);
    TRY_ASSIGN(RunRow run, ReadRun(row));
    TRY_ASSIGN(run.tasks, TasksOf(run.facts.id));
    return run;
  }

  Result<std::vector<EventRow>> Events(const std::string& run) override {
    constexpr char kAll[] =
        "SELECT number, at, run, task, what, actor, detail, '' FROM events ORDER BY number";
    constexpr char kOfRun[] =
        "SELECT number, at, run, task, what, actor, detail, '' FROM events WHERE run = ? AND run "
        "<> '' "
        "ORDER BY number";
    TRY_ASSIGN(Statement rows, database_.Prepare(run.empty() ? kAll : kOfRun));
    if (!run.empty()) rows.Bind(run);
    return ReadEvents(rows);
  }

  Result<std::vector<EventRow>> ListEvents(const EventFilter& filter) override {
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format(
                   "SELECT e.number, at, run, task, what, actor, detail, coalesce(graph, '') FROM "
                   "events e LEFT JOIN runs ON runs.id = e.run AND e.run <> '' WHERE e.number < ? "
                   "{} ORDER BY e.number DESC LIMIT ?",
                   filter.by_people ? "AND e.actor <> 'busker'" : "")));
    rows.Bind(filter.before.value_or(INT64_MAX)).Bind(filter.count_max);
    return ReadEvents(rows);
  }

  Result<void> AddEvent(const EventRow& event) override {
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(database_));
    EventWriter events(database_);
    TRY(events.Add({0, event.at.time_since_epoch().count(), event.run, event.task, event.what,
                    event.actor, event.detail}));
    TRY(events.Finish());
    return transaction.Commit();
  }

  Result<CheckedEvents> CheckEvents() override {
    TRY_ASSIGN(const Snapshot snapshot, Snapshot::Take(database_));
    CheckedEvents checked;
    TRY_ASSIGN(checked.breaks,
               VerifyEvents(database_, [&](const EventFields&) { ++checked.events; }));
    return checked;
  }

  Result<std::vector<std::string>> Check() override {
    TRY_ASSIGN(const Snapshot snapshot, Snapshot::Take(database_));
    return CheckRecord(database_);
  }

 private:
  // Each is a graph, or the service of one.
  static std::string Within(std::size_t count) {
    std::string sql;
    for (std::size_t i = 0; i < count; ++i) {
      sql += i == 0 ? "" : " OR ";
      sql += "graph = ? OR (graph > ? AND graph < ?)";
    }
    return sql;
  }

  // In the words of the partial indices, or they are not used; the names are a fixed list.
  static std::string ConditionOn(plan::State state) {
    return fmt::format(" AND state = '{}'{}", NameOf(state),
                       IsFinal(state) ? "" : " AND state IN ('queued', 'running')");
  }

  static Result<std::vector<EventRow>> ReadEvents(Statement& rows) {
    std::vector<EventRow> events;
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return events;
      events.push_back({rows.Integer(0), rows.Time(1), rows.Text(2), rows.Text(3), rows.Text(4),
                        rows.Text(5), rows.Text(6), rows.Text(7)});
    }
  }

  Result<void> AddTasks(plan::DagRun& run) {
    if (!run.prepared) return {};
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format(
                   "SELECT {}, EXISTS (SELECT 1 FROM attempts a WHERE a.run = tasks.run AND "
                   "a.task = tasks.name AND a.number = tasks.attempts AND a.running = 1) "
                   "FROM tasks WHERE run = ? ORDER BY position",
                   kTaskColumns)));
    rows.Bind(run.id);
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) return {};
      TRY_ASSIGN(plan::Task task, ReadTask(rows));
      task.attempt_running = rows.Flag(23);
      run.tasks.push_back(std::move(task));
    }
  }

  // In two statements, however many tasks there are.
  Result<std::vector<TaskRow>> TasksOf(const std::string& run) {
    std::vector<TaskRow> tasks;
    std::unordered_map<std::string, std::size_t> by_name;
    TRY_ASSIGN(Statement rows,
               database_.Prepare(fmt::format("SELECT {} FROM tasks WHERE run = ? ORDER BY position",
                                             kTaskColumns)));
    rows.Bind(run);
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) break;
      TaskRow row;
      TRY_ASSIGN(row.task, ReadTask(rows));
      by_name.emplace(row.task.name, tasks.size());
      tasks.push_back(std::move(row));
    }
    TRY_ASSIGN(
        Statement attempts,
        database_.Prepare(fmt::format("SELECT {} FROM attempts WHERE run = ? ORDER BY task, number",
                                      kAttemptColumns)));
    attempts.Bind(run);
    for (;;) {
      TRY_ASSIGN(const bool more, attempts.Step());
      if (!more) return tasks;
      AttemptRow attempt = ReadAttempt(attempts);
      const auto found = by_name.find(attempt.task);
      if (found == by_name.end()) continue;  // fsck tells
      TaskRow& row = tasks[found->second];
      row.task.attempt_running |= attempt.running;
      row.attempts.push_back(std::move(attempt));
    }
  }

  Database database_;
};

}  // namespace

Result<std::unique_ptr<Record>> OpenSqliteRecord(const std::string& path, bool create, bool stays) {
  TRY_ASSIGN(Database database, OpenRecordFile(path, create, stays));
  return std::make_unique<SqliteRecord>(std::move(database));
}

}  // namespace busker::record

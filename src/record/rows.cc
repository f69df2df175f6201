#include "record/rows.h"

#include <fmt/core.h>

#include <charconv>

#include "base/text.h"

namespace busker::record {
namespace {

Result<plan::State> ReadState(const Statement& row, int column, std::string_view of) {
  const auto state = plan::ParseState(row.View(column));
  if (state) return *state;
  return Unusable(std::string(of) + " has the unknown state " + row.Text(column));
}

}  // namespace

plan::GraphKey GraphAt(const Statement& row, int column) {
  return plan::GraphKey::Parse(row.View(column));
}

const char kRunColumns[] =
    "runs.id, graph, due, scheduled_at, data_date, trigger, requested_by, coalesce(request_key, "
    "''), requested_at, batch, service_version, coalesce(timestamp, ''), model_version, "
    "definition, runs.state, runs.message, started_at, ended_at, runs.priority, force, "
    "batch_runs_at_once, prepared, timeout_ms, deadline, cancel_requested, runs.number, target";

Result<RunRow> ReadRun(const Statement& row) {
  RunRow run;
  RunFacts& facts = run.facts;
  facts.id = row.Text(0);
  plan::GraphKey graph = GraphAt(row, 1);
  facts.service = std::move(graph.service);
  facts.action = std::move(graph.name);
  facts.due = row.MaybeTime(2);
  facts.scheduled_at = row.Time(3);
  facts.data_date = row.Text(4);
  facts.trigger = row.Text(5);
  facts.requested_by = row.Text(6);
  facts.request_key = row.Text(7);
  facts.requested_at = row.Time(8);
  facts.batch = row.Text(9);
  facts.service_version = row.Text(10);
  facts.timestamp = row.Text(11);
  facts.model_version = row.Text(12);
  facts.definition = row.Text(13);
  TRY_ASSIGN(run.state, ReadState(row, 14, "run " + facts.id));
  run.message = row.Text(15);
  run.started_at = row.MaybeTime(16);
  run.ended_at = row.MaybeTime(17);
  run.number = row.Integer(25);
  facts.target = row.Text(26);
  return run;
}

Result<plan::DagRun> ReadDagRun(const Statement& row) {
  plan::DagRun run;
  run.id = row.Text(0);
  run.graph = GraphAt(row, 1);
  run.due = row.MaybeTime(2);
  run.scheduled_at = row.Time(3);
  run.data_date = row.Text(4);
  run.trigger = row.Text(5);
  run.requested_by = row.Text(6);
  run.request_key = row.Text(7);
  run.requested_at = row.Time(8);
  run.batch = row.Text(9);
  TRY_ASSIGN(run.state, ReadState(row, 14, "run " + run.id));
  run.message = row.Text(15);
  run.priority = row.Int(18);
  run.force = row.Flag(19);
  run.batch_runs_at_once = row.Int(20);
  run.prepared = row.Flag(21);
  if (!row.IsNull(22)) run.timeout = Milliseconds(row.Integer(22));
  run.deadline = row.MaybeTime(23);
  run.cancel_requested = row.Flag(24);
  run.target = row.Text(26);
  return run;
}

const char kTaskColumns[] =
    "tasks.name, waits_for, rule, retries, retry_delay_ms, exponential, retry_delay_max_ms, pool, "
    "pool_slots, tasks.priority, cpus_milli, memory_bytes, attempts_max, tasks.state, attempts, "
    "waived, not_before, tasks.message, depends_on_past, place, place_tasks_max, "
    "preemptions_max, preemptions";

Result<plan::Task> ReadTask(const Statement& row) {
  plan::Task task;
  task.name = row.Text(0);
  if (const std::string_view names = row.View(1); !names.empty()) task.after = Split(names, ' ');
  const auto rule = plan::ParseTriggerRule(row.View(2));
  if (!rule) return Unusable("task " + task.name + " has the unknown trigger rule " + row.Text(2));
  task.rule = *rule;
  task.retries = row.Int(3);
  task.retry_delay = Milliseconds(row.Integer(4));
  task.exponential = row.Flag(5);
  task.retry_delay_max = Milliseconds(row.Integer(6));
  task.pool = row.Text(7);
  task.pool_slots = row.Int(8);
  task.priority = row.Int(9);
  task.cpus_milli = row.Int(10);
  task.memory_bytes = static_cast<std::uint64_t>(row.Integer(11));
  task.attempts_max = row.Int(12);
  TRY_ASSIGN(task.state, ReadState(row, 13, "task " + task.name));
  task.attempts = row.Int(14);
  task.waived = row.Flag(15);
  task.not_before = row.MaybeTime(16);
  task.message = row.Text(17);
  task.depends_on_past = row.Flag(18);
  task.place = row.Text(19);
  task.place_tasks_max = row.Int(20);
  task.preemptions_max = row.Int(21);
  task.preemptions = row.Int(22);
  return task;
}

const char kAttemptColumns[] =
    "run, task, number, running, launched_at, started_at, command_started_at, command_ended_at, "
    "ended_at, ending, message, exit_code, signal, cpu_ms, memory_peak_bytes, output_files, "
    "output_bytes, result, image, boot_ms, pull_ms, machine_ms";

AttemptRow ReadAttempt(const Statement& row) {
  AttemptRow attempt;
  attempt.run = row.Text(0);
  attempt.task = row.Text(1);
  attempt.number = row.Int(2);
  attempt.running = row.Flag(3);
  attempt.launched_at = row.Time(4);
  attempt.started_at = row.MaybeTime(5);
  attempt.command_started_at = row.MaybeTime(6);
  attempt.command_ended_at = row.MaybeTime(7);
  attempt.ended_at = row.MaybeTime(8);
  attempt.ending = row.Text(9);
  attempt.message = row.Text(10);
  attempt.exit_code = row.Int(11);
  attempt.signal = row.Int(12);
  attempt.cpu = Milliseconds(row.Integer(13));
  attempt.memory_peak_bytes = static_cast<std::uint64_t>(row.Integer(14));
  attempt.output_files = static_cast<std::uint64_t>(row.Integer(15));
  attempt.output_bytes = static_cast<std::uint64_t>(row.Integer(16));
  attempt.result = row.Text(17);
  attempt.image = row.Text(18);
  attempt.boot = Milliseconds(row.Integer(19));
  attempt.pull = Milliseconds(row.Integer(20));
  attempt.machine = Milliseconds(row.Integer(21));
  return attempt;
}

const char kGraphColumns[] =
    "key, schedule_text, zone, cursor, paused, paused_by, last_due, last_succeeded, last_success, "
    "last_after, expected_cursor, trouble, pasts, ran_until";

Result<plan::GraphMemory> ReadGraph(const Statement& row) {
  plan::GraphMemory graph;
  graph.key = GraphAt(row, 0);
  graph.schedule_text = row.Text(1);
  graph.zone = row.Text(2);
  graph.cursor = row.MaybeTime(3);
  graph.paused = row.Flag(4);
  graph.paused_by = row.Text(5);
  graph.last_due = row.MaybeTime(6);
  graph.last_succeeded = row.Flag(7);
  graph.last_success = row.MaybeTime(8);
  graph.last_after = row.MaybeTime(9);
  graph.expected_cursor = row.MaybeTime(10);
  const auto trouble = plan::ParseTrouble(row.View(11));
  if (!trouble) {
    return Unusable("graph " + graph.key.Text() + " has the unknown trouble " + row.Text(11));
  }
  graph.trouble = *trouble;
  graph.ran_until = row.MaybeTime(13);
  if (const std::string_view lines = row.View(12); !lines.empty()) {
    for (const std::string& line : Split(lines, '\n')) {
      const auto words = Split(line, ' ');
      std::int64_t due = 0;
      if (words.size() != 4 ||
          std::from_chars(words[1].data(), words[1].data() + words[1].size(), due).ec !=
              std::errc()) {
        return Unusable("graph " + graph.key.Text() + " has the past \"" + line +
                        "\", which says nothing");
      }
      graph.pasts[words[0]] = {Instant(Milliseconds(due)), words[2] == "1", words[3]};
    }
  }
  return graph;
}

std::string TextOf(const std::map<std::string, plan::TaskPast>& pasts) {
  std::vector<std::string> lines;
  for (const auto& [task, past] : pasts) {
    lines.push_back(fmt::format("{} {} {} {}", task, past.due.time_since_epoch().count(),
                                past.good ? 1 : 0, past.run));
  }
  return Join(lines, "\n");
}

const char kNoticeColumns[] =
    "key, at, kind, service, action, run, data_date, message, hint, channel, tries, next_try";

NoticeRow ReadNotice(const Statement& row) {
  NoticeRow notice;
  notice.key = row.Text(0);
  notice.at = row.Time(1);
  notice.kind = row.Text(2);
  notice.service = row.Text(3);
  notice.action = row.Text(4);
  notice.run = row.Text(5);
  notice.data_date = row.Text(6);
  notice.message = row.Text(7);
  notice.hint = row.Text(8);
  notice.channel = row.Text(9);
  notice.tries = row.Int(10);
  notice.next_try = row.Time(11);
  return notice;
}

}  // namespace busker::record

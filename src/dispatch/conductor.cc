#include "dispatch/conductor.h"

#include <algorithm>

#include "base/check.h"

namespace busker::dispatch {
namespace {

record::AttemptRow RowOf(const execute::AttemptName& name, const runner::ExitRecord& exit) {
  const auto known = [](Instant instant) -> std::optional<Instant> {
    if (instant == Instant{}) return std::nullopt;
    return instant;
  };
  record::AttemptRow row;
  row.run = name.run;
  row.task = name.task;
  row.number = name.number;
  row.started_at = known(exit.started_at);
  row.command_started_at = known(exit.command_started_at);
  row.command_ended_at = known(exit.command_ended_at);
  row.ended_at = exit.ended_at;
  row.ending = runner::NameOf(exit.ending);
  row.message = exit.message;
  row.exit_code = exit.exit_code;
  row.signal = exit.signal;
  row.cpu = exit.cpu_user + exit.cpu_system;
  row.memory_peak_bytes = exit.memory_peak_bytes;
  row.output_files = exit.output_files;
  row.output_bytes = exit.output_bytes;
  return row;
}

// The exit record of an attempt that could not be started at all.
runner::ExitRecord NotStarted(std::string message) {
  runner::ExitRecord exit;
  exit.ending = runner::Ending::kNotStarted;
  exit.message = std::move(message);
  exit.started_at = exit.ended_at = Now();
  return exit;
}

}  // namespace

Result<std::unique_ptr<Conductor>> Conductor::Start(record::Record& record, io::fs::path runner,
                                                    io::fs::path runs_folder, Observer observer) {
  std::unique_ptr<Conductor> conductor(new Conductor(record, std::move(observer)));
  TRY_ASSIGN(conductor->executor_, execute::ProcessExecutor::Start(
                                       std::move(runner), std::move(runs_folder),
                                       [raw = conductor.get()](const execute::AttemptName& name,
                                                               Result<runner::ExitRecord> exit) {
                                         raw->TakeEnd(name, std::move(exit));
                                       }));
  return conductor;
}

Result<std::vector<std::string>> Conductor::Recover() {
  TRY_ASSIGN(runs_, record_.Unfinished());
  std::vector<std::string> ids;
  for (const auto& [id, run] : runs_) {
    ids.push_back(id);
    for (const plan::Task& task : run.tasks) {
      if (!task.attempt_running) continue;
      const execute::AttemptName name{id, task.name, task.attempts};
      if (run.cancel_requested) TRY(executor_->Stop(name));
      auto order = OrderOf(name);
      auto recovered =
          order ? executor_->Recover(name, *order) : Result<void>(tl::unexpected(order.error()));
      if (!recovered) TakeEnd(name, NotStarted(recovered.error().message));
    }
  }
  return ids;
}

Result<void> Conductor::Add(const record::RunFacts& facts,
                            const std::vector<record::TaskFacts>& tasks) {
  TRY(record_.AddRun(facts, tasks));
  plan::DagRun run;
  run.id = facts.id;
  for (const record::TaskFacts& task : tasks) run.tasks.push_back(task.task);
  mailbox_.Post({plan::RunRequested{std::move(run)}, {}});
  return {};
}

void Conductor::Cancel(const std::string& run, const std::string& by) {
  mailbox_.Post({plan::CancelRequested{run, by}, {}});
}

Result<bool> Conductor::RunToEnd(std::optional<Instant> until) {
  std::optional<Instant> wake_at = Now();
  do {
    const std::vector<Happened> happened = mailbox_.TakeAll(wake_at);
    std::vector<plan::Event> events;
    std::vector<record::AttemptRow> ended;
    for (const Happened& one : happened) {
      events.push_back(one.event);
      if (one.ended) ended.push_back(*one.ended);
    }
    const Instant now = Now();
    const plan::Advanced advanced = plan::Advance(runs_, events, now);
    TRY(record_.Append(advanced.decisions, ended, now));
    for (const plan::Decision& decision : advanced.decisions) CarryOut(decision);
    if (until && now >= *until && !runs_.empty()) return false;
    wake_at = advanced.wake_at;
    if (until) wake_at = std::min(wake_at.value_or(*until), *until);
  } while (!runs_.empty());
  return true;
}

void Conductor::TakeEnd(const execute::AttemptName& name, Result<runner::ExitRecord> exit) {
  const runner::ExitRecord record = exit ? *exit : NotStarted(exit.error().message);
  mailbox_.Post({plan::AttemptEnded{name.run, name.task, name.number,
                                    record.ending == runner::Ending::kSucceeded,
                                    record.ending == runner::Ending::kCancelled, record.message},
                 RowOf(name, record)});
}

void Conductor::CarryOut(const plan::Decision& decision) {
  observer_(decision);
  if (const auto* start = std::get_if<plan::StartAttempt>(&decision)) {
    const execute::AttemptName name{start->run, start->task, start->number};
    if (auto launched = Launch(name); !launched) {
      TakeEnd(name, NotStarted(launched.error().message));
    }
  } else if (const auto* stop = std::get_if<plan::StopAttempt>(&decision)) {
    const execute::AttemptName name{stop->run, stop->task, stop->number};
    const auto stopped = executor_->Stop(name);
    CHECK(stopped.has_value(), "a process of ours can be signalled");
  }
}

Result<void> Conductor::Launch(const execute::AttemptName& name) {
  TRY_ASSIGN(runner::AttemptOrder order, OrderOf(name));
  return executor_->Launch(name, order);
}

// The order as it was when the run was added, with what depends on the attempt.
Result<runner::AttemptOrder> Conductor::OrderOf(const execute::AttemptName& name) {
  TRY_ASSIGN(const std::string json, record_.OrderOf(name.run, name.task));
  TRY_ASSIGN(runner::AttemptOrder order, runner::OrderFromJson(json));
  order.number = name.number;
  order.mark = execute::MarkOf(name);
  order.environment.push_back(order.mark);
  return order;
}

}  // namespace busker::dispatch

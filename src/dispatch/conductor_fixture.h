// A home with a record, and conductors that come and go: for tests only.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "attempt/order.h"
#include "dispatch/conductor.h"
#include "execute/process_executor.h"
#include "home/home.h"
#include "home/instance.h"
#include "io/test_folder.h"
#include "record/open.h"

namespace busker::dispatch {

namespace fs = io::fs;
using Until = Conductor::Until;
using Events = std::vector<plan::Event>;

// Tests in other processes must not take our processes for theirs: their mark has this name.
inline const std::string kRun = "r" + std::to_string(getpid());

// A home in a temporary folder, a record in it, and conductors that come and go. A run of graph "g"
// has one task for each of its scripts, each waiting for the one before.
class ConductorTest : public testing::Test {
 protected:
  ConductorTest() {
    home_ = home::MakeHome(folder_ / ".busker").value();
    record_ = std::move(record::OpenRecord(home_.RecordUrl(), {true, false}).value());
  }

  Deeds MakeDeeds() {
    Deeds deeds;
    deeds.prepare = [this](const plan::DagRun& run) -> Result<Prepared> {
      const std::lock_guard lock(mutex_);
      const auto scripts = scripts_.find(run.id);
      if (passing_failures_ > 0 && passing_failures_-- > 0) return Temporary("the store is busy");
      if (scripts == scripts_.end()) return NotFound("nobody knows how");
      Prepared prepared;
      prepared.event.run = prepared.row.run = run.id;
      for (const std::string& script : scripts->second) {
        attempt::Order order;
        order.run = run.id;
        order.task = "t" + std::to_string(prepared.event.tasks.size() + 1);
        order.command = {"/bin/sh", "-c", script};
        order.environment = {"PATH=/usr/bin:/bin"};
        order.grace = Milliseconds(500);
        order.synced = synced_;
        plan::Task task;
        task.name = order.task;
        task.retries = retries_;
        if (!prepared.event.tasks.empty()) task.after = {prepared.event.tasks.back().name};
        prepared.event.tasks.push_back(task);
        prepared.row.orders.push_back({attempt::OrderToJson(order), order.synced});
      }
      return prepared;
    };
    deeds.observe = [this](const plan::Decision& decision) { decisions_.push_back(decision); };
    return deeds;
  }

  execute::OpenExecutor Processes(const std::string& runner = BUSKER_RUNNER_PATH) const {
    return [=, this](
               const std::string&,
               execute::Executor::OnEnded on_ended) -> Result<std::unique_ptr<execute::Executor>> {
      return execute::ProcessExecutor::Start(runner, home_.RunsFolder(), std::move(on_ended));
    };
  }

  std::unique_ptr<Conductor> NewConductor(const std::string& runner = BUSKER_RUNNER_PATH) {
    plan::Capacity capacity;
    return Conductor::Start(*record_, Processes(runner), home_.RunsFolder(), capacity, MakeDeeds(),
                            instance_)
        .value();
  }

  plan::DagRun Requested(const std::string& id) {
    plan::DagRun run;
    run.id = id;
    run.graph = "g";
    run.trigger = "manual";
    run.scheduled_at = run.requested_at = Now();
    return run;
  }

  // From now on the run has these tasks.
  void Prepares(const std::string& id, const std::vector<std::string>& scripts) {
    const std::lock_guard lock(mutex_);
    scripts_[id] = scripts;
  }

  // Asks for a run; what became of that.
  std::future<Result<void>> Add(Conductor& conductor, const std::string& id,
                                const std::vector<std::string>& scripts) {
    Prepares(id, scripts);
    return Ask(conductor, Events{plan::RunRequested{Requested(id)}});
  }

  static std::future<Result<void>> Ask(Conductor& conductor, Result<Events> decided) {
    auto answered = std::make_shared<std::promise<Result<void>>>();
    auto answer = answered->get_future();
    conductor.Ask(
        {[decided = std::move(decided)](const View&) { return decided; },
         [answered](Result<void> result, const View&) { answered->set_value(std::move(result)); }});
    return answer;
  }

  static Result<void> Get(std::future<Result<void>>& answer) {
    if (answer.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      return TimedOut("nobody answered");
    }
    return answer.get();
  }

  record::RunRow Find(const std::string& id) { return record_->FindRun(id).value(); }

  void WaitFor(const fs::path& path) {
    for (int i = 0; i < 3000 && !fs::exists(path); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(fs::exists(path)) << path << " never came";
  }

  std::string Read(const fs::path& path) { return io::ReadFile(path).value_or(""); }

  // Puts a run with one task on record, up to the decision to start its first attempt, under the
  // kernel's `boot`.
  void DecideToStart(const std::string& script, const std::string& boot = {}) {
    Prepares(kRun, {script});
    const Prepared prepared = MakeDeeds().prepare(Requested(kRun)).value();
    using enum plan::State;
    const std::vector<plan::Decision> decided = {
        plan::RunQueued{Requested(kRun)}, plan::TasksPlanned{kRun, prepared.event.tasks, {}},
        plan::RunChanged{kRun, kQueued, kRunning, ""},
        plan::TaskChanged{kRun, "t1", kQueued, kRunning, ""}, plan::StartAttempt{kRun, "t1", 1}};
    record::Turn turn;
    turn.now = Now();
    turn.decisions = decided;
    turn.prepared = std::span(&prepared.row, 1);
    turn.launcher = home::ToText({instance_.id, boot});
    ASSERT_TRUE(record_->Append(turn));
  }

  io::TestFolder folder_;
  home::Home home_;
  std::unique_ptr<record::Record> record_;
  std::mutex mutex_;  // of what preparing needs, on threads of its own
  std::map<std::string, std::vector<std::string>> scripts_;  // by run
  int retries_ = 0;
  int passing_failures_ = 0;  // of preparing a run
  bool synced_ = true;
  home::Instance instance_;
  std::vector<plan::Decision> decisions_;
};

}  // namespace busker::dispatch

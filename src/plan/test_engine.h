// For tests of the agenda: runs written as text, an agenda without deeds, and what it decides in
// short words.
#pragma once

#include <gtest/gtest.h>

#include "base/text.h"
#include "plan/agenda.h"

namespace busker::plan {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Words = std::vector<std::string>;

inline constexpr Instant kNoon{std::chrono::hours(12)};  // of a Thursday

// "train -> promote, deliver; other": tasks, each waiting for those before the arrow.
inline std::vector<Task> ParseTasks(std::string_view text) {
  std::vector<Task> tasks;
  for (const std::string& chain : Split(text, ';')) {
    std::vector<std::string> before;
    std::size_t begin = 0;
    for (;;) {
      const std::size_t end = chain.find("->", begin);
      std::vector<std::string> names;
      for (const std::string& name : Split(chain.substr(begin, end - begin), ',')) {
        names.emplace_back(Trim(name));
        Task task;
        task.name = names.back();
        task.after = before;
        tasks.push_back(task);
      }
      if (end == std::string::npos) break;
      before = names;
      begin = end + 2;
    }
  }
  return tasks;
}

// A graph "g" with a schedule such as "0 7 * * *"; empty: none.
inline Graph ParseGraph(const std::string& schedule, const GraphKey& key = "g",
                        const std::string& zone = "UTC") {
  Graph graph;
  graph.key = key;
  graph.zone = zone;
  graph.schedule_text = schedule;
  graph.once = schedule == "@once";
  if (!schedule.empty() && !graph.once) {
    graph.schedule = ZonedCron::Make(ParseCron(schedule).value(), zone).value();
  }
  return graph;
}

// Prepares each run at once, with the tasks that were said for its graph ("work", if none were).
// Runs are called r1, r2, ...; words about r1 leave it out.
class Engine {
 public:
  // Its address is known to the agenda's maker of ids.
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  explicit Engine(Capacity capacity = {}) : capacity_(std::move(capacity)) { Make(); }

  void Tasks(const GraphKey& graph, std::vector<Task> tasks) { tasks_[graph] = std::move(tasks); }
  void RunTimeout(Milliseconds timeout) { timeout_ = timeout; }
  void FailPreparing(int times) { failures_ = times; }  // for a reason that passes
  // The runs of a service whose store does not answer stay as they are.
  void HangPreparing(const std::string& service) { hanging_.insert(service); }

  Words Take(std::vector<Event> events, Instant now = kNoon) {
    Words words;
    for (Event& event : events) {
      if (auto* stepped = std::get_if<ClockStepped>(&event)) stepped->ahead = WithRuns();
    }
    for (;;) {
      Advanced advanced = agenda_->Advance(events, now);
      events.clear();
      wake_at_ = advanced.wake_at;
      last_ = std::move(advanced.decisions);
      for (const Decision& decision : last_) {
        const std::string word = std::visit([&](const auto& d) { return Word(d); }, decision);
        if (!word.empty()) words.push_back(word);
        if (const auto* queued = std::get_if<RunQueued>(&decision)) queued_.push_back(queued->run);
        const auto* prepare = std::get_if<PrepareRun>(&decision);
        if (prepare != nullptr && hanging_.contains(prepare->graph.service)) {
          continue;
        }
        if (prepare != nullptr && failures_ > 0) {
          --failures_;
          events.push_back(RunNotPrepared{prepare->run, "the store is busy", true});
        } else if (prepare != nullptr) {
          const auto tasks = tasks_.find(prepare->graph);
          events.push_back(RunPrepared{
              prepare->run, tasks == tasks_.end() ? ParseTasks("work") : tasks->second, timeout_});
        }
        if (const auto* noted = std::get_if<GraphNoted>(&decision)) {
          memories_[noted->memory.key] = noted->memory;
        }
      }
      if (events.empty()) return words;
    }
  }
  Words Take(Event event, Instant now = kNoon) { return Take(std::vector{std::move(event)}, now); }
  Words Wait(Instant now) { return Take(std::vector<Event>(), now); }

  // Somebody starts a run of `graph`.
  Words Begin(const GraphKey& graph = "g", Instant now = kNoon) {
    return Take(RunRequested{Request(graph)}, now);
  }
  static DagRun Request(const GraphKey& graph = "g") {
    DagRun run;
    run.graph = graph;
    run.scheduled_at = kNoon;
    run.data_date = "1970-01-01";
    run.trigger = "manual";
    run.requested_by = "someone";
    return run;
  }

  // As after a crash: what is on record goes into another agenda.
  void Restart() {
    std::vector<GraphMemory> memories;
    for (const auto& [_, memory] : memories_) memories.push_back(memory);
    std::vector<DagRun> runs;
    for (const DagRun& queued : queued_) {
      if (const DagRun* run = agenda_->FindRun(queued.id)) runs.push_back(*run);
    }
    Make();
    agenda_->Restore(memories, runs, WithRuns());
  }
  // As the record tells of instants that have their run.
  std::vector<RunAhead> WithRuns() const {
    std::vector<RunAhead> all;
    for (const DagRun& run : queued_) {
      if (run.due) all.push_back({run.graph, *run.due});
    }
    return all;
  }

  const Agenda& agenda() const { return *agenda_; }
  std::optional<Instant> wake_at() const { return wake_at_; }
  const std::vector<Decision>& last() const { return last_; }  // of the last turn
  const std::vector<DagRun>& queued() const { return queued_; }
  // The instants of the scheduled runs that were queued, as minutes since noon.
  std::vector<long> Dues() const {
    std::vector<long> dues;
    for (const DagRun& run : queued_) {
      if (run.due) dues.push_back(std::chrono::duration_cast<minutes>(*run.due - kNoon).count());
    }
    return dues;
  }

 private:
  void Make() {
    agenda_.emplace([this](Instant) { return "r" + std::to_string(++ids_); }, capacity_);
  }
  static std::string Of(const std::string& run) { return run == "r1" ? "" : run + " "; }
  static std::string Word(const RunQueued& d) { return Of(d.run.id) + "queue"; }
  static std::string Word(const PrepareRun& d) { return Of(d.run) + "prepare"; }
  static std::string Word(const TasksPlanned&) { return ""; }
  static std::string Word(const StartAttempt& d) {
    return Of(d.run) + "start " + d.task + "." + std::to_string(d.number);
  }
  static std::string Word(const AttemptUndone& d) {
    return Of(d.run) + "undo " + d.task + "." + std::to_string(d.number);
  }
  static std::string Word(const PreemptionForgiven& d) {
    return Of(d.run) + "forgive " + d.task + "." + std::to_string(d.number);
  }
  static std::string Word(const StopAttempt& d) {
    return Of(d.run) + "stop " + d.task + "." + std::to_string(d.number);
  }
  static std::string Word(const TaskChanged& d) {
    return Of(d.run) + d.task + " " + std::string(NameOf(d.to));
  }
  static std::string Word(const RunChanged& d) {
    return Of(d.run) + "run " + std::string(NameOf(d.to));
  }
  static std::string Word(const RetryPlanned& d) {
    return Of(d.run) + "retry " + d.task + "." + std::to_string(d.number);
  }
  static std::string Word(const CancelAccepted& d) { return Of(d.run) + "cancel"; }
  static std::string Word(const TaskCleared& d) {
    return Of(d.run) + "clear " + d.task + " up to " + std::to_string(d.attempts_max);
  }
  static std::string Word(const RunHeld& d) {
    return Of(d.run) + (d.message.empty() ? "free" : "hold");
  }
  static std::string Word(const DeadlineSet& d) {
    return Of(d.run) + (d.deadline ? "deadline" : "no deadline");
  }
  static std::string Word(const GraphNoted& d) { return d.what.empty() ? "" : "note " + d.what; }
  static std::string Word(const NotifyPeople& d) { return "tell " + std::string(NameOf(d.kind)); }

  Capacity capacity_;
  int ids_ = 0;
  std::map<GraphKey, std::vector<Task>> tasks_;
  std::optional<Milliseconds> timeout_;
  int failures_ = 0;
  std::set<std::string> hanging_;  // services
  std::optional<Agenda> agenda_;
  std::map<GraphKey, GraphMemory> memories_;
  std::optional<Instant> wake_at_;
  std::vector<Decision> last_;
  std::vector<DagRun> queued_;
};

inline AttemptEnded Success(const std::string& task, int number = 1, std::string run = "r1") {
  return {std::move(run), task, number, true, false, ""};
}
inline AttemptEnded Failure(const std::string& task, int number = 1, std::string run = "r1") {
  return {std::move(run), task, number, false, false, "exit code 1"};
}
inline AttemptEnded Preempted(const std::string& task, int number = 1, std::string run = "r1") {
  return {std::move(run), task, number, false, false, "the VM was preempted", false, true};
}
inline AttemptNotBegun NotBegun(const std::string& task, int number = 1, std::string run = "r1") {
  return {std::move(run), task, number, "no room for a process"};
}
inline AttemptEnded Stopped(const std::string& task, int number = 1, std::string run = "r1") {
  return {std::move(run), task, number, false, true, "stopped"};
}

}  // namespace busker::plan

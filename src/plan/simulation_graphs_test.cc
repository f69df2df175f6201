// What the simulated world is made of: graphs, tasks, people.
#include "plan/simulation.h"

namespace busker::plan {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array kSchedules = {"*/20 * * * *", "0 * * * *",     "30 2 * * *",
                                   "5 */3 * * *",  "15 1,13 * * *", "0 6 * * 1-5"};
constexpr std::array kZones = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};

void SetSchedule(Graph& graph, const std::string& text, const std::string& zone) {
  graph.schedule_text = text;
  graph.zone = zone;
  graph.schedule = ZonedCron::Make(ParseCron(text).value(), zone).value();
}

// Graph files, and actions of two services.
GraphKey KeyOf(int number) {
  return {number % 3 == 0 ? "" : number % 3 == 1 ? "shop" : "churn", fmt::format("g{}", number)};
}

}  // namespace

std::vector<Task> Simulation::MakeTasks() {
  std::vector<Task> tasks(static_cast<std::size_t>(1 + (Chance(4) ? Below(30) : Below(6))));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    task.name = fmt::format("t{}", i);
    for (std::size_t j = i < 4 ? 0 : i - 4; j < i; ++j) {
      if (Chance(3)) task.after.push_back(tasks[j].name);
    }
    if (Chance(3)) task.rule = static_cast<TriggerRule>(Below(4));
    task.retries = Chance(2) ? Below(4) : 0;
    task.retry_delay = Upto(minutes(10));
    task.exponential = Chance(2);
    if (Chance(4)) task.pool = Chance(2) ? "gpu" : "db";
    task.pool_slots = task.pool.empty() ? 1 : 1 + Below(2);
    if (Chance(5)) {
      task.place = Chance(2) ? "docker://" : Chance(2) ? "vm://a?image=x" : "vm://a?image=y";
      const bool is_elsewhere = task.place.starts_with("vm://");
      task.place_tasks_max = is_elsewhere ? 2 : 0;
      task.preemptions_max = is_elsewhere ? Below(3) : 0;
    }
    task.priority = Chance(3) ? Below(5) - 2 : 0;
    task.cpus_milli = Chance(3) ? 500 * Below(4) : 0;
    task.memory_bytes = Chance(3) ? 100u * static_cast<unsigned>(Below(4)) : 0;
  }
  const int past = Below(6);  // none, some, all
  for (Task& task : tasks) task.depends_on_past = past == 5 || (past == 4 && Chance(3));
  return tasks;
}

Graph Simulation::MakeGraph(int number) {
  Graph graph;
  graph.key = KeyOf(number);
  const int kind = Below(6);
  if (kind < 4) {
    SetSchedule(graph, kSchedules[static_cast<std::size_t>(Below(kSchedules.size()))],
                kZones[static_cast<std::size_t>(Below(kZones.size()))]);
    graph.interval = Chance(4);
    if (Chance(4)) graph.start = Wall() + hours(Below(96) - 48);
    if (Chance(6)) graph.end = Wall() + hours(Below(200));
    if (Chance(3)) graph.expected_by = graph.schedule;
  } else if (kind == 4) {
    graph.schedule_text = "@once";
    graph.once = true;
    if (Chance(2)) graph.start = Wall() + hours(Below(48));
  }
  graph.catch_up = static_cast<CatchUp>(Below(3));
  if (Chance(3)) graph.catch_up_window = hours(1 + Below(12));
  graph.overlap = static_cast<Overlap>(Below(4));
  graph.runs_at_once = graph.overlap == Overlap::kAllow ? 4 : 1 + (Chance(3) ? Below(3) : 0);
  graph.depends_on_past = graph.overlap == Overlap::kQueue && Chance(3);
  graph.priority = Chance(3) ? Below(5) - 2 : 0;
  if (Chance(3)) graph.run_timeout = minutes(1) + Upto(hours(2));
  for (int other = 0; other < number; ++other) {
    if (Chance(5)) graph.after.push_back(KeyOf(other));
  }
  return graph;
}

void Simulation::MakeGraphs() {
  const int count = 1 + Below(6);
  for (int i = 0; i < count; ++i) {
    Graph graph = MakeGraph(i);
    tasks_[graph.key] = MakeTasks();
    bool all = true;
    for (const Task& task : tasks_[graph.key]) {
      if (!task.after.empty()) continue;
      graph.past_roots.push_back(task.name);
      all = all && task.depends_on_past;
    }
    if (!all || Chance(3)) graph.past_roots.clear();
    record_.defined.insert(graph.key);
    record_.graphs[graph.key] = std::move(graph);
  }
}

void Simulation::MakeCapacity() {
  record_.capacity.slots = 1 + Below(8);
  record_.capacity.cpus_milli = Chance(2) ? 1000 + 500 * Below(6) : 0;
  record_.capacity.memory_bytes = Chance(2) ? 300u + 100u * static_cast<unsigned>(Below(5)) : 0;
  record_.capacity.pools.clear();
  if (!Chance(8)) record_.capacity.pools["gpu"] = 1 + Below(2);
  if (!Chance(8)) record_.capacity.pools["db"] = 1 + Below(4);
}

const DagRun* Simulation::AnyRun(bool final) {
  std::vector<const DagRun*> found;
  for (const auto& [_, run] : record_.runs) {
    if (IsFinal(run.state) == final) found.push_back(&run);
  }
  return found.empty() ? nullptr
                       : found[static_cast<std::size_t>(Below(static_cast<int>(found.size())))];
}

// What a person does, or a file that was edited.
void Simulation::Meddle(std::vector<Event>* events) {
  const auto at = std::next(record_.graphs.begin(), Below(static_cast<int>(record_.graphs.size())));
  Graph& graph = at->second;
  const bool is_defined = record_.defined.contains(graph.key);
  const auto request = [&](const std::string& batch) {
    DagRun run;
    run.graph = graph.key;
    run.scheduled_at = Wall();
    run.trigger = batch.empty() ? "manual" : "backfill";
    run.requested_at = Wall();
    run.batch = batch;
    run.batch_runs_at_once = 1 + Below(2);
    run.priority = Chance(3) ? Below(5) - 2 : 0;
    if (Chance(2)) run.id = fmt::format("p{}", ++ids_);
    events->emplace_back(RunRequested{run});
    if (!run.id.empty() && Chance(3)) events->emplace_back(RunRequested{run});
  };
  switch (Below(11)) {
    case 0:
    case 1:
      return request("");
    case 2: {
      const std::string batch = fmt::format("b{}", ++batches_);
      for (int i = Below(5); i >= 0; --i) request(batch);
      const int limit = std::get<RunRequested>(events->front()).run.batch_runs_at_once;
      for (Event& event : *events) {
        if (auto* run = std::get_if<RunRequested>(&event)) run->run.batch_runs_at_once = limit;
      }
      return;
    }
    case 3:
      if (const DagRun* run = AnyRun(false)) events->emplace_back(CancelRequested{run->id, "who"});
      return;
    case 4:
    case 5:
      if (const DagRun* run = AnyRun(true)) {
        std::string waive;
        if (Chance(3) && !run->tasks.empty()) waive = run->tasks[run->tasks.size() / 2].name;
        record_.retried.insert(run->id);
        events->emplace_back(RetryRequested{*run, "who", waive});
      }
      return;
    case 6:
      if (const DagRun* run = AnyRun(false); run != nullptr && !run->tasks.empty()) {
        const auto task = static_cast<std::size_t>(Below(static_cast<int>(run->tasks.size())));
        events->emplace_back(SkipRequested{run->id, run->tasks[task].name, "who"});
      }
      return;
    case 7:
      if (!Chance(2)) return;
      record_.meddled.insert(graph.key);
      events->emplace_back(GraphPaused{graph.key, !record_.memories[graph.key].paused, "who"});
      return;
    case 8:
      if (!Chance(2)) return;
      record_.meddled.insert(graph.key);
      record_.in_change.insert(graph.key);
      if (is_defined && Chance(3)) {
        record_.defined.erase(graph.key);
        events->emplace_back(GraphRemoved{graph.key});
        return;
      }
      if (Chance(2) && (graph.schedule || graph.once)) {
        graph.once = false;
        SetSchedule(graph, kSchedules[static_cast<std::size_t>(Below(kSchedules.size()))],
                    kZones[static_cast<std::size_t>(Below(kZones.size()))]);
      } else if (Chance(4)) {
        graph.once = true;
        graph.schedule_text = "@once";
        graph.schedule.reset();
        graph.interval = false;
      }
      graph.catch_up = static_cast<CatchUp>(Below(3));
      record_.defined.insert(graph.key);
      events->emplace_back(GraphDefined{graph});
      return;
    case 9:
      if (!Chance(3)) return;
      MakeCapacity();
      events->emplace_back(CapacityChanged{record_.capacity});
      return;
    case 10:
      if (!steps_) return;
      {
        Milliseconds by = Chance(2) ? Upto(minutes(5)) : Upto(hours(3));
        if (Chance(2)) by = -by;
        offset_ += by;
        record_.clock_set |= by.count() < 0;
        events->insert(events->begin(), ClockStepped{by, record_.Ahead(Wall())});
      }
      return;
    default:
      return;
  }
}

}  // namespace busker::plan

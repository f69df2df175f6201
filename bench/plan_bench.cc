// What the agenda's turns cost.
//
//   plan_bench [ROUNDS]     by default 5; the best of them is shown, in processor time
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "plan/agenda.h"

namespace {

using namespace busker;
using namespace busker::plan;

constexpr Instant kMidnight{std::chrono::hours(24 * 365 * 50)};

// Of this thread's processor time: what a busy machine hardly changes.
double Seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double begin = now();
  work();
  return now() - begin;
}

std::string NextId() {
  static long ids = 0;
  return fmt::format("20190801-070000-{:06}", ++ids);
}

Agenda MakeAgenda(int slots = 16) {
  Capacity capacity;
  capacity.slots = slots;
  return Agenda([](Instant) { return NextId(); }, capacity);
}

std::vector<Event> DailyGraphs(int count) {
  std::vector<Event> events;
  for (int i = 0; i < count; ++i) {
    Graph graph;
    graph.key = {fmt::format("service-{:05}", i), "training"};
    graph.zone = "Europe/Berlin";
    graph.schedule_text = "0 7 * * *";
    graph.schedule = ZonedCron::Make(ParseCron(graph.schedule_text).value(), graph.zone).value();
    events.emplace_back(GraphDefined{std::move(graph)});
  }
  return events;
}

DagRun Request(const GraphKey& graph) {
  DagRun run;
  run.graph = graph;
  run.trigger = "manual";
  run.requested_by = "somebody";
  return run;
}

// All graphs come due in one second.
double QueueAll(double* megabytes) {
  const std::size_t before = mallinfo2().uordblks;
  Agenda agenda = MakeAgenda();
  agenda.Advance(DailyGraphs(10'000), kMidnight);
  *megabytes = static_cast<double>(mallinfo2().uordblks - before) / 1e6;
  Advanced advanced;
  return Seconds([&] { advanced = agenda.Advance({}, kMidnight + std::chrono::hours(8)); });
}

// The mean turn of a run whose tasks end one by one.
double TurnOf(std::vector<Task> tasks, int waiting) {
  Agenda agenda = MakeAgenda();
  std::vector<Event> events = {RunRequested{Request("big")}};
  Advanced advanced = agenda.Advance(events, kMidnight);
  std::string run;
  for (const Decision& decision : advanced.decisions) {
    if (const auto* prepare = std::get_if<PrepareRun>(&decision)) run = prepare->run;
  }
  events.clear();
  for (int i = 0; i < waiting; ++i) events.emplace_back(RunRequested{Request("big")});
  agenda.Advance(events, kMidnight);
  events.assign(1, RunPrepared{run, std::move(tasks), std::nullopt});
  advanced = agenda.Advance(events, kMidnight);
  std::vector<StartAttempt> begun;
  long turns = 0;
  const auto collect = [&] {
    for (const Decision& decision : advanced.decisions) {
      if (const auto* start = std::get_if<StartAttempt>(&decision)) begun.push_back(*start);
    }
  };
  collect();
  const double all = Seconds([&] {
    for (std::size_t i = 0; i < begun.size() && i < 990; ++i) {
      events.assign(1, AttemptEnded{run, begun[i].task, begun[i].number, true, false, ""});
      advanced = agenda.Advance(events, kMidnight);
      ++turns;
      collect();
    }
  });
  return all / static_cast<double>(turns);
}

std::vector<Task> Tasks(int count, bool chain) {
  std::vector<Task> tasks(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].name = fmt::format("task-{}", i);
    if (chain && i > 0) tasks[i].after = {tasks[i - 1].name};
  }
  return tasks;
}

// A turn in which nothing can start, with so many other graphs' runs in the queue.
double FullTurn(int queued) {
  Agenda agenda = MakeAgenda(1);
  std::vector<Event> events;
  for (int i = 0; i < queued; ++i) {
    events.emplace_back(RunRequested{Request({"", fmt::format("graph-{}", i)})});
  }
  Advanced advanced = agenda.Advance(events, kMidnight);
  events.clear();
  for (const Decision& decision : advanced.decisions) {
    if (const auto* prepare = std::get_if<PrepareRun>(&decision)) {
      std::vector<Task> tasks = Tasks(2, false);
      for (Task& task : tasks) task.retries = 1 << 20;
      events.emplace_back(RunPrepared{prepare->run, std::move(tasks), std::nullopt});
    }
  }
  advanced = agenda.Advance(events, kMidnight);
  constexpr int kTurns = 2000;
  return Seconds([&] {
           for (int i = 0; i < kTurns; ++i) {
             for (const Decision& decision : advanced.decisions) {
               const auto* start = std::get_if<StartAttempt>(&decision);
               if (start == nullptr) continue;
               events.assign(
                   1, AttemptEnded{start->run, start->task, start->number, false, false, "no"});
             }
             advanced = agenda.Advance(events, kMidnight);
           }
         }) /
         kTurns;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  const auto best = [&](const std::function<double()>& measure) {
    double least = measure();
    for (int i = 1; i < rounds; ++i) least = std::min(least, measure());
    return least;
  };
  double megabytes = 0;
  const double all = best([&] { return QueueAll(&megabytes); });
  fmt::print("10,000 graphs defined          {:8.1f} MB\n", megabytes);
  fmt::print("10,000 graphs come due         {:8.1f} ms\n", all * 1e3);
  const auto turn = [&](const char* what, const std::function<double()>& measure) {
    fmt::print("{:30} {:8.2f} us a turn\n", what, best(measure) * 1e6);
  };
  turn("1,000 tasks side by side", [] { return TurnOf(Tasks(1000, false), 0); });
  turn("  with 1,000 runs behind it", [] { return TurnOf(Tasks(1000, false), 1000); });
  turn("1,000 tasks in a chain", [] { return TurnOf(Tasks(1000, true), 0); });
  turn("a full slot, 10 runs queued", [] { return FullTurn(10); });
  turn("a full slot, 1,000 runs queued", [] { return FullTurn(1000); });
  turn("a full slot, 10,000 queued", [] { return FullTurn(10'000); });
  return 0;
}

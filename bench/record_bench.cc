// What the record's turns cost, beside what the disk and SQLite cost by themselves.
//
//   record_bench [PAST_RUNS] [ROUNDS]     by default 100,000 runs of the past and 20 rounds
//
// The record is first filled with runs that have ended, of 10,000 graphs. Floors: an fdatasync of
// 4 KiB, and a transaction of one row in SQLite (WAL, synchronous=FULL), on the same disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "measure.h"
#include "record/sqlite_record.h"

namespace {

using namespace busker;
using bench::Must;
using namespace busker::record;
using Clock = std::chrono::steady_clock;
using enum plan::State;

constexpr int kGraphs = 10'000;
constexpr Instant kBegin{std::chrono::hours(24 * 365 * 50)};

// Of this thread, in milliseconds: what a busy machine hardly changes.
double CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Cost {
  double wall = 0, cpu = 0;
};

Cost Took(const std::function<void()>& work) {
  const auto begin = Clock::now();
  const double cpu = CpuTime();
  work();
  return {std::chrono::duration<double, std::milli>(Clock::now() - begin).count(), CpuTime() - cpu};
}

void Print(const std::string& what, const std::vector<Cost>& costs) {
  std::vector<double> wall, cpu;
  for (const Cost& cost : costs) {
    wall.push_back(cost.wall);
    cpu.push_back(cost.cpu);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  const auto at = [&](const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  };
  fmt::print("{:<56} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}  ({})\n", what, at(wall, 0.5),
             at(wall, 0.9), at(wall, 0.99), at(wall, 1), at(cpu, 0.5), costs.size());
  std::fflush(stdout);
}

plan::GraphKey GraphOf(int number) { return {fmt::format("service-{:05}", number), "training"}; }

class Bench {
 public:
  Bench(int past, int rounds)
      : past_(past),
        rounds_(rounds),
        folder_(MakeFolder()),
        record_(Open()),
        epoch_(Must(record_->TakeLead(kOwnerOfHome, now_, std::nullopt))) {}
  ~Bench() {
    record_.reset();
    std::filesystem::remove_all(folder_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void All() {
    fmt::print("{} past runs, milliseconds\n\n", WithThousands(past_));
    fmt::print("{:<56} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "", "median", "p90", "p99", "most", "CPU");
    Fsync();
    OneRow();
    Fill();
    DueAtOnce();
    OneTask();
    LargeRun();
    Reading();
    Checking();
  }

 private:
  static std::filesystem::path MakeFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "record-bench-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr, "a folder can be made");
    return name;
  }

  std::unique_ptr<Record> Open() { return Must(OpenSqliteRecord(folder_ / "busker.db", true)); }

  void Fsync() {
    const int fd = open((folder_ / "file").c_str(), O_RDWR | O_CREAT, 0600);
    const std::string page(4096, 'x');
    std::vector<Cost> took;
    for (int i = 0; i < 2000; ++i) {
      took.push_back(Took([&] {
        CHECK(pwrite(fd, page.data(), page.size(), (i % 1000) * 4096) == 4096, "a page is written");
        CHECK(fdatasync(fd) == 0, "a page is synced");
      }));
    }
    close(fd);
    Print("floor: fdatasync of 4 KiB", took);
  }

  void OneRow() {
    sqlite3* raw = nullptr;
    sqlite3_open((folder_ / "raw.db").c_str(), &raw);
    sqlite3_exec(raw,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x INTEGER "
                 "PRIMARY KEY, y TEXT)",
                 nullptr, nullptr, nullptr);
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(raw, "INSERT INTO t (y) VALUES ('some text of a row')", -1, &insert,
                       nullptr);
    std::vector<Cost> took;
    for (int i = 0; i < 3000; ++i) {
      took.push_back(Took([&] {
        sqlite3_step(insert);
        sqlite3_reset(insert);
      }));
    }
    sqlite3_finalize(insert);
    sqlite3_close(raw);
    Print("floor: one row in SQLite", took);
  }

  plan::DagRun NewRun(int graph) {
    plan::DagRun run;
    run.id = fmt::format("20190801-070000-{:06}", ++runs_);
    run.graph = GraphOf(graph);
    run.due = now_;
    run.scheduled_at = now_;
    run.data_date = "2019-08-01";
    run.trigger = "schedule";
    run.requested_by = "busker";
    run.requested_at = now_;
    return run;
  }

  plan::GraphMemory Memory(int graph) const {
    plan::GraphMemory memory;
    memory.key = GraphOf(graph);
    memory.schedule_text = "0 7 * * *";
    memory.zone = "Europe/Berlin";
    memory.cursor = now_;
    memory.last_due = now_;
    return memory;
  }

  static plan::Task TaskNamed(const std::string& name) {
    plan::Task task;
    task.name = name;
    return task;
  }

  void Append(const std::vector<plan::Decision>& decisions,
              const std::vector<AttemptRow>& ended = {},
              const std::vector<PreparedRun>& prepared = {}) {
    Turn turn;
    turn.now = now_;
    turn.decisions = decisions;
    turn.ended = ended;
    turn.prepared = prepared;
    turn.epoch = epoch_;
    Must(record_->Append(turn));
  }

  // Runs of one task that has succeeded, a turn for each thousand.
  void Fill() {
    std::vector<plan::Decision> decisions;
    std::vector<AttemptRow> ended;
    std::vector<PreparedRun> prepared;
    const auto flush = [&] {
      Append(decisions, {}, prepared);
      decisions.clear();
      for (const AttemptRow& row : ended) {
        decisions.push_back(plan::TaskChanged{row.run, row.task, kRunning, kSucceeded, ""});
        decisions.push_back(plan::RunChanged{row.run, kRunning, kSucceeded, ""});
      }
      Append(decisions, ended);
      decisions.clear();
      ended.clear();
      prepared.clear();
    };
    const Cost took = Took([&] {
      for (int i = 0; i < past_; ++i) {
        if (i % kGraphs == 0) now_ += std::chrono::hours(24);
        plan::DagRun run = NewRun(i % kGraphs);
        run.prepared = true;
        run.tasks = {TaskNamed("train")};
        prepared.push_back(
            {run.id, "1", FormatStamp(now_), "", std::string(64, 'd'), {{std::string(600, 'o')}}});
        decisions.push_back(plan::RunQueued{run});
        decisions.push_back(plan::RunChanged{run.id, kQueued, kRunning, ""});
        decisions.push_back(plan::TaskChanged{run.id, "train", kQueued, kRunning, ""});
        decisions.push_back(plan::StartAttempt{run.id, "train", 1});
        AttemptRow row;
        row.run = run.id;
        row.task = "train";
        row.number = 1;
        row.ended_at = now_;
        row.ending = "succeeded";
        ended.push_back(row);
        if (ended.size() == 1000) flush();
      }
      if (!ended.empty()) flush();
    });
    Print("filling it, per run", {{took.wall / std::max(past_, 1), took.cpu / std::max(past_, 1)}});
  }

  void DueAtOnce() {
    std::vector<Cost> took;
    std::vector<std::string> queued;
    for (int round = 0; round < rounds_; ++round) {
      now_ += std::chrono::hours(24);
      std::vector<plan::Decision> decisions;
      queued.clear();
      for (int graph = 0; graph < kGraphs; ++graph) {
        decisions.push_back(plan::RunQueued{NewRun(graph)});
        queued.push_back(std::get<plan::RunQueued>(decisions.back()).run.id);
      }
      took.push_back(Took([&] { Append(decisions); }));
      decisions.clear();
      for (int graph = 0; graph < kGraphs; ++graph) {
        const std::string& run = queued[static_cast<std::size_t>(graph)];
        decisions.push_back(plan::RunChanged{run, kQueued, kCancelled, ""});
        decisions.push_back(plan::GraphNoted{Memory(graph), "", ""});
      }
      Append(decisions);
      usleep(300'000);
    }
    Print("10,000 schedules due at once", took);
  }

  // A task's attempt ends, the next task's begins; every tenth turn queues and prepares a run.
  void OneTask() {
    std::vector<Cost> end, queue;
    for (int i = 0; i < 300 * rounds_ / 20 + 10; ++i) {
      now_ += std::chrono::seconds(1);
      plan::DagRun run = NewRun(i % kGraphs);
      run.due.reset();
      std::vector<plan::Task> tasks;
      PreparedRun prepared{run.id, "1", FormatStamp(now_), "", std::string(64, 'd'), {}};
      for (int t = 0; t < 10; ++t) {
        tasks.push_back(TaskNamed(fmt::format("task-{}", t)));
        if (t > 0) tasks.back().after = {tasks[static_cast<std::size_t>(t) - 1].name};
        prepared.orders.push_back({std::string(600, 'o')});
      }
      queue.push_back(Took([&] { Append({plan::RunQueued{run}}); }));
      Append(
          {plan::TasksPlanned{run.id, tasks, {}}, plan::RunChanged{run.id, kQueued, kRunning, ""},
           plan::TaskChanged{run.id, "task-0", kQueued, kRunning, ""},
           plan::StartAttempt{run.id, "task-0", 1}},
          {}, {prepared});
      for (std::size_t t = 0; t < tasks.size(); ++t) {
        AttemptRow row;
        row.run = run.id;
        row.task = tasks[t].name;
        row.number = 1;
        row.ended_at = now_;
        row.ending = "succeeded";
        std::vector<plan::Decision> decisions = {
            plan::TaskChanged{run.id, row.task, kRunning, kSucceeded, ""}};
        if (t + 1 < tasks.size()) {
          decisions.push_back(plan::TaskChanged{run.id, tasks[t + 1].name, kQueued, kRunning, ""});
          decisions.push_back(plan::StartAttempt{run.id, tasks[t + 1].name, 1});
        } else {
          decisions.push_back(plan::RunChanged{run.id, kRunning, kSucceeded, ""});
        }
        end.push_back(Took([&] { Append(decisions, {row}); }));
      }
    }
    Print("a run is queued", queue);
    Print("an attempt ends, the next task's begins", end);
  }

  void LargeRun() {
    std::vector<Cost> took;
    for (int round = 0; round < rounds_; ++round) {
      now_ += std::chrono::seconds(1);
      plan::DagRun run = NewRun(round);
      run.due.reset();
      run.prepared = true;
      PreparedRun prepared{run.id, "1", FormatStamp(now_), "", std::string(64, 'd'), {}};
      for (int t = 0; t < 1000; ++t) {
        run.tasks.push_back(TaskNamed(fmt::format("task-{:04}", t)));
        if (t > 0) run.tasks.back().after = {run.tasks[static_cast<std::size_t>(t) - 1].name};
        prepared.orders.push_back({std::string(600, 'o')});
      }
      const std::vector<plan::Decision> decisions = {plan::RunQueued{run}};
      const std::vector<PreparedRun> all = {prepared};
      took.push_back(Took([&] { Append(decisions, {}, all); }));
      usleep(100'000);
    }
    Print("a run of 1,000 tasks is queued and prepared", took);
  }

  void Reading() {
    std::vector<Cost> open, list, newest, load;
    const int rounds = std::min(rounds_, 10);
    std::string last;
    for (int round = 0; round < rounds; ++round) {
      record_.reset();
      open.push_back(Took([&] {
        record_ = Open();
        last = Must(record_->Unfinished()).back().id;
        CHECK(Must(record_->Graphs()).size() == kGraphs, "all graphs are remembered");
      }));
      load.push_back(Took([&] { Must(record_->LoadRun(last)); }));
      list.push_back(Took([&] { Must(record_->ListRuns({})); }));
      newest.push_back(Took([&] { Must(record_->NewestRun(GraphOf(kGraphs / 2))); }));
    }
    Print(fmt::format("open, {} unfinished runs of 1,000 tasks, 10,000 graphs", rounds_), open);
    Print("load a run of 1,000 tasks", load);
    Print("list 20 runs of 1,000 tasks", list);
    Print("the newest run of a graph", newest);
  }

  void Checking() {
    std::vector<std::string> faults;
    const Cost took = Took([&] { faults = Must(record_->Check()); });
    const auto size = static_cast<double>(std::filesystem::file_size(folder_ / "busker.db"));
    Print(fmt::format("check everything ({} events, {:.0f} MB)",
                      WithThousands(static_cast<long long>(Must(record_->Events("")).size())),
                      size / 1e6),
          {took});
    for (const std::string& fault : faults) fmt::print("fault: {}\n", fault);
    CHECK(faults.empty(), "the record is sound");
  }

  const int past_, rounds_;
  const std::filesystem::path folder_;
  Instant now_ = kBegin;
  int runs_ = 0;
  std::unique_ptr<Record> record_;
  const Epoch epoch_;
};

}  // namespace

int main(int count, char** arguments) {
  const int past = count > 1 ? std::atoi(arguments[1]) : 100'000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 20;
  if (past < 0 || rounds < 1) {
    std::fprintf(stderr, "usage: record_bench [PAST_RUNS] [ROUNDS]\n");
    return 2;
  }
  Bench(past, rounds).All();
  return 0;
}

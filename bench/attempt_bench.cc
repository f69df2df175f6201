// What an attempt of a bare shell task costs beside the command itself, in one process.
//
//   attempt_bench [ATTEMPTS] [ROUNDS] [PARALLEL] [FOLDER]   by default 1,000 attempts, 5 rounds, 2
//
// The floor spawns and reaps `/bin/sh -c true`, PARALLEL threads at a time; the attempts are the
// same command by way of the executor, PARALLEL of them at a time, the next one launched when one
// ends. A chain is one after the other. Floor and attempts take turns. CPU is that of all processes
// together: this one, the runners, the commands.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "attempt/exit_record.h"
#include "attempt/name.h"
#include "attempt/order.h"
#include "base/check.h"
#include "execute/process_executor.h"
#include "io/boot.h"
#include "io/file.h"
#include "measure.h"

namespace {

using namespace busker;
using bench::Median;
using bench::Must;
namespace fs = io::fs;
using Clock = std::chrono::steady_clock;

constexpr char kCode[] = "true";

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// Of this process and of all that it has reaped, in seconds.
double CpuTime() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& t : {usage.ru_utime, usage.ru_stime}) {
      sum += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    }
  }
  return sum;
}

// Spawns the command and waits for its end.
void SpawnOnce() {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  char shell[] = "/bin/sh", flag[] = "-c", code[] = "true", path[] = "PATH=/usr/bin:/bin";
  char* arguments[] = {shell, flag, code, nullptr};
  char* environment[] = {path, nullptr};
  pid_t process = 0;
  const int fault = posix_spawn(&process, shell, &actions, nullptr, arguments, environment);
  CHECK(fault == 0, "a shell can be spawned");
  waitpid(process, nullptr, 0);
  posix_spawn_file_actions_destroy(&actions);
}

void RunFloor(int count, int parallel) {
  std::atomic<int> left = count;
  std::vector<std::thread> threads;
  for (int i = 0; i < parallel; ++i) {
    threads.emplace_back([&] {
      while (left.fetch_sub(1) > 0) SpawnOnce();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Runs attempts by way of one executor.
class Attempts {
 public:
  explicit Attempts(const fs::path& folder)
      : executor_(Must(execute::ProcessExecutor::Start(
            BUSKER_RUNNER_PATH, folder,
            [this](const attempt::Name& name, Result<attempt::ExitRecord> exit) {
              TakeEnd(name, std::move(exit));
            }))) {}

  // `parallel` at a time until `count` have ended.
  void Run(int count, int parallel) {
    std::unique_lock lock(mutex_);
    ++run_;
    to_launch_ = count;
    to_end_ = count;
    launched_.clear();
    for (int i = 0; i < parallel; ++i) LaunchNext();
    ended_.wait(lock, [&] { return to_end_ == 0; });
  }

  // From Launch to on_ended, in seconds.
  std::vector<double> TakeTimes() { return std::move(times_); }

 private:
  void LaunchNext() {
    if (to_launch_ == 0) return;
    const int number = to_launch_--;
    const attempt::Name name{"bench-" + std::to_string(run_), "task-" + std::to_string(number), 1};
    attempt::Order order;
    order.run = name.run;
    order.task = name.task;
    order.command = {"/bin/sh", "-c", kCode};
    order.synced = false;
    order.environment = {"PATH=/usr/bin:/bin"};
    const std::string sealed =
        attempt::Seal({name.number, "", io::BootId(), {}}, attempt::OrderToJson(order));
    launched_[name] = Clock::now();
    Must(executor_->Launch({name, sealed, order.synced}));
  }

  void TakeEnd(const attempt::Name& name, Result<attempt::ExitRecord> exit) {
    const attempt::ExitRecord record = Must(std::move(exit));
    CHECK(record.ending == attempt::Ending::kSucceeded, record.message.c_str());
    const std::lock_guard lock(mutex_);
    times_.push_back(Seconds(Clock::now() - launched_.at(name)));
    LaunchNext();
    if (--to_end_ == 0) ended_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  int run_ = 0, to_launch_ = 0, to_end_ = 0;
  std::map<attempt::Name, Clock::time_point> launched_;
  std::vector<double> times_;
  std::unique_ptr<execute::ProcessExecutor> executor_;
};

struct Times {
  std::vector<double> wall, cpu;
};

class Bench {
 public:
  void Take(const std::string& name, int count, const std::function<void()>& run) {
    const auto begin = Clock::now();
    const double cpu = CpuTime();
    run();
    times_[name].wall.push_back(Seconds(Clock::now() - begin) / count);
    times_[name].cpu.push_back((CpuTime() - cpu) / count);
  }

  void Print(const std::string& name, const std::string& floor) {
    const double wall = Median(times_[name].wall);
    const double cpu = Median(times_[name].cpu);
    fmt::print("{:<24} {:>8.0f} us {:>8.0f}/s {:>7.2f}x {:>8.0f} us CPU, {:>+6.0f} us\n", name,
               wall * 1e6, 1 / wall, wall / Median(times_[floor].wall), cpu * 1e6,
               (cpu - Median(times_[floor].cpu)) * 1e6);
  }

 private:
  std::map<std::string, Times> times_;
};

}  // namespace

int main(int count, char** arguments) {
  const int attempts = count > 1 ? std::atoi(arguments[1]) : 1000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
  const int parallel = count > 3 ? std::atoi(arguments[3]) : 2;
  const fs::path place = count > 4 ? fs::path(arguments[4]) : fs::temp_directory_path();
  if (attempts < 1 || rounds < 1 || parallel < 1) {
    std::fprintf(stderr, "usage: attempt_bench [ATTEMPTS] [ROUNDS] [PARALLEL] [FOLDER]\n");
    return 2;
  }
  const fs::path folder = io::TemporaryPath(place, "attempt-bench");
  Must(io::MakeFolders(folder));
  Bench bench;
  std::vector<double> times;
  const int links = std::max(1, attempts / 10);
  for (int round = 0; round < rounds; ++round) {
    const fs::path here = folder / std::to_string(round);
    bench.Take("floor", attempts, [&] { RunFloor(attempts, parallel); });
    // With its end the executor reaps its runners: their CPU time is counted, too.
    bench.Take("attempts", attempts, [&] { Attempts(here / "wide").Run(attempts, parallel); });
    bench.Take("floor, chain", links, [&] { RunFloor(links, 1); });
    bench.Take("attempts, chain", links, [&] {
      Attempts runs(here / "chain");
      runs.Run(links, 1);
      const auto chain = runs.TakeTimes();
      times.insert(times.end(), chain.begin(), chain.end());
    });
  }
  Must(io::RemoveTree(folder));
  fmt::print("{} attempts of `sh -c {}`, {} at a time; medians of {} rounds\n\n", attempts, kCode,
             parallel, rounds);
  bench.Print("floor", "floor");
  bench.Print("attempts", "floor");
  bench.Print("floor, chain", "floor, chain");
  bench.Print("attempts, chain", "floor, chain");
  fmt::print("\nlaunch to end in a chain: median {:.0f} us\n", Median(times) * 1e6);
}

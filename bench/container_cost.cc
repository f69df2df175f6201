// What an attempt in a container costs beside the container itself, at one engine, in one run.
//
//   container_cost SOCKET IMAGE [ROUNDS]
//
// The floor is a bare create, start, wait and remove of a container that runs /bin/true; beside it
// an attempt of the same command, from its launch until it is told that it has ended and its
// container is gone; synced, as those of services are, and not. They take turns on kept
// connections. Prints medians, what the attempt costs over the floor of the same round, and the
// least of each: beside other work that is nearest to what a quiet machine takes.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <vector>

#include "attempt/exit_record.h"
#include "base/check.h"
#include "execute/docker_executor.h"
#include "execute/test_order.h"
#include "io/test_folder.h"
#include "measure.h"

namespace {

using namespace busker;
using bench::Median;
using Clock = std::chrono::steady_clock;

io::Interrupt Soon() { return io::Within(std::chrono::seconds(60)); }

double Took(const std::function<void()>& work) {
  const auto begun = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

void RunBare(execute::DockerEngine& engine, const std::string& name, const std::string& body) {
  const auto made = engine.Create(name, body, Soon());
  CHECK(made, "a container is made");
  CHECK(engine.Start(*made, Soon()), "it starts");
  CHECK(engine.Wait(*made, Soon()), "it ends");
  CHECK(engine.Remove(*made, Soon()), "it goes");
}

// One attempt after the other, each waited for.
class Attempts {
 public:
  Attempts(const io::fs::path& socket, const io::fs::path& folder) {
    executor_ = execute::DockerExecutor::Start(
                    {socket, BUSKER_RUNNER_PATH, folder / "runs", {}, execute::kTestInstance, {}},
                    [this](const attempt::Name&, Result<attempt::ExitRecord> end) {
                      const std::lock_guard lock(mutex_);
                      CHECK(end && end->ending == attempt::Ending::kSucceeded, "it succeeds");
                      end_ = *std::move(end);
                      ended_ = true;
                      changed_.notify_all();
                    })
                    .value();
  }
  void Run(const std::string& place, int number, bool synced) {
    attempt::Order order = execute::TestOrder({"bench", "t", number}, "");
    order.command = {"/bin/true"};
    order.synced = synced;
    std::unique_lock lock(mutex_);
    ended_ = false;
    lock.unlock();
    CHECK(executor_->Launch(execute::Sealed(order, place)), "it is launched");
    lock.lock();
    changed_.wait(lock, [&] { return ended_; });
  }
  // Of the last: in the runner, from its first moment to its record.
  double InRunner() const {
    return std::chrono::duration<double, std::milli>(end_.ended_at - end_.started_at).count();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  attempt::ExitRecord end_;
  std::unique_ptr<execute::DockerExecutor> executor_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: container_cost SOCKET IMAGE [ROUNDS]\n");
    return 2;
  }
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 40;
  const io::TestFolder folder;
  execute::DockerEngine engine(argv[1]);
  const std::string image = argv[2];
  const std::string bare =
      fmt::format(R"({{"Image":"{}","Cmd":["/bin/true"],"HostConfig":{{"NetworkMode":"none",)"
                  R"("LogConfig":{{"Type":"none"}}}}}})",
                  image);
  Attempts attempts(argv[1], folder.path());
  const std::string place = "docker://?network=none&image=" + image;
  std::vector<double> floor, unsynced, synced, runner;
  for (int round = -2; round < rounds; ++round) {  // two to warm up
    const double a = Took([&] { RunBare(engine, fmt::format("bare-{}", round + 2), bare); });
    const double b = Took([&] { attempts.Run(place, 2 * round + 10, false); });
    const double c = Took([&] { attempts.Run(place, 2 * round + 11, true); });
    if (round < 0) continue;
    floor.push_back(a);
    unsynced.push_back(b);
    synced.push_back(c);
    runner.push_back(attempts.InRunner());
  }
  const auto print = [&](const char* what, const std::vector<double>& took, const char* goal) {
    std::vector<double> over;
    for (std::size_t i = 0; i < took.size(); ++i) over.push_back(took[i] - floor[i]);
    const double least = *std::min_element(took.begin(), took.end());
    const double least_floor = *std::min_element(floor.begin(), floor.end());
    fmt::print("  {:<34}{:7.1f} ms  {:+6.1f}   least {:6.1f}  {:+6.1f}{}\n", what, Median(took),
               Median(over), least, least - least_floor, goal);
  };
  print("bare create, start, wait, remove", floor, "");
  print("an attempt", synced, "   (goal: at most +10)");
  fmt::print("    of it in its runner             {:7.1f} ms\n", Median(runner));
  print("one that is not synced", unsynced, "");
  return 0;
}

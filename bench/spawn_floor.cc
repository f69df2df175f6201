// The floor of graph_bench: the same shell commands started and waited for, and nothing else.
//
//   spawn_floor COUNT WORKERS CODE     prints the milliseconds that COUNT times `bash -c CODE` took
//
// WORKERS threads, each of which starts a command (posix_spawn) and waits for it. Nothing is kept.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

int main(int count, char** arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: spawn_floor COUNT WORKERS CODE\n");
    return 2;
  }
  std::atomic<int> left = std::atoi(arguments[1]);
  std::atomic<bool> failed = false;
  char name[] = "bash", option[] = "-c";
  char* const command[] = {name, option, arguments[3], nullptr};
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (int i = 0; i < std::atoi(arguments[2]); ++i) {
    workers.emplace_back([&] {
      while (left.fetch_sub(1) > 0) {
        pid_t process = 0;
        int status = 0;
        if (posix_spawnp(&process, name, nullptr, nullptr, command, environ) != 0 ||
            waitpid(process, &status, 0) != process || status != 0) {
          failed = true;
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  std::printf("%.3f\n", took.count());
  return failed ? 1 : 0;
}

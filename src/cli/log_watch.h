// The logs of attempts that run, on their way to whoever looks.
//
// Looking costs a run next to nothing: nothing is made in the home, one thread looks after all
// logs, a log is watched (inotify) only when its attempt has run for a moment, and what comes is
// read at most so often as an eye can tell. Of an attempt that ends sooner the log is read once, at
// its end.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "attempt/log.h"
#include "io/file.h"

namespace busker::cli {

class LogWatch {
 public:
  using Use = std::function<void(std::string_view)>;

  LogWatch() = default;
  ~LogWatch();  // hands on nothing more
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;

  // From now on the bytes of the log in `attempt_folder`, which need not be there yet, are handed
  // to `use` as they come, on this thread or another, of all logs one at a time.
  void Begin(const std::string& name, io::fs::path attempt_folder, Use use);

  // The attempt has ended: hands on the rest of its log before it returns. A log that cannot be
  // read harms no run. False: there is none of that name.
  bool End(const std::string& name);

 private:
  using Clock = std::chrono::steady_clock;
  struct Log {
    io::fs::path folder;
    Use use;
    attempt::LogReader reader;
    Clock::time_point begun;
    int watch = -1;  // of inotify; none yet
  };

  void Look();
  bool AwaitWake(bool news, int limit_ms) const;
  std::set<int> TakeNews() const;
  void Read(Log& log) const;

  io::Descriptor changes_, wake_;
  std::mutex mutex_;
  std::map<std::string, Log> logs_;
  bool asleep_ = false;  // the thread waits without a limit
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace busker::cli

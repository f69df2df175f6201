// The logs of attempts on their way to whoever looks, while they are written.
//
// Looking costs a run next to nothing: nothing is made in the home, one thread looks after all
// logs, the file system wakes it (inotify), and what comes is handed on at most so often as an eye
// can tell. Where the file system tells of nothing (on a network, when its watches are used up, or
// while the folder is not there yet), the thread looks ten times a second instead.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "attempt/log.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::attempt {

// Any thread. What it calls may follow, or end, any log but the one that it is called for.
class LogFollower {
 public:
  struct Limits {
    Milliseconds begin_after{0};  // so young a log is not looked at: one that ends sooner is read
                                  // once, at its end
    Milliseconds gather{40};      // between two looks; what comes meanwhile is handed on together
    std::size_t logs_max = 1000;
  };

  // A log, and who wants it. All is called on the follower's thread, and for one log at a time.
  struct Log {
    LogReader reader;
    // What came, in order. Of a log that grows by more than 4 MiB between two looks, what was let
    // go before it could be read is told as cut.
    std::function<void(std::string_view)> use;
    // A look has handed something on, and hands on no more.
    std::function<void()> caught_up = {};
    // Asked at first and then each second, where there is one: false when the attempt is over by
    // what else is known (it was lost, and left no exit record), or nobody wants the log any more.
    std::function<bool()> goes_on = {};
    // The attempt is over and all was handed on, where that could be read. The log is followed no
    // longer. The attempt is over when its exit record is there, when its folder was there and is
    // gone, or when it does not go on.
    std::function<void()> ended = {};
  };

  explicit LogFollower(Limits limits) : limits_(limits) {}
  LogFollower() : LogFollower(Limits()) {}
  ~LogFollower();  // hands on nothing more
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  // Follows the log under that key, which no other log has meanwhile. The attempt's folder need not
  // be there yet. False: so many are followed as may be.
  bool Follow(const std::string& key, Log log);

  // Whoever knows that the attempt is over says so: hands on the rest before it returns, and calls
  // `ended` no more. A log that cannot be read harms nobody. False: it was over before, all was
  // handed on; or there is none of that key.
  bool End(const std::string& key);

 private:
  using Clock = std::chrono::steady_clock;
  // Locked by `reading` is what is read and handed on; the rest is the follower's thread's alone.
  struct Followed {
    explicit Followed(Log to_follow) : log(std::move(to_follow)) {}
    std::mutex reading;
    Log log;
    bool over = false;
    int watch = -1;               // of inotify; none
    bool was_there = false;       // the attempt's folder
    Clock::time_point look_at{};  // without news; the time when it began, before it was looked at
    Clock::time_point ask_at{};   // whether it goes on
  };
  using Logs = std::vector<std::pair<std::string, std::shared_ptr<Followed>>>;

  void Run();
  Logs TakeDue(const std::set<int>& news);
  void Look(Followed& log);
  void Watch(Followed& log) const;
  static bool IsOver(Followed& log);
  void RemoveOver(const Logs& looked_at);
  Clock::time_point NextLook() const;
  void AwaitNews(Clock::time_point until) const;
  std::set<int> TakeNews() const;

  const Limits limits_;
  io::Descriptor changes_, wake_;
  std::mutex mutex_;  // guards what follows; not locked while anything is handed on
  std::map<std::string, std::shared_ptr<Followed>> logs_;
  Clock::time_point wakes_at_ = Clock::time_point::min();  // the thread, without being woken
  bool ending_ = false;
  std::condition_variable ends_;
  std::thread thread_;
};

}  // namespace busker::attempt

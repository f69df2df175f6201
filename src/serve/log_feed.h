// The logs of attempts at work, told as they are written, as server-sent events:
//
//   data: {"begin":true,"text":"..."}    at first: what there is, its last 64 KiB at most
//   data: {"text":"..."}                 what came since
//   data: {"end":true}                   the attempt has ended, and all was told
//
// A log is read once, four times a second, however many look on. A log that grows by more than a
// viewer could read is told in part: the whole of what is kept is to be had as a file.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "attempt/log.h"
#include "http/event_queue.h"

namespace busker::serve {

// Any thread.
class LogFeed {
 public:
  LogFeed() : reading_([this] { Read(); }) {}
  ~LogFeed();

  // `is_over`, called about once a second, on a thread of its own: whether the attempt has ended.
  // nullptr when 200 logs or 1,000 viewers are followed already.
  std::shared_ptr<http::EventQueue> Follow(const io::fs::path& attempt_folder,
                                           std::function<bool()> is_over);

 private:
  struct Log {
    explicit Log(const io::fs::path& folder, std::function<bool()> over)
        : reader(folder), is_over(std::move(over)) {}

    attempt::LogReader reader;
    std::function<bool()> is_over;
    int turns = 0;     // since it was asked whether it is over
    std::string tail;  // what a new viewer gets
    std::string rest;  // the begin of a character whose end has not come
    std::vector<std::weak_ptr<http::EventQueue>> viewers;
  };

  void Read();
  static std::string ReadNew(Log& log);
  std::set<std::string> WhichAreOver(std::unique_lock<std::mutex>& lock);
  static std::vector<std::shared_ptr<http::EventQueue>> ViewersOf(const Log& log);
  static bool Tell(Log& log, bool over);  // false: nobody looks on any more

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, Log> logs_;  // by folder
  bool ended_ = false;
  std::thread reading_;  // last: it uses all of the above
};

}  // namespace busker::serve

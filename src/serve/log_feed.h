// The logs of attempts at work, told as they are written, as server-sent events:
//
//   data: {"begin":true,"text":"..."}    at first: what there is, its last 64 KiB at most
//   data: {"text":"..."}                 what came since
//   data: {"end":true}                   the attempt has ended, and all was told
//
// A log is read once, however many look on, and at most ten times a second. Of a log that grows too
// fast to be read, viewers get parts; the whole of it is there as a file.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "attempt/log_follower.h"
#include "http/event_queue.h"

namespace busker::serve {

// Any thread.
class LogFeed {
 public:
  LogFeed() = default;
  ~LogFeed();

  // `is_over`, asked at first and then every few seconds, on a thread of its own, while there is no
  // exit record: whether the attempt has ended all the same. nullptr when 200 logs or 1,000 viewers
  // are followed already.
  std::shared_ptr<http::EventQueue> Follow(const io::fs::path& attempt_folder,
                                           std::function<bool()> is_over);

 private:
  using Queues = std::vector<std::shared_ptr<http::EventQueue>>;
  struct Log {
    std::string key;  // its folder
    std::function<bool()> is_over;
    int turns = 0;      // since that was asked
    std::string tail;   // what a new viewer gets
    std::string fresh;  // what came since anybody was told
    std::string rest;   // the begin of a character whose end has not come
    std::vector<std::weak_ptr<http::EventQueue>> viewers;
  };

  std::size_t CountViewers();
  std::shared_ptr<Log> Begin(const io::fs::path& attempt_folder, std::function<bool()> is_over);
  bool GoesOn(const std::shared_ptr<Log>& log);
  void Tell(Log& log);
  void End(const std::shared_ptr<Log>& log);
  void Forget(const std::shared_ptr<Log>& log);
  static void Add(Log& log, std::string_view bytes);
  static std::string TakeFresh(Log& log);
  static Queues ViewersOf(const Log& log);

  std::mutex mutex_;  // guards what follows, and the logs
  std::map<std::string, std::shared_ptr<Log>> logs_;
  bool ended_ = false;
  attempt::LogFollower follower_{{.gather = Milliseconds(100)}};  // last: it uses all of the above
};

}  // namespace busker::serve

// What happens, told to whoever watches, as server-sent events (the HTML standard's
// text/event-stream): one format for all viewers, made once. A viewer that is slower than the news
// is let go and comes again; it never slows the engine.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/announcer.h"
#include "http/event_queue.h"

namespace busker::serve {

class Live {
 public:
  explicit Live(daemon::Announcer& announcer);
  ~Live();

  void End();  // no viewer hears any more; once this returns, nothing of theirs is called

  // nullptr when there are 2,000 viewers already: half of the listener's connections, so that
  // viewers leave room for those who ask. Who may not hear of all hears only that something
  // happened: {"run":""}.
  std::shared_ptr<http::EventQueue> Watch(bool hears_all = true);

 private:
  void Tell();

  std::shared_ptr<daemon::Subscription> heard_;
  std::mutex mutex_;  // guards what follows
  struct Viewer {
    std::weak_ptr<http::EventQueue> queue;
    bool hears_all = true;
  };
  std::vector<Viewer> viewers_;
  bool ended_ = false;
  std::thread telling_;
};

}  // namespace busker::serve

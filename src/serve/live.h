// What happens, told to whoever watches, as server-sent events (the HTML standard's
// text/event-stream): one format for all viewers, made once. A viewer that is slower than the news
// is let go and comes again; it never slows the engine.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "daemon/announcer.h"

namespace busker::serve {

// The events that one viewer has yet to get. Any thread.
class EventQueue {
 public:
  using Event = std::shared_ptr<const std::string>;

  void Push(Event event);  // more than 1,000 that wait, or 1 MiB of them: it is closed
  void Close();
  Event Pop();          // null: there is none now
  bool closed() const;  // no more come
  // `wake` is called, on any thread, when one came or it closed. It may not use the queue. Once
  // this returns, the one of before is called no more.
  void OnNews(std::function<void()> wake);

  // Whether the viewer may go on watching: who tells the news asks every few seconds. When not, the
  // queue closes, and what waits is dropped.
  void OnlyWhile(std::function<bool(Instant now)> may_watch);
  void LookWhether(Instant now);

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::function<bool(Instant now)> may_watch_;
  std::deque<Event> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool closed_ = false;
  std::function<void()> wake_;
};

class Live {
 public:
  explicit Live(daemon::Announcer& announcer);
  ~Live();

  void End();  // no viewer hears any more; once this returns, nothing of theirs is called

  // nullptr when there are 2,000 viewers already: half of the listener's connections, so that
  // viewers leave room for those who ask. Who may not hear of all hears only that something
  // happened: {"run":""}.
  std::shared_ptr<EventQueue> Watch(bool hears_all = true);

 private:
  void Tell();

  std::shared_ptr<daemon::Subscription> heard_;
  std::mutex mutex_;  // guards what follows
  struct Viewer {
    std::weak_ptr<EventQueue> queue;
    bool hears_all = true;
  };
  std::vector<Viewer> viewers_;
  bool ended_ = false;
  std::thread telling_;
};

}  // namespace busker::serve

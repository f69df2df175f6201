// The server-sent events (the HTML standard's text/event-stream) on their way to one viewer.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/time.h"

namespace busker::http {

// The events that one viewer has yet to get. A viewer that reads too slowly is dropped; it never
// holds up who sends. Any thread.
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

}  // namespace busker::http

// Tells whoever listens what was decided about a run, in order, as it is recorded.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "plan/advance.h"

namespace busker::daemon {

// What one listener has yet to hear. Holds at most 10,000 decisions: a listener that is slower
// loses the rest, and never slows the engine.
class Subscription {
 public:
  // The next decision: waits for it up to `limit`; nullopt when there was none, or none will come
  // (see Ended).
  std::optional<plan::Decision> Next(Milliseconds limit);

  // The run has ended or the conductor has stopped, and all was heard.
  bool Ended() const;
  bool Lost() const;  // something was lost
  bool TakeLost();    // whether something was, since this was last called
  void End();         // nothing more is heard; whoever waits is woken

 private:
  friend class Announcer;
  void Add(const plan::Decision& decision);

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<plan::Decision> waiting_;
  bool ended_ = false, lost_ = false;
};

// Any thread.
class Announcer {
 public:
  // `first`, then everything that is decided about `run` from now on, until it ends.
  std::shared_ptr<Subscription> Subscribe(const std::string& run,
                                          const std::vector<plan::Decision>& first = {});

  // Everything that is decided about any run, until End.
  std::shared_ptr<Subscription> SubscribeToAll();

  void Announce(const plan::Decision& decision);
  void End();  // nothing more will be announced

 private:
  void Tell(const std::string& listened_to, const plan::Decision& decision, bool last);

  std::mutex mutex_;
  std::multimap<std::string, std::weak_ptr<Subscription>> listeners_;  // by run; "": of all
  bool ended_ = false;
};

// The run that a decision is about; empty: none.
std::string RunOf(const plan::Decision& decision);

}  // namespace busker::daemon

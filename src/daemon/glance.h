// A look at what may not answer, such as an artifact store on a disk that is away: whoever asks
// waits for so long and no longer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/time.h"

namespace busker::daemon {

class Glance {
 public:
  // What `look` returns; nullopt: not within `limit`. Then it is left to itself on a thread of its
  // own, and so owns what it touches; until it returns, nobody looks for the same `service` again.
  // Any thread.
  template <typename Look>
  auto At(const std::string& service, Look look, Milliseconds limit)
      -> std::optional<decltype(look())> {
    using Seen = std::optional<decltype(look())>;
    const std::shared_ptr<State> state = state_;
    const auto seen = std::make_shared<Seen>();
    std::unique_lock lock(state->mutex);
    if (state->hanging.contains(service)) return std::nullopt;
    try {
      std::thread([state, seen, service, look = std::move(look)] {
        Seen found(look());
        const std::lock_guard told(state->mutex);
        *seen = std::move(found);
        state->hanging.erase(service);
        state->changed.notify_all();
      }).detach();
    } catch (const std::system_error&) {
      return std::nullopt;  // there are no more threads
    }
    if (!state->changed.wait_for(lock, limit, [&] { return seen->has_value(); })) {
      state->hanging.insert(service);
      return std::nullopt;
    }
    return std::move(*seen);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> hanging;  // services
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace busker::daemon

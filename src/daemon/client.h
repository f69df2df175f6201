// Asks the process that owns a home, whichever it is. One thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/line_channel.h"
#include "daemon/requests.h"

namespace busker::daemon {

// The owner of the home was just ending, and did nothing of what it was asked.
bool WasEnding(const Error& error);

class Client {
 public:
  // Nothing is connected before it is used; each call is a connection of its own.
  explicit Client(io::fs::path socket) : socket_(std::move(socket)) {}

  bool SomebodyListens() const;

  // The id of the run. With `told`, it then tells of the run until that has ended, or `told` says
  // false; kTemporary when the owner of the home ends first. Of a run that has ended already (of an
  // earlier request with the same key) it tells nothing.
  using Told = std::function<bool(const plan::Decision&)>;
  Result<std::string> Start(const StartRequest& request) const;
  // `silent` is called once, when nothing was heard for a moment: the run waits for something.
  Result<std::string> StartAndFollow(const StartRequest& request,
                                     const std::function<void(const std::string& run)>& started,
                                     const Told& told,
                                     const std::function<void()>& silent = {}) const;
  // Tells of the run until it has ended, which it may have already. kTimedOut after `limit`.
  Result<void> Follow(const std::string& run, std::optional<Milliseconds> limit,
                      const Told& told) const;

  Result<void> Cancel(const std::string& run, const std::string& by) const;
  Result<std::string> Retry(const std::string& run, const std::string& by) const;  // NoteOnRetry
  Result<void> Skip(const std::string& run, const std::string& task, const std::string& by) const;
  Result<void> Pause(const plan::GraphKey& graph, bool paused, const std::string& by) const;
  Result<std::vector<BackfillInstant>> Backfill(const BackfillRequest& request) const;
  Result<std::string> Explain(const std::string& what, const std::string& task) const;
  Result<Status> Ask() const;
  Result<std::string> MakeLink(const std::string& by) const;
  Result<void> Yield() const;

 private:
  io::fs::path socket_;
};

}  // namespace busker::daemon
